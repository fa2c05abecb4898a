"""Who picks one of several that would all do: a chain of selectors, asked in order."""

from __future__ import annotations

import hashlib
import logging
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..models.resources import Cluster, Command, JobRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a selector is asked: which of these?"""

    #: "command" or "cluster".
    kind: str
    #: In the order of their ids; never empty.
    candidates: tuple[Command, ...] | tuple[Cluster, ...]
    request: JobRequest
    #: The same seed and candidates must lead to the same answer.
    seed: int | str
    #: The command that was chosen; None while the command itself is being chosen.
    command: Command | None = None
    #: The commands that do equally well, by id, and the clusters that each of them may run on.
    clusters: Mapping[str, tuple[Cluster, ...]] = field(default_factory=dict, repr=False)


#: Called once a decision, from any worker. Answers the id of a candidate, or None: no preference.
#: Must not wait. May raise anything: the next selector is asked then.
Selector: TypeAlias = Callable[[Choice], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one selector said."""

    kind: str
    selector: str
    #: The id that it named.
    picked: str | None = None
    #: Why the next one was asked, although it did not decline.
    problem: str | None = None


def seeded_random(choice: Choice) -> str:
    """Any of the candidates, evenly; the seed alone decides which.

    A digest rather than `random`: the answer is the same on every Python, for good.
    """
    digest = hashlib.blake2b(f"{choice.kind}/{choice.seed}".encode(), digest_size=16).digest()
    return choice.candidates[int.from_bytes(digest, "big") % len(choice.candidates)].id


DEFAULT_SELECTORS: Final[tuple[Selector, ...]] = (seeded_random,)


def ask(selectors: Sequence[Selector], choice: Choice) -> tuple[Answer, ...]:
    """Ask in order until one names a candidate; the last answer is that pick, if there is one."""
    answers: list[Answer] = []
    for selector in selectors:
        answers.append(_ask_one(selector, choice))
        if is_pick(answers[-1]):
            break
    return tuple(answers)


def is_pick(answer: Answer) -> bool:
    """Whether the selector named a candidate."""
    return answer.picked is not None and answer.problem is None


def _ask_one(selector: Selector, choice: Choice) -> Answer:
    name = getattr(selector, "__name__", type(selector).__name__)
    problem = None
    picked = None
    try:
        picked = selector(choice)
    except Exception as error:  # a selector is somebody else's code: it must not stop the job
        problem = f"it failed: {type(error).__name__}: {error}"
    else:
        if picked is not None and not _is_candidate(picked, choice):
            problem = f"it named {picked!r}, which is not a candidate"
    if problem:
        log.warning(
            "The %s selector %s is skipped for job %s: %s.",
            choice.kind,
            name,
            choice.request.id,
            problem,
        )
    named = picked if isinstance(picked, str) else None
    return Answer(kind=choice.kind, selector=name, picked=named, problem=problem)


def has_id(candidates: Sequence[Command] | Sequence[Cluster], wanted: str) -> bool:
    """Whether one of them has this id; they are in the order of their ids."""
    at = bisect_left(candidates, wanted, key=lambda each: each.id)
    return at < len(candidates) and candidates[at].id == wanted


def _is_candidate(picked: object, choice: Choice) -> bool:
    return isinstance(picked, str) and has_id(choice.candidates, picked)
