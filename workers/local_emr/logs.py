"""The logs of a step: written here, copied to the LogUri as EMR does, and searched for a cause."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import time
from pathlib import Path
from typing import Final, TextIO

from .launch import local_path

#: What a step leaves, by the names that EMR gives them.
LOGS: Final = ("controller", "stdout", "stderr")

#: How much of the end of stderr is searched.
_TAIL_BYTES: Final = 64 * 1024
#: The longest cause that is told.
_CAUSE_CHARACTERS: Final = 1024

_CAUSE: Final = re.compile(
    r"^(?:Exception in thread .*|Caused by: .*|[\w.]*(?:Exception|Error): .*)$", re.MULTILINE
)

#: What Spark writes to stderr all the time, and last of all.
_NOISE: Final = re.compile(r" (?:DEBUG|INFO|WARN) ")


class ControllerLog:
    """What EMR's own side says about a step."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, level: str, message: str) -> None:
        """Add a line."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        self._file.write(f"{now} {level} {message}\n")
        self._file.flush()


def cause(folder: Path) -> str:
    """The likeliest reason for a failure: the last error that its logs name, or the last line of stderr."""
    text = _tail(folder / "stderr")
    # PySpark writes the traceback of a Python application to stdout.
    found = _CAUSE.findall(text) or _CAUSE.findall(_tail(folder / "stdout"))
    lines = [line for line in text.splitlines() if line.strip() and not _NOISE.search(line)]
    return str((found or lines or [""])[-1])[:_CAUSE_CHARACTERS]


def upload(folder: Path, log_uri: str, step_path: str, s3_root: Path) -> str:
    """Copy a step's logs, compressed; returns the address of the folder they are in then.

    Arguments:
        folder: Where they are now.
        log_uri: Where the logs of the cluster go: `s3://...`, or a folder.
        step_path: The step's place below, as EMR lays it out.
        s3_root: Where `s3://` addresses lead.
    """
    address = f"{log_uri.rstrip('/')}/{step_path}/"
    target = local_path(address, s3_root)
    target.mkdir(parents=True, exist_ok=True)
    for name in LOGS:
        if (log := folder / name).exists():
            _compress(log, target / f"{name}.gz")
    return address


def _compress(source: Path, target: Path) -> None:
    # First under the kind of name that the local S3 hides: nobody ever sees half of it.
    draft = target.with_name(f".{target.name}.crc")
    with source.open("rb") as plain, gzip.open(draft, "wb", compresslevel=5) as compressed:
        shutil.copyfileobj(plain, compressed)
    draft.replace(target)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read().decode(errors="replace")
