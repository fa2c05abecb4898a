"""What can be done about dead letters: list, show, replay, drop; for the command line and for HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..models.dead_letter_queue import DeadLetterQueue, Held
from ..models.dead_letters import Letter
from ..models.errors import Fatal, PublishFailed, Unroutable
from ..models.settings import Settings
from .replay import CannotReplay, replay_of


class NoRabbitMq(Fatal):
    """There are no dead letters without a RabbitMQ."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "TAGFLEET_AMQP_URL is not set: the embedded mode has no RabbitMQ, and so no dead letters; what it "
            "cannot take, it refuses at once. Set it to the RabbitMQ of the fleet."
        )


class NoSuchLetter(Fatal):
    """No dead letter has this id: it was sent on or dropped, or never was."""

    def __init__(self, *ids: str) -> None:
        super().__init__(
            f"No dead letter has the id {', '.join(ids)}. 'tagfleet dead-letters list' shows them."
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: those with these ids, or with this text in their reason, or all.

    Arguments:
        ids: Empty for any.
        reason: In any case.
    """

    ids: frozenset[str] = frozenset()
    reason: str | None = None

    def has(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        if self.ids:
            return letter.id in self.ids
        return self.reason is None or self.reason.lower() in letter.reason.lower()

    def check_found(self, found: set[str]) -> None:
        """Make sure that each id was found.

        Raises:
            NoSuchLetter: One was not.
        """
        if missing := sorted(self.ids - found):
            raise NoSuchLetter(*missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a letter."""

    id: str
    #: `replayed`, `dropped`, or `kept`.
    result: str
    job_id: str | None
    #: Where it went, why it stayed, or why it had died.
    detail: str

    def row(self) -> dict[str, Any]:
        """The outcome as JSON data."""
        return {
            "id": self.id,
            "result": self.result,
            "jobId": self.job_id,
            "detail": self.detail,
        }


def listed(settings: Settings, wanted: Selection, limit: int | None = None) -> list[Letter]:
    """The letters that are meant, the oldest first.

    Arguments:
        limit: Look at so many of the oldest only.

    Raises:
        NoRabbitMq: The fleet has none.
        LettersInUse: Another command holds the letters, for longer than one waits.
        ServiceUnavailable: RabbitMQ cannot be reached.
    """
    with _queue(settings) as queue:
        return [held.letter for held in queue.letters(limit) if wanted.has(held.letter)]


def show(settings: Settings, letter_id: str) -> Letter:
    """One letter, whole.

    Raises:
        NoSuchLetter: It is not there.
        NoRabbitMq, LettersInUse, ServiceUnavailable: As for `listed`.
    """
    found = listed(settings, Selection(frozenset([letter_id])))
    if not found:
        raise NoSuchLetter(letter_id)
    return found[0]


def replay(settings: Settings, wanted: Selection, *, new_id: bool) -> list[Outcome]:
    """Send letters back to where they came from; one that would not run is kept.

    The process must be connected to MongoDB unless the requests become jobs of their own.

    Arguments:
        new_id: Each request becomes a new job.

    Raises:
        NoRabbitMq, LettersInUse, ServiceUnavailable: As for `listed`.
    """
    with _queue(settings) as queue:
        return list(_each(queue, wanted, lambda held: _sent_on(queue, held, new_id)))


def drop(settings: Settings, wanted: Selection) -> list[Outcome]:
    """Delete letters for good.

    Raises:
        NoRabbitMq, LettersInUse, ServiceUnavailable: As for `listed`.
    """

    def dropped(held: Held) -> tuple[str, str | None, str]:
        queue.settle(held)
        return "dropped", held.letter.job_id, held.letter.reason

    with _queue(settings) as queue:
        return list(_each(queue, wanted, dropped))


def _sent_on(queue: DeadLetterQueue, held: Held, new_id: bool) -> tuple[str, str | None, str]:
    try:
        found = replay_of(held.letter, new_id=new_id)
        queue.send_on(
            held,
            exchange=found.exchange,
            routing_key=found.routing_key,
            message_id=found.message_id,
            body=found.body,
        )
    except (CannotReplay, PublishFailed, Unroutable) as error:
        return "kept", held.letter.job_id, str(error)
    where = f"to {found.exchange or 'the queue'} {found.routing_key}".strip()
    return "replayed", found.job_id, where


def _each(
    queue: DeadLetterQueue,
    wanted: Selection,
    work: Callable[[Held], tuple[str, str | None, str]],
) -> Iterator[Outcome]:
    for held in queue.letters():
        if wanted.has(held.letter):
            result, job_id, detail = work(held)
            yield Outcome(id=held.letter.id, result=result, job_id=job_id, detail=detail)


def _queue(settings: Settings) -> DeadLetterQueue:
    if not settings.amqp_url:
        raise NoRabbitMq
    return DeadLetterQueue(settings.amqp_url, signs=settings.amqp_identity != "off")
