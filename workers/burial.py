"""Gives a message up: tells the job that it was about, and keeps it as a dead letter."""

from __future__ import annotations

import json
import logging

from ..models import jobs, troubles
from ..models.errors import InvalidInput, JobNotFound
from ..models.job import Job
from ..models.lifecycle import Move, advance
from ..models.queues import CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE, group_of
from ..models.schemas import load_job_request, request_digest
from ..models.states import JobStatus
from .broker.delivery import Delivery
from .bus import RequestBus
from .events import end_event
from .fleet import Fleet
from .requests import REASON_LENGTH, identified

log = logging.getLogger(__name__)

#: Which actor works at jobs by their ids, by the queue that they come by.
ACTOR_OF = {FINISH_QUEUE: "finish", RECOVER_QUEUE: "take_on"}

#: A job that is on its way through the stages that messages bring forward. On a cluster it has an owner.
_ON_ITS_WAY = (JobStatus.RESERVED, JobStatus.RESOLVED)


def bury(fleet: Fleet, bus: RequestBus, delivery: Delivery, reason: str) -> None:
    """Keep a message that cannot be done, with the reason; its job says the same."""
    reason = reason[:REASON_LENGTH]
    tag_group = group_of(delivery.queue)
    if tag_group:
        _tell_requested(fleet, delivery, reason, tag_group)
        bus.dead_letter(delivery, reason)
    elif delivery.queue == CLUSTERS_QUEUE:
        _keep_one_a_day(bus, delivery, reason)
    elif len(job_ids := _ids_in(delivery)) > 1:
        # One of them is to blame, at most: each gets a message of its own.
        for job_id in job_ids:
            fleet.bus.ring(ACTOR_OF[delivery.queue], [job_id])
    else:
        _tell_worked_at(fleet, delivery, reason)
        bus.dead_letter(delivery, reason)


def _tell_requested(fleet: Fleet, delivery: Delivery, reason: str, tag_group: str) -> None:
    job_id, body = identified(delivery)
    if job_id is None:
        return
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        jobs.record_invalid(job_id, reason, body, tag_group=tag_group, worker=fleet.worker)
        return
    try:
        is_the_same = job.digest == request_digest(load_job_request({**body, "id": job_id}))
    except InvalidInput:
        return  # another's id, then: that job was a request
    if is_the_same:
        _fail(fleet, job, reason)


def _tell_worked_at(fleet: Fleet, delivery: Delivery, reason: str) -> None:
    for job in jobs.get_all(_ids_in(delivery)):
        if delivery.queue == FINISH_QUEUE:
            _leave_unfinished(fleet, job, reason)
        else:
            _fail(fleet, job, reason)


def _fail(fleet: Fleet, job: Job, reason: str) -> None:
    if job.status not in _ON_ITS_WAY:
        return
    move = Move(job_id=job.id, before=job.status, after=JobStatus.FAILED, message=reason)
    if advance(move, worker=fleet.worker):
        log.warning(reason, extra={"action": "failed", "job_id": job.id})
        fleet.bus.ring("finish", [job.id])


def _leave_unfinished(fleet: Fleet, job: Job, reason: str) -> None:
    """Its logs are not archived, and the clock does not ring for it for ever; but its end is told."""
    if job.status.is_terminal and job.archive_status is None:
        fleet.bus.tell([end_event(job)])
    Job._get_collection().update_one(
        {"_id": job.id, "status": str(job.status), "ring_at": {"$exists": True}},
        {
            "$set": {"archive_status": "FAILED", "archive_message": reason},
            "$unset": {"ring_at": ""},
        },
    )


def _keep_one_a_day(bus: RequestBus, delivery: Delivery, reason: str) -> None:
    # A pass over a cluster is rung for again and again: each would leave the same letter.
    trouble = f"{delivery.queue} {_argument_of(delivery)}"
    if troubles.is_known(trouble):
        log.error("%s (%s; its letter of today is kept)", reason, trouble)
        return
    bus.dead_letter(delivery, reason)
    troubles.note(trouble)


def _ids_in(delivery: Delivery) -> list[str]:
    found = _argument_of(delivery)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _argument_of(delivery: Delivery) -> object:
    try:
        arguments = json.loads(delivery.body)["args"]
        return arguments[0]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
