"""Files that are sent with a job: measured, named safely, and kept in the staging area."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from werkzeug.datastructures import FileStorage

from ....models.errors import InvalidInput
from ....models.staging_names import attachment_name
from ....models.storage import Storage
from ..problems import Problem

#: The longest name of a file, in bytes, less what tools add to it.
NAME_BYTES: Final = 220

#: What is in memory at once of a file, in bytes.
_CHUNK_BYTES: Final = 256 * 1024

_WHAT: Final = "job request"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was sent with a job."""

    name: str
    #: Of its content; makes another file of another content.
    digest: str
    content: BinaryIO

    def place(self, job_id: str) -> str:
        """Its name in the staging area."""
        return attachment_name(job_id, self.digest, self.name)


def read_attachments(files: Iterable[FileStorage], limit: int) -> list[Attachment]:
    """The files of a request.

    Arguments:
        limit: How large they may be together, in bytes.

    Raises:
        Problem: 413, they are larger.
        InvalidInput: A name cannot be the name of a file, or stands there twice.
    """
    found, total = [], 0
    for file in files:
        stream = cast(BinaryIO, file.stream)
        digest, size = _measured(stream)
        total += size
        if total > limit:
            raise Problem(
                413,
                f"The attachments are larger than {limit} bytes together (TAGFLEET_MAX_ATTACHMENT_BYTES): "
                "put large files into a store, and name them as dependencies.",
            )
        found.append(Attachment(file.filename or "", digest, stream))
    _check_names([each.name for each in found])
    return found


def keep(attachments: Sequence[Attachment], job_id: str, staging: Storage) -> None:
    """Write the files to the staging area; a second time changes nothing."""
    for each in attachments:
        place = each.place(job_id)
        if not staging.exists(place):
            staging.upload(place, each.content)


def _measured(stream: BinaryIO) -> tuple[str, int]:
    """The digest of a stream, and its length."""
    digest, size = hashlib.sha256(), 0
    while piece := stream.read(_CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest()[:16], size


def _check_names(names: Sequence[str]) -> None:
    problems = []
    for at, name in enumerate(names):
        if (
            name.strip() in ("", ".", "..")
            or any(char in "/\\" or not char.isprintable() for char in name)
            or len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES
        ):
            problems.append(f"attachment[{at}]: {name!r} cannot be the name of a file")
        elif name in names[:at]:
            problems.append(f"attachment[{at}]: there is another file called {name!r}")
    if problems:
        raise InvalidInput(_WHAT, problems)
