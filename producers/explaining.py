"""Why a job went where it went: what was stored of the decision, and the rules that made it, again."""

from __future__ import annotations

from typing import Any

from ..models import rule_sets
from ..models.job import Job
from ..models.job_view import dump
from ..models.settings import Settings
from ..models.states import JobStatus
from ..routing_rules.decide import decide
from ..routing_rules.decision_text import trace_data
from ..routing_rules.in_force import RulesNow


def explained(job: Job, settings: Settings) -> dict[str, Any]:
    """The decision about a job as JSON data: what `render_decision` reads.

    The rules say the same again where the set that decided is still known: they are asked with the job's own
    request and time. Commands and clusters are as they were stored, for the catalog has moved on.
    """
    shown = dump(job)
    rules = shown.get("rules") or {}
    return {
        "outcome": "refused" if job.status is JobStatus.INVALID else _outcome(job),
        "reason": job.failure or job.queue_reason or job.history[-1].message
        if not job.cluster_id
        else f"Command {job.command_id} on cluster {job.cluster_id}",
        "rule": None,
        "rules": rules.get("names", []),
        "rulesDigest": rules.get("digest"),
        "rulesVersion": rules.get("version"),
        "tagGroup": job.tag_group,
        "pool": job.pool,
        "command": job.command_id,
        "cluster": job.cluster_id,
        "applications": list(job.applications),
        "timeout": job.timeout,
        "memory": job.memory,
        "cpu": job.cpu,
        "priority": job.priority,
        "changed": rules.get("changed", {}),
        "trace": _trace(job, settings),
        "rationale": job.rationale(),
    }


def _outcome(job: Job) -> str:
    if job.cluster_id:
        return "routed"
    return "held" if job.held_by else "no_cluster" if job.status.is_terminal else "waits"


def _trace(job: Job, settings: Settings) -> list[dict[str, Any]]:
    rules = _rules_of(job, settings)
    if rules is None:
        return []
    decision = decide(
        job.request(),
        rules.rules,
        None,
        moment=job.created,
        seed=job.id,
        tag_group=job.tag_group,
    )
    return trace_data(decision)


def _rules_of(job: Job, settings: Settings) -> RulesNow | None:
    """The set that decided about the job, if it is still known."""
    if not job.rules_digest:
        return None
    stored = rule_sets.by_digest(job.rules_digest)
    if stored is not None:
        return RulesNow.of(stored.texts(), stored.version)
    files = RulesNow.from_files(settings.rules)
    return files if files.digest == job.rules_digest else None
