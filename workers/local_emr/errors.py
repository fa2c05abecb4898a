"""What the local EMR refuses: a call, in AWS's own words, or its own start."""

from __future__ import annotations

from ...models.errors import Fatal


class AwsError(Exception):
    """A refusal that the caller sees as a botocore `ClientError`.

    Arguments:
        code: AWS's name for it ("ValidationException", "NoSuchKey").
        message: What AWS says.
        status: The HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class CannotStart(Fatal):
    """The port or the home folder belongs to another process."""

    exit_code = 3


class CannotLaunch(Exception):
    """A step's process cannot be started; the step fails with this reason.

    Arguments:
        reason: The short cause, as in EMR's FailureDetails.
        message: What exactly was missing.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message
