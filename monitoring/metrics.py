"""Every metric of the pipeline, declared once.

No job id and no user is ever a label: each value of a label is one more time series for ever
(Prometheus documentation, "Metric and label naming"). What the labels here take is bounded by what
admins configure (tag groups, clusters, queues) or by the code (results, statuses, actors).

Gauges are of a `live` mode: a process that has died must not go on speaking.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

#: Bounds for one call over a network, in seconds.
_CALL: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

#: Bounds for what moves files or waits for several calls, in seconds.
_WORK: Final = (*_CALL, 60, 300)

#: Bounds for one decision in memory, in seconds.
_DECISION: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1)

#: Bounds for what happens to a job, from a second to a day, in seconds.
_JOB: Final = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)

# In: requests, and what cannot be one.

#: Requests that came by a queue, by what became of them: `accepted`, `duplicate`, `conflict`, `invalid`.
REQUESTS: Final = Counter("tagfleet_requests", "Job requests received.", ["tag_group", "result"])

#: Messages kept as dead letters, by the queue that they came by.
DEAD_LETTERS: Final = Counter("tagfleet_dead_letters", "Messages kept as dead letters.", ["queue"])

# Routing and staging.

#: Routing decisions: `resolved` or `unresolvable`.
ROUTING_DECISIONS: Final = Counter(
    "tagfleet_routing_decisions", "Routing decisions.", ["tag_group", "outcome", "rule"]
)
ROUTING_SECONDS: Final = Histogram(
    "tagfleet_routing_seconds", "Time of one routing decision.", buckets=_DECISION
)

#: Files staged: `moved`, or `cached` where they were there already.
STAGED_FILES: Final = Counter("tagfleet_staged_files", "Files staged for jobs.", ["result"])
STAGING_SECONDS: Final = Histogram(
    "tagfleet_staging_seconds", "Time to stage the files of one job.", buckets=_WORK
)

# Clusters.

#: Steps that a cluster was given; many share one call.
STEPS_SUBMITTED: Final = Counter(
    "tagfleet_steps_submitted", "Steps added to clusters.", ["cluster"]
)

#: Steps under way that belong to no open job: `orphan` where there is no such job, or `stopped`.
STRAY_STEPS: Final = Counter("tagfleet_stray_steps", "Steps that belong to no open job.", ["kind"])

#: Calls of EMR: `ok`, `throttled`, `error`, or `unknown` when no answer came.
EMR_CALLS: Final = Counter("tagfleet_emr_calls", "Calls of the EMR API.", ["operation", "result"])
EMR_CALL_SECONDS: Final = Histogram(
    "tagfleet_emr_call_seconds", "Time of one call of the EMR API.", ["operation"], buckets=_CALL
)

#: Calls that were not made, because the account's quota had no room for them.
EMR_CALLS_HELD_BACK: Final = Counter(
    "tagfleet_emr_calls_held_back", "Calls of the EMR API that wait for the quota.", ["operation"]
)

#: What was left of a quota after the last call that this fleet made; `all` is what all calls share.
EMR_TOKENS: Final = Gauge(
    "tagfleet_emr_tokens",
    "Calls of the EMR API that the quota has room for.",
    ["account", "region", "operation"],
    multiprocess_mode="livemostrecent",
)

#: Events of EMR: `applied`, `stale`, `left` to a sweep, `unknown`, `unreadable`.
EMR_EVENTS: Final = Counter("tagfleet_emr_events", "Events of EMR received.", ["result"])

#: Passes over clusters; how many there were is the histogram's own count.
PASS_SECONDS: Final = Histogram(
    "tagfleet_pass_seconds", "Time of one pass over one cluster.", buckets=_WORK
)

# Jobs.

#: Moves of jobs, by the status that they moved to.
JOB_TRANSITIONS: Final = Counter(
    "tagfleet_job_transitions", "Changes of a job's status.", ["status"]
)

#: Jobs that have ended; `none` is the cluster of a job that never had one.
JOBS_FINISHED: Final = Counter(
    "tagfleet_jobs_finished", "Jobs that ended.", ["status", "cluster", "tag_group"]
)
JOB_WAIT_SECONDS: Final = Histogram(
    "tagfleet_job_wait_seconds",
    "From being recorded to having a step.",
    ["tag_group"],
    buckets=_JOB,
)
JOB_RUN_SECONDS: Final = Histogram(
    "tagfleet_job_run_seconds", "From the step's start to its end.", ["status"], buckets=_JOB
)

# The workers themselves.

#: Messages that actors worked at: `done`, or `error` where they are given out again.
MESSAGES: Final = Counter("tagfleet_messages", "Messages worked at.", ["actor", "result"])
MESSAGE_SECONDS: Final = Histogram(
    "tagfleet_message_seconds", "Time that an actor took for one message.", ["actor"], buckets=_WORK
)

# The rules.

#: Summed over all processes: how many go by a set. A digest comes with each set that admins apply; sets
#: that are gone by no longer are 0, and their series end with the process.
RULES_IN_FORCE: Final = Gauge(
    "tagfleet_rules_in_force",
    "Processes that go by these rules.",
    ["digest"],
    multiprocess_mode="livesum",
)

#: 0 where a process could not use what was applied last, and goes by what was before.
RULES_LAST_RELOAD_SUCCESSFUL: Final = Gauge(
    "tagfleet_rules_last_reload_successful",
    "Whether what was applied last is gone by.",
    multiprocess_mode="livemin",
)

#: 1 while the pool's canary gets no more jobs, because too many of those it had have failed.
CANARY_STOPPED: Final = Gauge(
    "tagfleet_canary_stopped",
    "Whether a pool's canary was stopped.",
    ["pool"],
    multiprocess_mode="livemostrecent",
)

#: 1 while a folder that is watched holds rules that cannot be used; those in force stay so meanwhile.
RULES_WATCH_FAILED: Final = Gauge(
    "tagfleet_rules_watch_failed",
    "Whether the watched folder holds rules that cannot be used.",
    multiprocess_mode="livemostrecent",
)

# The clock.

#: Summed over all processes: 1 when somebody keeps the clock, 0 when nobody does.
CLOCK_LEADER: Final = Gauge(
    "tagfleet_clock_leader", "Whether this process keeps the clock.", multiprocess_mode="livesum"
)

#: Stands still when nobody keeps the clock, or when MongoDB or RabbitMQ cannot be reached.
CLOCK_TICK_TIME: Final = Gauge(
    "tagfleet_clock_tick_timestamp_seconds",
    "When the fleet's clock ticked last.",
    multiprocess_mode="livemax",
)
