"""Records a request, routes it, and stages its files: until it waits for a slot on its cluster."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from ..models import jobs
from ..models.database import now
from ..models.errors import Fatal, JobConflict, Retryable, StagingFailed
from ..models.job import Job
from ..models.lifecycle import Move, advance
from ..models.passing import pause
from ..models.resources import Application, Cluster, Command
from ..models.snapshot import CatalogSnapshot
from ..models.states import JobStatus
from ..monitoring import recorder
from ..monitoring.logs import log_context
from ..routing_rules.awaited import awaited
from ..routing_rules.decide import Decision, Outcome
from ..routing_rules.places import Stopped
from .broker.delivery import Delivery
from .bus import RequestBus
from .deciding import decision_of, route_of, rules_of, usage_of
from .fleet import Fleet
from .limits import let_in
from .requests import Refused, read_request, refuse
from .steps import step_of

log = logging.getLogger(__name__)

#: How long a job may be on its way through here before the clock rings for it: its worker died, most
#: likely. Two workers at one job do no harm (every move is a compare-and-set), only double work.
RING = timedelta(seconds=60)

#: How often a job that waits for a cluster, or for a limit to leave room, is looked at in any case.
LOOK_AGAIN = timedelta(minutes=5)

#: The bounds of the pause between two tries, when what is needed does not answer, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0


#: Where a job is while it is on its way through here.
_HERE = (JobStatus.RESERVED, JobStatus.RESOLVED)


def accept(fleet: Fleet, bus: RequestBus, delivery: Delivery, tag_group: str | None = None) -> None:
    """Take on a request that was published to a tag group.

    Arguments:
        tag_group: Its tag group, where the message does not come by that group's queue.
    """
    tag_group = tag_group or delivery.routing_key
    try:
        request = read_request(delivery, fleet.publishers)
    except Refused as refused:
        recorder.record_request(tag_group, "invalid")
        refuse(fleet, bus, delivery, refused, tag_group)
        return
    try:
        is_new = jobs.record(
            request,
            tag_group,
            worker=fleet.worker,
            ring_at=now() + RING,
            queue_seconds=fleet.settings.queue_seconds,
        )
    except JobConflict as conflict:
        recorder.record_request(tag_group, "conflict")
        bus.dead_letter(delivery, str(conflict))
        return
    recorder.record_request(tag_group, "accepted" if is_new else "duplicate")
    if is_new:
        take_on(fleet, [request.id])


def take_on(fleet: Fleet, job_ids: Iterable[str]) -> None:
    """Bring recorded jobs as far as they come; where a second worker is at one, it does no harm."""
    for job in jobs.get_all(job_ids):
        with log_context(job_id=job.id, tag_group=job.tag_group):
            try:
                _take_on(fleet, job)
            except Fatal as error:
                # Whatever it is, it will be the same the next time.
                job.reload()
                if job.status not in _HERE:
                    raise
                _end(fleet, job, JobStatus.FAILED, str(error))


def _take_on(fleet: Fleet, job: Job) -> None:
    if job.status not in _HERE:
        # A message that came late, or twice: the job has another owner by now.
        return
    catalog = fleet.catalog.snapshot()
    if job.kill:
        _end(fleet, job, JobStatus.KILLED, f"Killed: {job.kill.reason}")
        return
    if job.queue_until and now() > job.queue_until:
        _end(fleet, job, JobStatus.FAILED, _waited_in_vain(job))
        return
    if job.status is JobStatus.RESERVED and not _route(fleet, job, catalog):
        return
    if job.status is JobStatus.RESOLVED:
        _stage(fleet, job, catalog)


def _route(fleet: Fleet, job: Job, catalog: CatalogSnapshot) -> bool:
    rules = fleet.rules.now()
    usage = usage_of(fleet.load, fleet.canaries, rules)
    decision = decision_of(job, rules, catalog, usage)
    kept = rules_of(decision, rules)
    if decision.resolution is None:
        _not_routed(fleet, job, decision, kept)
        return False
    cluster, command = decision.resolution.cluster, decision.resolution.command
    if cluster.engine is None:
        _end(
            fleet,
            job,
            JobStatus.FAILED,
            f"Cluster {cluster.id!r} has no engine: its catalog entry must say how it is reached.",
            **kept,
        )
        return False
    if stopped := let_in(job, rules.rules):
        _stop(fleet, job, stopped, kept)
        return False
    message = f"Runs command {command.id} on cluster {cluster.id}."
    if not advance(
        Move(
            job_id=job.id,
            before=JobStatus.RESERVED,
            after=JobStatus.RESOLVED,
            message=message,
            also=route_of(decision, decision.resolution) | kept | {"held_by": None},
        ),
        worker=fleet.worker,
    ):
        return False
    fleet.load.add(cluster.id)
    job.reload()
    log.info(
        message,
        extra={"action": "routed", "cluster": cluster.id, "rules": rules.digest[:12]},
    )
    return True


def _not_routed(fleet: Fleet, job: Job, decision: Decision, kept: dict[str, Any]) -> None:
    if decision.outcome is not Outcome.NO_CLUSTER:
        _end(fleet, job, JobStatus.INVALID, decision.reason, failure=decision.reason, **kept)
    elif clusters := awaited(decision, fleet.catalog.snapshot(), moment=now()):
        _wait_for(job, clusters)
    else:
        rationale = json.dumps(decision.rationale)
        _end(fleet, job, JobStatus.FAILED, decision.reason, rationale_json=rationale, **kept)


def _stop(fleet: Fleet, job: Job, stopped: Stopped, kept: dict[str, Any]) -> None:
    limit = stopped.place.limit.name
    recorder.record_decision(job.tag_group, "rejected" if stopped.rejects else "held", limit)
    if stopped.rejects:
        kept["rules"] = [*kept["rules"], limit]
        _end(fleet, job, JobStatus.INVALID, stopped.reason, failure=stopped.reason, **kept)
        return
    _wait(job, stopped.reason, held_by=stopped.place.key)


def _stage(fleet: Fleet, job: Job, catalog: CatalogSnapshot) -> None:
    request = job.decided_request()
    try:
        cluster, command, applications = _chosen(job, catalog)
        with recorder.staging_time():
            step, staged = step_of(fleet.staging, job, request, cluster, command, applications)
    except StagingFailed as error:
        _end(fleet, job, JobStatus.FAILED, str(error))
        return
    except Retryable as error:
        _try_later(job, error)
        return
    for file in staged:
        recorder.record_staged(file.moved)
    message = f"Waits for a slot on cluster {cluster.id}."
    also = {
        "step": {"jar": step.jar, "arguments": list(step.arguments)},
        "staged_files": [
            {
                "source": file.source,
                "target": file.target,
                "checksum": file.checksum,
                "size": file.size,
            }
            for file in staged
        ],
        # The clock rings for its cluster when it has waited too long there.
        "ring_at": job.queue_until,
    }
    if advance(
        Move(
            job_id=job.id,
            before=JobStatus.RESOLVED,
            after=JobStatus.ACCEPTED,
            message=message,
            also=also,
            # A kill rings at once, which this would put off. And staging takes its time: meanwhile the
            # job may have been routed anew, and another worker be at it.
            where={"kill": None, "attempt": job.attempt, "cluster_id": job.cluster_id},
        ),
        worker=fleet.worker,
    ):
        log.info(message, extra={"action": "accepted", "cluster": cluster.id})


def _chosen(job: Job, catalog: CatalogSnapshot) -> tuple[Cluster, Command, list[Application]]:
    cluster, command = catalog.cluster(str(job.cluster_id)), catalog.command(str(job.command_id))
    applications = [catalog.application(name) for name in job.applications]
    if cluster is None or command is None or None in applications:
        raise StagingFailed(
            "the job's catalog entries", "one was taken out after the job was routed"
        )
    return cluster, command, [application for application in applications if application]


def _try_later(job: Job, error: Retryable) -> None:
    seconds = pause(job.rings + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    log.warning(f"{error}; tried again in {seconds:.0f} s.", extra={"action": "delayed"})
    _ring_again(job, timedelta(seconds=seconds), set__status_message=f"{error}; tried again.")


def _wait_for(job: Job, clusters: Sequence[Cluster]) -> None:
    named = ", ".join(f"{cluster.id} ({cluster.status})" for cluster in clusters[:3])
    more = f" and {len(clusters) - 3} more" if len(clusters) > 3 else ""
    _wait(job, f"No cluster that the job may run on is UP; waits for {named}{more}.")


def _wait(job: Job, reason: str, held_by: str | None = None) -> None:
    """Leave the job where it is.

    Arguments:
        held_by: The count of a limit that is at its ceiling; none: it waits for a cluster.
    """
    if job.queue_reason != reason:
        log.info(reason, extra={"action": "waits"})
    changes: dict[str, object] = {"set__status_message": reason, "set__queue_reason": reason}
    changes |= {"set__held_by": held_by} if held_by else {"unset__held_by": True}
    # A change of the catalog rings before, and so does room that a limit has again.
    _ring_again(job, LOOK_AGAIN, **changes)


def _ring_again(job: Job, after: timedelta, **changes: object) -> None:
    due = min(now() + after, job.queue_until) if job.queue_until else now() + after
    # A kill rings at once; it must not be put off.
    Job.objects(id=job.id, status=job.status, kill__exists=False).update_one(
        set__ring_at=due, **changes
    )


def _waited_in_vain(job: Job) -> str:
    why = job.queue_reason or job.status_message
    return (
        f"Waited {job.queue_seconds:g} s (queueTimeout, or TAGFLEET_QUEUE_SECONDS) in vain. {why}"
    )


def _end(fleet: Fleet, job: Job, status: JobStatus, message: str, **also: object) -> None:
    if advance(
        Move(job_id=job.id, before=job.status, after=status, message=message, also=also),
        worker=fleet.worker,
    ):
        log.info(message, extra={"action": "ended", "status": str(status)})
        fleet.bus.ring("finish", [job.id])
