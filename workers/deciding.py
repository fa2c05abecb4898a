"""Asks the rules in force what becomes of a job, and says what is written of their answer."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from ..models import canaries
from ..models.database import now
from ..models.job import Job
from ..models.schemas import dump_job_request
from ..models.snapshot import CatalogSnapshot
from ..models.states import ON_CLUSTER, JobStatus
from ..monitoring import recorder
from ..routing_rules.decide import Decision, decide
from ..routing_rules.in_force import RulesNow
from ..routing_rules.limits import Usage
from ..routing_rules.pools import Strategy
from ..routing_rules.resolver import Resolution
from ..routing_rules.rules import RuleSet

#: How old the counts of jobs per cluster may be, in seconds, by which the least loaded one is told.
LOAD_SECONDS: Final = 2.0

_HAS_A_CLUSTER: Final = [str(each) for each in (JobStatus.RESOLVED, *ON_CLUSTER)]


class Load:
    """How many jobs each cluster has: counted now and then, and what this process adds meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._counted = float("-inf")

    def counts(self) -> Mapping[str, int]:
        """Jobs that run or wait there, by the cluster's id."""
        with self._lock:
            if time.monotonic() - self._counted > LOAD_SECONDS:
                found = Job.objects(status__in=_HAS_A_CLUSTER).scalar("cluster_id")
                self._counts = Counter(str(cluster_id) for cluster_id in found)
                self._counted = time.monotonic()
            return dict(self._counts)

    def add(self, cluster_id: str) -> None:
        """Another job goes there: the next one sees it before they are counted again."""
        with self._lock:
            self._counts[cluster_id] += 1


class StoppedCanaries:
    """The pools whose canary was stopped, as it was known lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of = ""
        self._pools: frozenset[str] = frozenset()
        self._looked = float("-inf")

    def under(self, rules: RulesNow) -> frozenset[str]:
        """Those that were stopped under these rules."""
        if not any(pool.canary for pool in rules.rules.pools.values()):
            return frozenset()
        with self._lock:
            if self._of != rules.name or time.monotonic() - self._looked > LOAD_SECONDS:
                self._pools = canaries.stopped_pools(rules.name)
                self._of, self._looked = rules.name, time.monotonic()
            return self._pools


def decision_of(job: Job, now_rules: RulesNow, catalog: CatalogSnapshot, usage: Usage) -> Decision:
    """What the rules say; how much is there already is not asked here (see limits)."""
    with recorder.routing_time():
        decision = decide(
            job.request(),
            now_rules.rules,
            catalog,
            usage=usage,
            moment=now(),
            # A second try after a crash decides the same.
            seed=job.id,
            tag_group=job.tag_group,
        )
    recorder.record_decision(job.tag_group, str(decision.outcome), decision.rule or "")
    return decision


def rules_of(decision: Decision, now_rules: RulesNow) -> dict[str, Any]:
    """What a job keeps of the rules that decided about it."""
    return {
        "rules_digest": now_rules.digest,
        "rules_version": now_rules.version,
        "rules": list(decision.rules),
        "pool": decision.question.pools[0].name if decision.question.pools else None,
    }


def route_of(decision: Decision, resolution: Resolution) -> dict[str, Any]:
    """What a job keeps of where it goes, and as what."""
    cluster = resolution.cluster
    assert cluster.engine
    engine = asdict(cluster.engine)
    del engine["type"]
    asked, runs = (dump_job_request(each) for each in (decision.question.request, decision.request))
    return {
        "command_id": resolution.command.id,
        "command_name": resolution.command.name,
        "cluster_id": cluster.id,
        "cluster_name": cluster.name,
        "applications": [application.id for application in resolution.applications],
        "engine": {name: value for name, value in engine.items() if value is not None},
        "emr_cluster_id": cluster.engine.cluster_id,
        "cluster_status": str(cluster.status),
        "queue_reason": None,
        "timeout": resolution.timeout,
        "memory": resolution.memory,
        "cpu": resolution.cpu,
        "priority": decision.request.priority,
        "tags": sorted(decision.request.tags),
        "decided_json": json.dumps(runs) if runs != asked else None,
        "rationale_json": json.dumps(resolution.rationale.as_data()),
    }


def usage_of(load: Load, stopped: StoppedCanaries, rules: RulesNow) -> Usage:
    """What the pools of the rules look at."""
    return Usage(
        load=load.counts() if _looks_at_load(rules.rules) else {}, stopped=stopped.under(rules)
    )


def _looks_at_load(rules: RuleSet) -> bool:
    return any(pool.strategy is Strategy.LEAST_LOADED for pool in rules.pools.values())
