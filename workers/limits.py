"""Lets jobs in and onto clusters as far as the limits of the rules leave room."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from pymongo.errors import PyMongoError

from ..models import jobs, limit_holders
from ..models.database import now
from ..models.job import Job
from ..models.lifecycle import Move
from ..models.resources import JobRequest
from ..models.states import Held, JobStatus
from ..routing_rules.limits import OnExceed
from ..routing_rules.places import Place, Stopped, places_of
from ..routing_rules.rules import RuleSet

log = logging.getLogger(__name__)

#: How many of the jobs that have their turn are asked in one pass.
_LOOKED_AT: Final = 500

#: Moves after which a job may hold fewer places than before.
_FREES: Final = frozenset(JobStatus) - {JobStatus.RESOLVED, JobStatus.INIT, JobStatus.RUNNING}


def let_in(job: Job, rules: RuleSet) -> Stopped | None:
    """Take the places that a job needs to be let in; all of them, or none and the limit that has none."""
    if not rules.limits:
        return None
    places = [
        place
        for place in _places(job.request(), job.tag_group, rules)
        if place.held is not Held.RUNNING
    ]
    # What refuses goes before what lets wait.
    places.sort(key=lambda place: place.limit.on_exceed is OnExceed.HOLD)
    for place in places:
        if place.key != job.held_by and _others_wait_for(place):
            return Stopped(place=place)
    return _take_all(job.id, places)


def _others_wait_for(place: Place) -> bool:
    """Whether a job would overtake those that are held already."""
    return Job.objects(status=JobStatus.RESERVED, held_by=place.key).first() is not None


class Starting:
    """Lets jobs of one cluster start, in their order, as far as the limits on running jobs leave room.

    Arguments:
        rules: Those in force.
        ready: The jobs that have their turn, the first one first.
    """

    def __init__(self, rules: RuleSet, ready: Sequence[Job]) -> None:
        self._rules = rules
        self._limits = any(
            limit.ceiling.running is not None and limit.on_exceed is OnExceed.HOLD
            for limit in rules.limits
        )
        self._ids = [job.id for job in ready[:_LOOKED_AT]]
        #: Counts that are at their ceilings: who else they hold need not be asked.
        self._full: dict[str, Stopped] = {}

    def lets(self, job: Job) -> bool:
        """Take the places that the job needs; where there is none, the job says so from now on."""
        if not self._limits:
            return True
        request = self._requests.get(job.id)
        if request is None:
            return False
        places = [
            each
            for each in _places(request, job.tag_group, self._rules)
            if each.held is Held.RUNNING
        ]
        stopped = next((self._full[each.key] for each in places if each.key in self._full), None)
        stopped = stopped or _take_all(job.id, places)
        if stopped is None:
            return True
        self._full[stopped.place.key] = stopped
        _say(job, stopped)
        return False

    @cached_property
    def _requests(self) -> Mapping[str, JobRequest]:
        return {job.id: job.request() for job in jobs.get_all(self._ids)}


def _say(job: Job, stopped: Stopped) -> None:
    if (job.held_by, job.queue_reason) != (stopped.place.key, stopped.reason):
        job.held_by, job.queue_reason = stopped.place.key, stopped.reason
        Job.objects(id=job.id, status=JobStatus.ACCEPTED).update_one(
            set__held_by=job.held_by, set__queue_reason=job.queue_reason
        )


def room_of(job_id: str, held_by: str, rules: RuleSet) -> int:
    """How many jobs may be let in of those that wait for the same as this one."""
    (job,) = jobs.get_all([job_id]) or (None,)
    if job is None:
        return 0
    for place in _places(job.request(), job.tag_group, rules):
        if place.key == held_by:
            return max(0, place.most - limit_holders.count(place.key))
    # Whatever held it is no more.
    return 1_000_000


def release(move: Move) -> None:
    """Free what a job held until this move."""
    if move.after not in _FREES:
        return
    try:
        limit_holders.release(move.job_id, move.after)
    except PyMongoError as error:
        # The clock's leader finds it later; the move itself has happened.
        log.warning(
            f"The places that limits gave job {move.job_id} are freed later: {error}",
            extra={"action": "places-left"},
        )


def _take_all(job_id: str, places: Sequence[Place]) -> Stopped | None:
    taken: list[str] = []
    for place in places:
        if not _take(place, job_id):
            limit_holders.give_back(job_id, taken)
            return Stopped(place=place)
        taken.append(place.key)
    return None


def _take(place: Place, job_id: str) -> bool:
    return limit_holders.take(place.key, job_id, place.held, place.most, seconds=place.seconds)


def _places(request: JobRequest, tag_group: str, rules: RuleSet) -> Iterator[Place]:
    return places_of(request, tag_group, rules, now())
