"""Writes down what a client asks of S3."""

from __future__ import annotations

from typing import Any


class CallLog:
    """The operations that a client sends, in order."""

    def __init__(self, client: Any) -> None:
        self.operations: list[str] = []
        #: The bytes of all answers' bodies that are files.
        self.bytes_read = 0
        client.meta.events.register("before-call.s3", self._called)
        client.meta.events.register("after-call.s3.GetObject", self._read)

    def count(self, operation: str) -> int:
        """How often an operation was asked for."""
        return self.operations.count(operation)

    def _called(self, model: Any, **_: object) -> None:
        self.operations.append(model.name)

    def _read(self, parsed: dict[str, Any], **_: object) -> None:
        self.bytes_read += parsed.get("ContentLength", 0)
