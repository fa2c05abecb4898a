"""The states of a job and of the catalog, and the table of a job's moves."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """Where a job is; Genie's names."""

    RESERVED = "RESERVED"  #: Recorded, not routed yet.
    RESOLVED = "RESOLVED"  #: Command, cluster and applications are chosen.
    ACCEPTED = "ACCEPTED"  #: Staged; waits for a slot on its cluster.
    CLAIMED = "CLAIMED"  #: Submission intended; written before the call to EMR.
    INIT = "INIT"  #: EMR has the step; it has not started.
    RUNNING = "RUNNING"  #: The step runs.
    SUCCEEDED = "SUCCEEDED"  #: The step ended with exit code 0.
    FAILED = "FAILED"  #: The step, the cluster, the staging or the routing failed.
    KILLED = "KILLED"  #: It was stopped because somebody asked for it.
    INVALID = "INVALID"  #: The request was refused.

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended; such a status never changes."""
        return self in TERMINAL


class CommandStatus(StrEnum):
    """Whether a command, or an application, may be chosen."""

    ACTIVE = "ACTIVE"  #: In use.
    DEPRECATED = "DEPRECATED"  #: Only for who asks for this status.
    INACTIVE = "INACTIVE"  #: Out of use.


class ClusterStatus(StrEnum):
    """Whether a cluster takes jobs."""

    UP = "UP"  #: Takes jobs.
    OUT_OF_SERVICE = "OUT_OF_SERVICE"  #: Drained: running jobs go on, new ones go elsewhere.
    TERMINATED = "TERMINATED"  #: Gone.


TERMINAL: Final = frozenset(
    {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.KILLED, JobStatus.INVALID}
)

#: Open on a cluster: what a cluster's reconcile pass looks at.
ON_CLUSTER: Final = frozenset(
    {JobStatus.ACCEPTED, JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING}
)

#: From each status, where a job may go. A status that is missing here is terminal.
MOVES: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.RESERVED: frozenset(
        {JobStatus.RESOLVED, JobStatus.INVALID, JobStatus.FAILED, JobStatus.KILLED}
    ),
    # Back to RESERVED: its cluster was drained or is gone; it is routed anew.
    JobStatus.RESOLVED: frozenset(
        {JobStatus.ACCEPTED, JobStatus.RESERVED, JobStatus.FAILED, JobStatus.KILLED}
    ),
    JobStatus.ACCEPTED: frozenset(
        {JobStatus.CLAIMED, JobStatus.RESERVED, JobStatus.FAILED, JobStatus.KILLED}
    ),
    # Back to ACCEPTED: EMR refused the call, or provably never saw it.
    JobStatus.CLAIMED: frozenset(
        {
            JobStatus.INIT,
            JobStatus.ACCEPTED,
            JobStatus.RESERVED,
            JobStatus.FAILED,
            JobStatus.KILLED,
        }
    )
    # A step may have ended before its submission was read back.
    | frozenset({JobStatus.RUNNING, JobStatus.SUCCEEDED}),
    # Back to RESERVED: its cluster was lost, and it says that it may run again.
    JobStatus.INIT: frozenset(
        {JobStatus.RUNNING, JobStatus.RESERVED, *(TERMINAL - {JobStatus.INVALID})}
    ),
    JobStatus.RUNNING: frozenset({JobStatus.RESERVED, *(TERMINAL - {JobStatus.INVALID})}),
}


class Held(StrEnum):
    """How long a job holds a place that a limit has given it."""

    QUEUED = "queued"  #: Until it goes to its cluster.
    RUNNING = "running"  #: While it is on its cluster.
    OPEN = "open"  #: Until it ends.
    RECENT = "recent"  #: For the period of a rate, whatever becomes of the job.
