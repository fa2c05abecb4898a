"""Asks RabbitMQ something on a channel of its own, and waits for the answer, for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .amqp_link import Link
from .amqp_publishing import LinkLost

#: Asks one thing: is given a pika channel, and what to call with the answer.
Question: TypeAlias = Callable[[Any, Callable[[Any], None]], object]

#: How long all questions of one `ask` may take.
ANSWER_SECONDS = 15.0


class Refused(Exception):
    """RabbitMQ closed the channel over a question; the rest was not asked."""

    def __init__(self, code: int, text: str, index: int) -> None:
        super().__init__(f"{text} ({code})")
        #: An AMQP reply code: 404 not found, 403 not allowed, 406 different from what is there.
        self.code = code
        self.text = text
        #: Which question it was.
        self.index = index


def ask(link: Link, questions: Sequence[Question], *, timeout: float = ANSWER_SECONDS) -> list[Any]:
    """Ask one after the other; returns the frames of the answers. Not from the link's own thread.

    Raises:
        Refused: RabbitMQ refused one.
        LinkLost: The link was lost, or there was no answer in time (it is given up then).
    """
    dialogue = _Dialogue(link, questions)
    link.on_loss(dialogue.on_loss)
    try:
        link.call(lambda: link.open_channel(dialogue.on_channel))
        if not dialogue.ended.wait(timeout):
            link.abort(f"no answer within {timeout:g} s")
            raise LinkLost(f"no answer within {timeout:g} s")
    finally:
        link.forget(dialogue.on_loss)
    if dialogue.error:
        raise dialogue.error
    return dialogue.answers


class _Dialogue:
    def __init__(self, link: Link, questions: Sequence[Question]) -> None:
        self.link, self.questions = link, questions
        self.answers: list[Any] = []
        self.error: Exception | None = None
        self.ended = threading.Event()

    def on_channel(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_closed)
        self._next(channel)

    def on_loss(self, why: str) -> None:
        self._end(LinkLost(why))

    def _next(self, channel: Any) -> None:
        if len(self.answers) == len(self.questions):
            self._end(None)
            channel.close()
            return
        self.questions[len(self.answers)](channel, lambda frame: self._on_answer(channel, frame))

    def _on_answer(self, channel: Any, frame: Any) -> None:
        self.answers.append(frame)
        self._next(channel)

    def _on_closed(self, _: Any, reason: Any) -> None:
        self._end(
            Refused(
                getattr(reason, "reply_code", 0),
                getattr(reason, "reply_text", str(reason)),
                len(self.answers),
            )
        )

    def _end(self, error: Exception | None) -> None:
        if not self.ended.is_set():
            self.error = error
            self.ended.set()
