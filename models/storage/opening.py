"""Finds the storage that an address means."""

from __future__ import annotations

from ..aws import AwsClients
from .base import Storage
from .folder import FolderStorage
from .s3 import S3Storage


def open_storage(url: str, clients: AwsClients) -> Storage:
    """The storage at an address: `s3://bucket/prefix`, `file:///folder` or a folder's path.

    Nothing is read or made yet.

    Raises:
        ValueError: The address is neither.
    """
    if url.startswith("s3://"):
        return S3Storage(url, clients)
    return FolderStorage(url)
