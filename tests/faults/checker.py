"""Judges a run: the cluster's ledger and the jobs' own marks first, and what the fleet says by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tagfleet.models.states import MOVES, TERMINAL, JobStatus

from .evidence import Evidence, LedgerStep
from .plan import Kind

#: A step's end is written down in other units than a job's: milliseconds.
_ROUNDING_SECONDS = 0.005

_STATUS_OF = {"COMPLETED": JobStatus.SUCCEEDED, "FAILED": JobStatus.FAILED}


def judge(evidence: Evidence) -> list[str]:
    """What is wrong with a job; nothing, when all is well."""
    if evidence.document is None:
        return ["it was published, and there is no such job"]
    return [
        *_wrong_steps(evidence),
        *_wrong_history(evidence.document),
        *_wrong_claims(evidence, evidence.document),
        *_wrong_end(evidence, evidence.document),
        *_wrong_events(evidence, evidence.document),
    ]


def strangers(ledger: Sequence[LedgerStep], known: set[str]) -> list[str]:
    """Steps that belong to no job of the run."""
    return [
        f"step {row.step} {row.name!r} belongs to no job"
        for row in ledger
        if row.job_id not in known
    ]


def doubled(evidence: Evidence) -> int:
    """How many steps of the job stood down because another one had claimed it."""
    ran = [step for step in evidence.steps if step.has_run]
    return max(0, len(ran) - 1) if evidence.job.kind is Kind.STAGED else 0


def _wrong_steps(evidence: Evidence) -> Iterator[str]:
    """Exactly one step ran the job; none did only if it was killed before."""
    ran = [step.step for step in evidence.steps if step.has_run]
    is_killed = evidence.kill_written is not None
    if len(evidence.marks) > 1:
        yield f"its command ran {len(evidence.marks)} times, in the steps {evidence.marks}"
    if not is_killed and len(evidence.marks) != 1:
        yield f"its command ran {len(evidence.marks)} times, and nobody asked to kill it"
    # A staged job's second step finds the claim of the first, and runs nothing.
    if len(ran) > 1 and evidence.job.kind is not Kind.STAGED:
        yield f"{len(ran)} steps of it ran: {ran}"
    if any(step not in ran for step in evidence.marks):
        yield f"its marks {evidence.marks} are not of its steps {ran}"
    if any(step.process_starts > 1 for step in evidence.steps):
        yield "a step's process was started more than once"
    if live := [step.step for step in evidence.steps if step.ended is None]:
        yield f"its steps {live} have not ended"
    if not is_killed and any(step.state == "CANCELLED" for step in evidence.steps):
        yield "a step of it was cancelled, and nobody asked to kill it"


def _wrong_claims(evidence: Evidence, document: Mapping[str, Any]) -> Iterator[str]:
    """A job that was queued when its end was asked for is not submitted any more."""
    if evidence.kill_written is None:
        return
    for entry in document["history"]:
        moment = entry["time"].timestamp()
        late = moment - evidence.kill_written
        # A step that the ledger had before is not submitted by this, only found.
        is_found = any(
            step.step in entry["message"] and step.created < moment for step in evidence.steps
        )
        if entry["status"] == JobStatus.CLAIMED and late > 0 and not is_found:
            yield f"it was claimed {late:.3f} s after the request for its end was written"


def _wrong_history(document: Mapping[str, Any]) -> Iterator[str]:
    """A job moves by the table, never back, and ends once."""
    statuses = [JobStatus(entry["status"]) for entry in document["history"]]
    if statuses[0] is not JobStatus.RESERVED:
        yield f"its history begins with {statuses[0]}"
    for before, after in zip(statuses, statuses[1:], strict=False):
        if after not in MOVES.get(before, frozenset()):
            yield f"it moved from {before} to {after}"
    if statuses[-1] != document["status"]:
        yield f"its status is {document['status']}, its history ends with {statuses[-1]}"
    if statuses[-1] not in TERMINAL or document.get("finished") is None:
        yield f"it has not ended: {document['status']}, finished {document.get('finished')}"


def _wrong_end(evidence: Evidence, document: Mapping[str, Any]) -> Iterator[str]:
    """The end that the ledger calls for, and not before the step had ended."""
    step = _deciding_step(evidence)
    status = document["status"]
    expected = _expected(evidence, step)
    if status not in expected:
        state = f"step {step.step} is {step.state}" if step else "no step ran"
        yield f"it is {status}, expected {' or '.join(sorted(expected))}: {state}"
    if step is None:
        return
    if evidence.marks and document.get("step_id") != step.step:
        yield f"its step is {document.get('step_id')}, the one that ran is {step.step}"
    finished = document.get("finished")
    if finished and step.ended and finished.timestamp() < step.ended - _ROUNDING_SECONDS:
        yield f"it was said to have ended {step.ended - finished.timestamp():.3f} s before its step"
    if status == JobStatus.FAILED and document.get("exit_code") != evidence.job.exit_code:
        yield f"its exit code is {document.get('exit_code')}, expected {evidence.job.exit_code}"


def _deciding_step(evidence: Evidence) -> LedgerStep | None:
    """The step that ran the command, or else the newest."""
    ran = [step for step in evidence.steps if step.step in evidence.marks]
    return next(iter(ran), None) or next(reversed(evidence.steps), None)


def _expected(evidence: Evidence, step: LedgerStep | None) -> set[JobStatus]:
    by_itself = JobStatus.FAILED if evidence.job.exit_code else JobStatus.SUCCEEDED
    if evidence.kill_written is None:
        return {by_itself}
    if step is None or step.state == "CANCELLED":
        return {JobStatus.KILLED}
    if step.ended is not None and step.ended > evidence.kill_written:
        # It ended by itself after all, but a kill that was asked for wins.
        return {JobStatus.KILLED}
    return {JobStatus.KILLED, _STATUS_OF.get(step.state, by_itself)}


def _wrong_events(evidence: Evidence, document: Mapping[str, Any]) -> Iterator[str]:
    """Its end is told at least once, and no other end ever."""
    if set(evidence.told) != {document["status"]}:
        yield f"it is {document['status']}, and listeners were told {sorted(set(evidence.told)) or 'nothing'}"
