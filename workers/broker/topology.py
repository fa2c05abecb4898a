"""Declares what must stand in RabbitMQ; declaring it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...models.amqp import AmqpConnection, LinkLost
from ...models.amqp_rpc import Question, Refused, ask
from ...models.errors import Fatal, ServiceUnavailable, TagfleetError
from ...models.queues import Binding, Exchange, Queue, Topology

_NOT_ALLOWED, _NOT_FOUND, _DIFFERENT = 403, 404, 406


class DeclaredOtherwise(Fatal):
    """What stands in RabbitMQ under one of our names has other arguments, and those cannot be changed."""

    exit_code = 2

    def __init__(self, what: str, address: str, why: str) -> None:
        super().__init__(
            f"{what} exists at {address} with other arguments: {why}. Delete it once it is empty "
            "(`rabbitmqctl delete_queue NAME` for a queue), or name another virtual host in "
            "TAGFLEET_AMQP_URL, and start again."
        )
        self.what = what


class MayNotDeclare(Fatal):
    """The user of the connection lacks a permission that a worker needs."""

    exit_code = 2

    def __init__(self, what: str, address: str, why: str) -> None:
        super().__init__(
            f"{what} cannot be declared at {address}: {why}. A worker's user needs to configure, write and "
            "read `tagfleet\\..*` (`rabbitmqctl set_permissions`)."
        )
        self.what = what


def declare(url: str, topology: Topology) -> None:
    """Declare it over a short connection, as a worker does before it starts.

    Raises:
        ServiceUnavailable: RabbitMQ cannot be reached; said within some seconds.
        DeclaredOtherwise, MayNotDeclare: An admin has to change something first.
    """
    with AmqpConnection(url) as connection:
        declare_on(connection, topology)


def declare_on(connection: AmqpConnection, topology: Topology) -> None:
    """Declare it over a connection that is used for more; raises what `declare` raises."""
    steps = list(_steps(topology))
    try:
        _ask(connection, [question for _, question in steps])
    except Refused as refused:
        raise _explained(steps[refused.index][0], connection.address, refused) from refused


@dataclass(frozen=True, slots=True)
class Depth:
    """What RabbitMQ counts of a queue."""

    #: Those that are handed to nobody.
    messages: int
    consumers: int


def depth_of(connection: AmqpConnection, queue: str) -> Depth | None:
    """What is in a queue; None: it does not stand.

    RabbitMQ counts 0 of both for a quorum queue that does not answer it at once.

    Raises:
        ServiceUnavailable, MayNotDeclare: It is not told.
    """
    try:
        [answer] = _ask(
            connection,
            [
                lambda channel, answered: channel.queue_declare(
                    queue, passive=True, callback=answered
                )
            ],
        )
    except Refused as refused:
        if refused.code == _NOT_FOUND:
            return None
        raise _explained(f"The queue {queue!r}", connection.address, refused) from refused
    return Depth(answer.method.message_count, answer.method.consumer_count)


def unbind(connection: AmqpConnection, binding: Binding) -> None:
    """Lead nothing there any more; no binding, or no queue, is as good."""
    _do(
        connection,
        binding.queue,
        lambda channel, answered: channel.queue_unbind(
            binding.queue, binding.exchange, binding.routing_key, callback=answered
        ),
    )


def delete(connection: AmqpConnection, queue: str) -> None:
    """Delete a queue, whatever is in it: RabbitMQ takes no condition for a quorum queue."""
    _do(connection, queue, lambda channel, answered: channel.queue_delete(queue, callback=answered))


def _do(connection: AmqpConnection, queue: str, question: Question) -> None:
    try:
        _ask(connection, [question])
    except Refused as refused:
        if refused.code != _NOT_FOUND:
            raise _explained(f"The queue {queue!r}", connection.address, refused) from refused


def _ask(connection: AmqpConnection, questions: Sequence[Question]) -> list[Any]:
    try:
        return ask(connection.link(), questions)
    except LinkLost as error:
        raise ServiceUnavailable(
            "RabbitMQ", connection.address, str(error), "Check TAGFLEET_AMQP_URL."
        ) from error


def _steps(topology: Topology) -> Iterator[tuple[str, Question]]:
    for exchange in topology.exchanges:
        yield f"The exchange {exchange.name!r}", _declare_exchange(exchange)
    for queue in topology.queues:
        yield f"The queue {queue.name!r}", _declare_queue(queue)
    for binding in topology.bindings:
        yield f"The binding of {binding.queue!r} to {binding.exchange!r}", _bind(binding)


def _declare_exchange(exchange: Exchange) -> Question:
    return lambda channel, answered: channel.exchange_declare(
        exchange.name,
        exchange.type,
        durable=True,
        arguments=dict(exchange.arguments),
        callback=answered,
    )


def _declare_queue(queue: Queue) -> Question:
    return lambda channel, answered: channel.queue_declare(
        queue.name, durable=True, arguments=dict(queue.arguments), callback=answered
    )


def _bind(binding: Binding) -> Question:
    return lambda channel, answered: channel.queue_bind(
        binding.queue, binding.exchange, binding.routing_key, callback=answered
    )


def _explained(what: str, address: str, refused: Refused) -> TagfleetError:
    if refused.code == _DIFFERENT:
        return DeclaredOtherwise(what, address, refused.text)
    if refused.code == _NOT_ALLOWED:
        return MayNotDeclare(what, address, refused.text)
    return ServiceUnavailable("RabbitMQ", address, f"{what}: {refused.text}")
