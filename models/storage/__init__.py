"""Files by address: `s3://bucket/prefix` or a folder, behind one small interface."""

from .base import (
    AccessRefused,
    FileMissing,
    Storage,
    StorageError,
    StorageUnavailable,
    StoredFile,
)
from .folder import local_path
from .opening import open_storage

__all__ = [
    # The interface
    "local_path",
    "open_storage",
    "Storage",
    "StoredFile",
    # What it raises
    "AccessRefused",
    "FileMissing",
    "StorageError",
    "StorageUnavailable",
]
