"""Which files a user means by a list of files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ..models.errors import InvalidInput

SUFFIXES: Final = (".yaml", ".yml", ".json")


def files_of(paths: Iterable[Path], what: str) -> list[Path]:
    """The files themselves, and those of the folders, sorted; no file twice.

    Hidden files and folders are left out: editors and Kubernetes keep copies there.

    Arguments:
        what: What the files hold, for the errors.

    Raises:
        InvalidInput: A path does not exist, or a folder holds no such file.
    """
    found: dict[str, Path] = {}
    problems = []
    for path in paths:
        files = list(_inside(path)) if os.path.isdir(path) else [path]
        if not files:
            problems.append(f"{path}: the folder holds no {', '.join(SUFFIXES)} file")
        for file in files:
            # os.path, as it answers where Path raises: a folder that may not be read, for one.
            if os.path.exists(file):
                found.setdefault(os.path.realpath(file), file)
            else:
                problems.append(f"{file}: no such file or folder")
    if problems:
        raise InvalidInput(what, problems)
    return list(found.values())


def _inside(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)
