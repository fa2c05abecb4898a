"""Takes EMR's events from an SQS queue, in a thread of its own, until it is told to stop."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pymongo.errors import PyMongoError

from ...models.database_errors import is_away
from ...models.errors import Retryable
from ...models.passing import pause
from ...monitoring import recorder
from ..batches import in_batches
from ..fleet import Fleet
from .apply import apply
from .judge import Verdict
from .parse import EmrEvent, Unreadable, parse

log = logging.getLogger(__name__)

#: How long one call waits for an event, in seconds. SQS would wait 20, but nothing ends such a call, and a
#: worker that is told to stop waits for it.
WAIT_SECONDS: Final = 5

#: For how long further events are taken after the first one, to be applied with it.
GATHER_SECONDS: Final = 1.0

#: The most events that are applied at once.
MOST_EVENTS: Final = 200

#: SQS hands out, and deletes, at most 10 messages a call (SQS API reference).
MESSAGES_A_CALL: Final = 10

#: How long what was taken is ours, in seconds: by then it is deleted, or SQS hands it out again.
VISIBILITY_SECONDS: Final = 60

#: How long is waited for the thread at the end, in seconds; what it has in hand is handed out again.
STOP_SECONDS: Final = 20.0

#: The region in the name of an SQS endpoint (AWS general reference, "Amazon SQS endpoints and quotas").
_REGION: Final = re.compile(r"\bsqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


@dataclass(frozen=True, slots=True)
class _Message:
    """One message in hand."""

    receipt: str
    event: EmrEvent | None


@contextmanager
def listening(fleet: Fleet) -> Iterator[None]:
    """Apply the events of the queues of TAGFLEET_EMR_EVENTS_URL, if there are any, while the block lasts."""
    listeners = [Listener(fleet, url) for url in fleet.settings.emr_events_url]
    for listener in listeners:
        listener.start()
    try:
        yield
    finally:
        for listener in listeners:
            listener.tell_to_stop()
        for listener in listeners:
            listener.join()


class Listener:
    """Listens to one queue. Many may listen to the same one: SQS spreads the messages among them.

    Arguments:
        queue_url: The queue; its region is the one in its name, if there is one.

    Raises:
        BadSetting: No region is known.
    """

    def __init__(self, fleet: Fleet, queue_url: str) -> None:
        self._fleet, self._queue_url = fleet, queue_url
        region = _REGION.search(queue_url)
        self._client = fleet.clients.sqs(region[1] if region else None)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="emr-events", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Let it end after the events that it is at; returns at once."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self.listen()
                failures = 0
                continue
            except (Retryable, PyMongoError, BotoCoreError, ClientError) as error:
                log.warning(f"No events of EMR for now: {error}", extra={"action": "events-missed"})
            except Exception:  # a mistake of ours must not end the listening for good
                log.exception("No events of EMR for now.", extra={"action": "events-missed"})
            failures += 1
            self._stopping.wait(pause(failures))

    def listen(self) -> None:
        """Wait for events once, apply what comes, then delete it.

        Raises:
            BotoCoreError, ClientError: SQS cannot be asked.
            Retryable, PyMongoError: The events cannot be applied; SQS hands them out again.
        """
        messages = [self._read(message) for message in self._receive()]
        self._apply([message.event for message in messages if message.event])
        self._delete(messages)

    def _receive(self) -> list[Any]:
        messages = self._ask(WAIT_SECONDS)
        until = time.monotonic() + GATHER_SECONDS
        while messages and len(messages) < MOST_EVENTS and time.monotonic() < until:
            messages += self._ask(1)
        return messages

    def _ask(self, seconds: int) -> list[Any]:
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=MESSAGES_A_CALL,
            WaitTimeSeconds=seconds,
            VisibilityTimeout=VISIBILITY_SECONDS,
        )
        return list(answer.get("Messages", ()))

    def _read(self, message: Any) -> _Message:
        event = None
        try:
            event = parse(message["Body"])
            if event is None:
                recorder.record_emr_events(Verdict.UNKNOWN, 1)
        except Unreadable as error:
            log.warning(
                f"Message {message['MessageId']} is no event of EMR: {error}. Deleted.",
                extra={"action": "event-unreadable"},
            )
            recorder.record_emr_events(Verdict.UNREADABLE, 1)
        return _Message(message["ReceiptHandle"], event)

    def _apply(self, events: Sequence[EmrEvent]) -> None:
        """Apply them together; where one of them cannot be, the others without it."""
        try:
            apply(self._fleet, events)
        except Exception as error:
            if isinstance(error, Retryable) or is_away(error):
                raise
            if len(events) > 1:
                for event in events:
                    self._apply([event])
                return
            # It would come back for days; the next sweep sees what it told.
            log.exception("An event cannot be applied.", extra={"action": "event-dropped"})

    def _delete(self, messages: Sequence[_Message]) -> None:
        for batch in in_batches(messages, MESSAGES_A_CALL):
            # What is not deleted comes again, and changes nothing then.
            self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt}
                    for number, message in enumerate(batch)
                ],
            )
