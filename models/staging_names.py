"""What things are called in the staging area, for those who write there and those who read."""

from __future__ import annotations

import hashlib
from typing import Final

#: The longest name of a file, in bytes, less what is added to it (Linux: 255).
_NAME_BYTES: Final = 220


def folder_name(identifier: str) -> str:
    """The name of the folder for an id: the id itself, cut where no file system takes it whole."""
    encoded = identifier.encode("utf-8", "surrogatepass")
    if len(encoded) <= _NAME_BYTES:
        return identifier
    beginning = encoded[: _NAME_BYTES - 65].decode("utf-8", "ignore")
    return f"{beginning}~{hashlib.sha256(encoded).hexdigest()}"


def job_folder(job_id: str) -> str:
    """The folder of a job: its script, and all of its files."""
    return f"jobs/{folder_name(job_id)}"


def attachment_name(job_id: str, digest: str, name: str) -> str:
    """Where a file is kept that was sent with a job.

    Arguments:
        digest: Of its content: another content is another file, and so makes another request.
    """
    return f"attachments/{folder_name(job_id)}/{digest}/{name}"
