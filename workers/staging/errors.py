"""How staging fails for now; for good, it fails with StagingFailed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...models.errors import Retryable, StagingFailed
from ...models.storage import StorageError, StorageUnavailable
from .sources import shown


class StagingDelayed(Retryable):
    """A file cannot be staged now, and may be later: a throttle, a 5xx, a time-out, a full disk.

    Arguments:
        uri: The file, fit to be shown.
        why: The reason, as the store or the server gave it.
    """

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(f"Cannot stage {uri} now: {why}")
        self.uri, self.why = uri, why


@contextmanager
def staging_errors(source: str) -> Iterator[None]:
    """Turn what a storage raises while a source is staged into StagingFailed and StagingDelayed."""
    try:
        yield
    except StorageError as error:
        raise StagingFailed(shown(source), _why(source, error)) from error
    except StorageUnavailable as error:
        raise StagingDelayed(shown(source), _why(source, error)) from error


def _why(source: str, error: StorageError | StorageUnavailable) -> str:
    return error.why if error.uri == source else f"{error.uri}: {error.why}"
