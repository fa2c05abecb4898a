"""A fleet and one cluster on the local EMR, for tests of a pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tagfleet.models import catalog, jobs
from tagfleet.models import lease as leases
from tagfleet.models.job import Job
from tagfleet.models.resources import Engine
from tagfleet.models.states import JobStatus
from tagfleet.workers.accept import accept
from tagfleet.workers.fleet import Fleet
from tagfleet.workers.reconcile.one_pass import reconcile

from ...emr_fixtures import BUCKET, Emr
from ...models.samples import a_cluster, a_command, request_data
from ..samples import NotedBus, a_delivery, a_fleet


class Bench:
    """A fleet, and one cluster on the local EMR."""

    def __init__(self, emr: Emr, folder: Path, **settings: str) -> None:
        self.emr, self.bus = emr, NotedBus()
        self.cluster = emr.cluster()
        self.register(executableAndArguments=["bash", "-c"])
        paces = {"BATCH_SECONDS": "0", "SWEEP_SECONDS": "0.2"}
        self.fleet: Fleet = a_fleet(folder, self.bus, **paces | settings)
        emr.calls()

    def job(self, job_id: str, script: str = "true", **changes: Any) -> None:
        """Accept a job."""
        accept(
            self.fleet,
            self.bus,
            a_delivery(request_data(id=job_id, commandArgs=[script], **changes)),
        )
        assert jobs.get(job_id).status is JobStatus.ACCEPTED

    def register(self, *, status: str = "UP", cluster: str | None = None, **command: Any) -> None:
        """Put the cluster, or another one in its place, into the catalog."""
        engine = {
            "type": "emr",
            "clusterId": cluster or self.cluster,
            "stepConcurrency": 2,
            "logUri": f"s3://{BUCKET}/logs",
        }
        catalog.apply([a_cluster(engine=engine, status=status)])
        if command:
            catalog.apply([a_command(**command)])

    @property
    def fleet_engine(self) -> Engine:
        """The cluster, as an engine is told of it."""
        return Engine(cluster_id=self.cluster)

    def read(self, job_id: str) -> Job:
        """The job as it is now."""
        return jobs.get(job_id)

    def pass_over(self, *, sweep: bool = True) -> None:
        """One pass; where it is to sweep, the pause since the last sweep is over."""
        if sweep:
            leases.database()["leases"].update_one(
                {"_id": self.cluster}, {"$unset": {"swept_at": ""}}
            )
        reconcile(self.fleet, self.cluster)

    def until_ended(self, *job_ids: str) -> None:
        """Pass over the cluster until the jobs have ended."""
        for _ in range(600):
            if all(self.status(job_id).is_terminal for job_id in job_ids):
                return
            self.pass_over()
        raise AssertionError([self.status(job_id) for job_id in job_ids])

    def status(self, job_id: str) -> JobStatus:
        """Where the job is."""
        return jobs.get(job_id).status

    def names(self) -> list[str]:
        """The names of the cluster's steps, oldest first."""
        return [step["Name"].split()[0] for step in self.emr.steps(self.cluster)]
