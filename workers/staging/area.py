"""The staging area: where the files of jobs wait for the clusters that fetch them."""

from __future__ import annotations

import hashlib

from ...models.aws import AwsClients
from ...models.staging_names import folder_name, job_folder
from ...models.storage import Storage
from .allowed import SourceRules
from .errors import staging_errors
from .fetch import WebFetcher
from .layout import RUN
from .origins import LIMIT_BYTES, Origins
from .plan import StagingPlan
from .run_script import RunScript, run_script
from .stage import StagedFile, stage


class Staging:
    """Stages jobs; one object serves all threads of a process.

    In the area: `jobs/<job id>/` is a job's folder, `runs/` has what the steps are given,
    `claims/<job id>.<attempt>` tells which step runs it, and `cache/` keeps what came from elsewhere.

    Arguments:
        storage: The area; in S3, or a folder that the clusters see under the same path.
        clients: For sources in S3.
        rules: What may be fetched; without, public hosts and S3.
        limit_bytes: The largest file that goes through this worker; copies within S3 do not.
    """

    def __init__(
        self,
        storage: Storage,
        clients: AwsClients,
        *,
        rules: SourceRules | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        rules = rules or SourceRules()
        self._storage = storage
        self._fetcher = WebFetcher(rules)
        self._origins = Origins(storage, clients, rules, self._fetcher, limit_bytes)

    def job_uri(self, job_id: str) -> str:
        """The address of a job's folder."""
        return self._storage.uri(job_folder(job_id))

    def claim_uri(self, job_id: str, attempt: int) -> str:
        """The address of the claim that the one step makes which runs this attempt."""
        return self._storage.uri(f"claims/{folder_name(job_id)}.{attempt}")

    def stage(self, job_id: str, plan: StagingPlan) -> list[StagedFile]:
        """Stage the files of a plan in the job's folder; see `stage.stage`."""
        return stage(job_folder(job_id), plan, self._storage, self._origins)

    def put_run_script(self, script: RunScript) -> str:
        """Write the job's `run` script, into its folder and where its step finds it; returns that address.

        Raises:
            StagingFailed: It cannot be written, in either sense of the word.
            StagingDelayed: The store does not answer, or not now.
        """
        content = run_script(script).encode()
        # The step's own: who stages an earlier routing of the job, slowly, writes another one.
        digest = hashlib.sha256(content).hexdigest()[:16]
        own = f"runs/{folder_name(script.job_id)}.{script.attempt}.{digest}"
        for name in (f"{job_folder(script.job_id)}/{RUN}", own):
            with staging_errors(self._storage.uri(name)):
                self._storage.put_bytes(name, content)
        return self._storage.uri(own)

    def close(self) -> None:
        """Close the connections to web servers."""
        self._fetcher.close()
