"""Submits a request: published where there is a broker, recorded where there is none."""

from __future__ import annotations

from ..models import jobs
from ..models.database import now
from ..models.queues import INTAKE
from ..models.resources import JobRequest
from ..models.schemas import dump_job_request
from ..models.settings import Settings
from ..routing_rules.rules import RuleSet
from .publisher import Publisher
from .rules_in_force import rules_in_force


def submit(settings: Settings, request: JobRequest) -> None:
    """Hand a job to the fleet; on return it is safe with the broker or with the database.

    Submitting the same request under the same id again changes nothing.

    Raises:
        NoRoute: Without a broker: the rules have no place for it.
        JobConflict: Without a broker: the id belongs to a job with another body.
        PublishFailed, ServiceUnavailable: The broker did not take it; submit it again.
    """
    if settings.amqp_url:
        with Publisher(settings.amqp_url) as publisher:
            publisher.publish(dump_job_request(request), routing_key=INTAKE)
        return
    # The embedded fleet has no queue to knock at: its clock finds the job within a second.
    record(settings, rules_in_force(settings).rules, request)


def record(settings: Settings, rules: RuleSet, request: JobRequest) -> bool:
    """Record a job in the database; the fleet's clock finds it there within a second.

    Returns:
        Whether it was recorded now; False when the same job was there already.

    Raises:
        NoRoute: The rules have no place for it.
        JobConflict: The id belongs to a job with another body.
    """
    return jobs.record(
        request,
        rules.tag_group_of(request),
        worker="submit",
        ring_at=now(),
        queue_seconds=settings.queue_seconds,
    )
