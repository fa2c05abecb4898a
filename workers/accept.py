"""Records a request, routes it, and stages its files: until it waits for a slot on its cluster."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta

from ..models import jobs
from ..models.database import now
from ..models.errors import Fatal, JobConflict, Retryable, StagingFailed, Unresolvable
from ..models.job import Job
from ..models.lifecycle import Move, advance
from ..models.passing import pause
from ..models.resources import Application, Cluster, Command
from ..models.snapshot import CatalogSnapshot
from ..models.states import JobStatus
from ..monitoring import recorder
from ..monitoring.logs import log_context
from ..routing_rules.awaited import awaited_clusters
from ..routing_rules.resolver import Resolution, resolve
from .broker.delivery import Delivery
from .bus import RequestBus
from .fleet import Fleet
from .requests import Refused, read_request, refuse
from .steps import step_of

log = logging.getLogger(__name__)

#: How long a job may be on its way through here before the clock rings for it: its worker died, most
#: likely. Two workers at one job do no harm (every move is a compare-and-set), only double work.
RING = timedelta(seconds=60)

#: How often a job that waits for a cluster is looked at, besides each change of the catalog.
LOOK_FOR_CLUSTERS = timedelta(minutes=5)

#: The bounds of the pause between two tries, when what is needed does not answer, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0


#: Where a job is while it is on its way through here.
_HERE = (JobStatus.RESERVED, JobStatus.RESOLVED)


def accept(fleet: Fleet, bus: RequestBus, delivery: Delivery) -> None:
    """Take on a request that was published to the queue of its tag group."""
    tag_group = delivery.routing_key
    try:
        request = read_request(delivery)
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
    try:
        # The job's id is the seed: a second try after a crash decides the same.
        with recorder.routing_time():
            found = resolve(job.request(), catalog, seed=job.id)
    except Unresolvable as error:
        if awaited := awaited_clusters(job.request(), fleet.catalog.snapshot(), moment=now()):
            recorder.record_decision(job.tag_group, "waits")
            _wait_for(job, awaited)
            return False
        recorder.record_decision(job.tag_group, "unresolvable")
        _end(fleet, job, JobStatus.FAILED, error.reason, rationale_json=json.dumps(error.rationale))
        return False
    recorder.record_decision(job.tag_group, "resolved")
    if found.cluster.engine is None:
        _end(
            fleet,
            job,
            JobStatus.FAILED,
            f"Cluster {found.cluster.id!r} has no engine: its catalog entry must say how it is reached.",
        )
        return False
    routed = _routed(found)
    message = f"Runs command {found.command.id} on cluster {found.cluster.id}."
    if not advance(
        Move(
            job_id=job.id,
            before=JobStatus.RESERVED,
            after=JobStatus.RESOLVED,
            message=message,
            also=routed,
        ),
        worker=fleet.worker,
    ):
        return False
    job.reload()
    log.info(message, extra={"action": "routed", "cluster": found.cluster.id})
    return True


def _routed(found: Resolution) -> dict[str, object]:
    assert found.cluster.engine
    engine = asdict(found.cluster.engine)
    del engine["type"]
    return {
        "command_id": found.command.id,
        "command_name": found.command.name,
        "cluster_id": found.cluster.id,
        "cluster_name": found.cluster.name,
        "applications": [application.id for application in found.applications],
        "engine": {name: value for name, value in engine.items() if value is not None},
        "emr_cluster_id": found.cluster.engine.cluster_id,
        "cluster_status": str(found.cluster.status),
        "queue_reason": None,
        "timeout": found.timeout,
        "memory": found.memory,
        "cpu": found.cpu,
        "rationale_json": json.dumps(found.rationale.as_data()),
    }


def _stage(fleet: Fleet, job: Job, catalog: CatalogSnapshot) -> None:
    request = job.request()
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
    reason = f"No cluster that the job may run on is UP; waits for {named}{more}."
    if job.queue_reason != reason:
        log.info(reason, extra={"action": "waits"})
    # A change of the catalog rings before.
    _ring_again(job, LOOK_FOR_CLUSTERS, set__status_message=reason, set__queue_reason=reason)


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
