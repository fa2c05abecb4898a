"""Every error of tagfleet, in two families: what may work later, and what never will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class TagfleetError(Exception):
    """The base of all errors that tagfleet raises on purpose."""

    #: What a command that meets this error exits with (contract, section 8).
    exit_code = 1


class Retryable(TagfleetError):
    """It may work later: the network, a throttle, a full cluster."""


class Fatal(TagfleetError):
    """It will not work however often it is tried."""


class ServiceUnavailable(Retryable):
    """A service that tagfleet needs cannot be reached.

    Arguments:
        service: What it is, in a user's words ("RabbitMQ", "MongoDB").
        address: Where it was looked for, without credentials.
        why: What the attempt ended with.
        advice: What to do next; a setting's name, usually.
    """

    exit_code = 3

    def __init__(self, service: str, address: str, why: str, advice: str = "") -> None:
        super().__init__(
            f"{service} at {address} cannot be reached: {why}." + (f" {advice}" if advice else "")
        )
        self.service, self.address, self.why = service, address, why


class BadSetting(Fatal):
    """An environment variable has a value that cannot be used."""

    exit_code = 2

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: expected {expected}.")
        self.name, self.expected = name, expected


class InvalidInput(Fatal):
    """What came in is not what was expected; names every field that is wrong.

    Arguments:
        what: What was read ("job request", "catalog.yaml").
        problems: One sentence a problem, each with its path.
    """

    exit_code = 2

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(f"{what}: " + "; ".join(problems))
        self.what, self.problems = what, tuple(problems)


class JobNotFound(Fatal):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"There is no job with the id {job_id!r}. 'tagfleet job list' shows the newest ones."
        )
        self.job_id = job_id


class NotFound(Fatal):
    """No resource of this kind has this id."""

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(
            f"There is no {kind.removesuffix('s')} with the id {resource_id!r}. 'tagfleet catalog get {kind}' lists them."
        )
        self.kind, self.resource_id = kind, resource_id


class JobConflict(Fatal):
    """The id belongs to a job with another body; that job goes on unharmed."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"A job with the id {job_id!r} exists already, with another body. "
            "Publish the changed request under a new id."
        )
        self.job_id = job_id


class CatalogConflict(Fatal):
    """The change of the catalog does not go together with what is there."""


class Unresolvable(Fatal):
    """No command, cluster or application answers the request; carries why."""

    def __init__(self, reason: str, rationale: Mapping[str, object]) -> None:
        super().__init__(reason)
        self.reason, self.rationale = reason, rationale


class StagingFailed(Fatal):
    """A file that the job needs cannot be staged.

    Arguments:
        uri: The file, as the job or the catalog names it.
        why: The reason, as the store gave it.
    """

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(f"Cannot stage {uri}: {why}")
        self.uri, self.why = uri, why


class LeaseLost(Retryable):
    """Another worker holds this cluster's lease now: stop acting for the cluster at once."""


class PublishFailed(Retryable):
    """The broker did not take the message; nothing was accepted, publish it again."""

    exit_code = 3


class Unroutable(Fatal):
    """No queue takes this routing key."""

    exit_code = 2

    def __init__(self, routing_key: str) -> None:
        super().__init__(
            f"No queue takes the routing key {routing_key!r}. Use the name of a tag group from the rule files, "
            "or 'intake' to let the fleet choose."
        )
        self.routing_key = routing_key
