"""Publishes job requests to RabbitMQ: confirmed, and checked before they are sent.

All that an Airflow environment needs of the fleet. A request published again under its id is the same job, so
a publication in doubt is simply published again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pika

from ..models.amqp import CONFIRM_SECONDS, AmqpConnection, Link, LinkLost, OutcomeUnknown, Outgoing
from ..models.amqp_rpc import Question, Refused, ask
from ..models.errors import (
    InvalidInput,
    PublishFailed,
    ServiceUnavailable,
    TagfleetError,
    Unroutable,
)
from ..models.queues import INTAKE, REQUESTS_EXCHANGE, group_queue, valid_group_name
from ..models.schemas import load_job_request

#: A worker reads no larger body, unless its admin has set TAGFLEET_MAX_BODY_BYTES.
MAX_BODY_BYTES = 8 * 1024 * 1024

#: AMQP's reply code for what is not there.
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What became of one request of many."""

    #: The job's id; "" where the request has none that can be used.
    job_id: str
    #: Why the request was not accepted; None: RabbitMQ has it.
    error: TagfleetError | None


class Publisher:
    """A connection to publish requests on, from any thread; connects at the first request.

    Arguments:
        url: `amqp://user:password@host:5672/vhost`.
        user_id: Whom RabbitMQ shall vouch for; it refuses any name but the connection's own. None: that
            name. "": nobody, for a broker whose logins have other names than its users.
        max_body_bytes: A larger request is refused here already.
        confirm_timeout: Seconds that RabbitMQ has to confirm a message.
    """

    def __init__(
        self,
        url: str,
        *,
        user_id: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        confirm_timeout: float = CONFIRM_SECONDS,
    ) -> None:
        self._connection = AmqpConnection(url, confirm_timeout=confirm_timeout)
        self._user_id = self._connection.user if user_id is None else user_id
        self._max_body_bytes = max_body_bytes
        self._checked: tuple[Link | None, set[str]] = (None, set())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def publish(
        self, request: Mapping[str, object], *, routing_key: str = INTAKE, job_id: str | None = None
    ) -> str:
        """Publish a job request; on return RabbitMQ has it. Returns the job's id.

        Arguments:
            request: A JobRequest as JSON data.
            routing_key: A tag group's name, or `intake` to let the fleet choose.
            job_id: The job's id; None: the request's own, or a new one.

        Raises:
            InvalidInput: The request is no JobRequest; names every problem.
            Unroutable: No queue takes the routing key.
            PublishFailed, ServiceUnavailable: RabbitMQ did not take it; publish it again under its id.
        """
        message = self._outgoing(request, routing_key, job_id)
        self._check_route(routing_key)
        try:
            self._connection.publish_all([message])
        except OutcomeUnknown:
            self._connection.publish_all([message])
        return str(message.properties.message_id)

    def publish_many(
        self, requests: Iterable[Mapping[str, object]], *, routing_key: str = INTAKE
    ) -> list[PublishResult]:
        """Publish job requests without waiting for one before the next; returns a result for each, in order.

        Raises:
            Unroutable: No queue takes the routing key; nothing was sent.
            ServiceUnavailable: RabbitMQ cannot be reached; nothing was sent.
        """
        self._check_route(routing_key)
        batch = _Batch(self._connection)
        for request in requests:
            try:
                batch.send(self._outgoing(request, routing_key, None))
            except InvalidInput as error:
                batch.refuse(str(request.get("id") or ""), error)
        return batch.results()

    def check(self) -> None:
        """Make sure that RabbitMQ answers, and that the fleet's queues stand there.

        Raises:
            Unroutable: There is no queue for requests.
            PublishFailed, ServiceUnavailable: RabbitMQ cannot be reached, or is lost just now.
        """
        self._checked = (None, set())
        self._check_route(INTAKE)

    def close(self) -> None:
        """Disconnect, once what was published is confirmed."""
        self._connection.close()

    def _outgoing(
        self, request: Mapping[str, object], routing_key: str, job_id: str | None
    ) -> Outgoing:
        body = {**request, "id": job_id or request.get("id") or str(uuid.uuid4())}
        checked = load_job_request(body)
        return Outgoing(
            exchange=REQUESTS_EXCHANGE,
            routing_key=routing_key,
            body=self._encoded(body),
            properties=pika.BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                message_id=checked.id,
                user_id=self._user_id or None,
                app_id="tagfleet",
            ),
        )

    def _encoded(self, body: dict[str, object]) -> bytes:
        try:
            encoded = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidInput("job request", [f"not JSON data: {error}"]) from error
        if len(encoded) > self._max_body_bytes:
            problem = f"{len(encoded)} bytes of JSON: at most {self._max_body_bytes} are taken"
            raise InvalidInput("job request", [problem])
        return encoded

    def _check_route(self, routing_key: str) -> None:
        # The exchange gives what it cannot route to another one, so RabbitMQ returns nothing: look first.
        if routing_key != INTAKE and not valid_group_name(routing_key):
            raise Unroutable(routing_key)
        link = self._connection.link()
        if self._checked[0] is not link:
            self._checked = (link, set())
        if routing_key in self._checked[1]:
            return
        try:
            ask(link, [_is_there(group_queue(routing_key))])
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                raise Unroutable(routing_key) from refused
            raise PublishFailed(f"RabbitMQ refused: {refused}") from refused
        except LinkLost as error:
            raise PublishFailed(f"RabbitMQ was lost: {error}. Publish it again.") from error
        self._checked[1].add(routing_key)


class _Batch:
    """Requests on their way, in order; each ends with a result."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._entries: list[PublishResult | tuple[Outgoing, Future[None]]] = []
        self._unavailable: ServiceUnavailable | None = None

    def send(self, message: Outgoing) -> None:
        self._entries.append((message, self._publish(message)))

    def refuse(self, job_id: str, error: TagfleetError) -> None:
        self._entries.append(PublishResult(job_id, error))

    def results(self) -> list[PublishResult]:
        self._publish_again_what_is_in_doubt()
        return [
            entry
            if isinstance(entry, PublishResult)
            else PublishResult(entry[0].properties.message_id, _error_of(entry[1]))
            for entry in self._entries
        ]

    def _publish_again_what_is_in_doubt(self) -> None:
        doubtful = [
            (index, entry[0])
            for index, entry in enumerate(self._entries)
            if isinstance(entry, tuple) and isinstance(_error_of(entry[1]), OutcomeUnknown)
        ]
        for index, message in doubtful:
            self._entries[index] = (message, self._publish(message))

    def _publish(self, message: Outgoing) -> Future[None]:
        # Each try to connect may take seconds: the first failure is that of all that follow.
        try:
            if not self._unavailable:
                return self._connection.publish(message)
        except ServiceUnavailable as error:
            self._unavailable = error
        except PublishFailed as error:
            return _failed(error)
        return _failed(self._unavailable)


def _is_there(queue: str) -> Question:
    return lambda channel, answered: channel.queue_declare(queue, passive=True, callback=answered)


def _failed(error: Exception | None) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(error)
    return future


def _error_of(future: Future[Any]) -> TagfleetError | None:
    error = future.exception()
    if error is None or isinstance(error, TagfleetError):
        return error
    raise error
