"""How soon a worker tries again to reach RabbitMQ."""

from __future__ import annotations

import socket
import time

from tagfleet.models.amqp import AmqpConnection
from tagfleet.workers.broker.reconnecting import (
    CALM_SECONDS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Backoff,
    Reconnecting,
)


def test_the_pauses_grow_and_stay_below_the_longest():
    backoff = Backoff()
    pauses = [backoff.failed() for _ in range(20)]
    assert pauses[0] <= FIRST_PAUSE_SECONDS
    assert pauses[0] < pauses[3] < pauses[-1]
    assert LONGEST_PAUSE_SECONDS / 2 <= pauses[-1] <= LONGEST_PAUSE_SECONDS


def test_after_some_calm_the_pauses_start_anew(monkeypatch):
    # Given
    backoff = Backoff()
    for _ in range(20):
        backoff.failed()
    # When
    later = time.monotonic() + CALM_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    # Then
    assert backoff.is_due
    assert backoff.failed() <= FIRST_PAUSE_SECONDS


def test_consumers_that_share_a_connection_make_one_try_and_then_wait(monkeypatch):
    monkeypatch.setattr("tagfleet.workers.broker.reconnecting.FIRST_PAUSE_SECONDS", 60)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        connection = AmqpConnection(f"amqp://127.0.0.1:{unused.getsockname()[1]}/")
        reconnecting = Reconnecting(connection)
        tries: list[None] = []
        connect = connection.link
        connection.link = lambda: (tries.append(None), connect())[1]  # type: ignore[method-assign]
        assert [reconnecting.link() for _ in range(50)] == [None] * 50
    assert len(tries) == 1
