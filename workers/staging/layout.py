"""Where things lie: the staging area, a job's folder, and which names are allowed there."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from ...models.errors import StagingFailed
from .sources import is_web, scheme_of, shown

#: The script that a job's step runs.
RUN: Final = "run"

#: What the script sources, in the folder of each part that has such a file.
SETUP_FILE: Final = "genie_setup.sh"

CLUSTER_FOLDER: Final = "genie/cluster"
COMMAND_FOLDER: Final = "genie/command"
APPLICATIONS_FOLDER: Final = "genie/applications"

#: The names at the top of a job's folder that are not for a job's own files.
RESERVED: Final = frozenset({RUN, "stdout", "stderr", "genie", SETUP_FILE})


def file_name(uri: str) -> str:
    """The name of a source's file, or of its folder where it ends with `/`.

    Raises:
        StagingFailed: It has none, or one that could lead out of the folder that it is put into.
    """
    if is_web(uri):
        name = unquote(urlsplit(uri).path.rpartition("/")[2])
    elif scheme_of(uri) == "file":
        name = unquote(urlsplit(uri).path.rstrip("/").rpartition("/")[2])
    elif scheme_of(uri) == "s3":
        # In a key, "?", "#" and "%" mean themselves. A bucket is not a folder's name.
        name = uri.removeprefix("s3://").partition("/")[2].rstrip("/").rpartition("/")[2]
    else:
        name = uri.rstrip("/").rpartition("/")[2]
    if not name:
        raise StagingFailed(shown(uri), "it has no file name")
    check_name(uri, name)
    return name


def check_path(uri: str, path: str) -> None:
    """Refuse a relative path, found within a source, that could lead out of a folder.

    Raises:
        StagingFailed: It could.
    """
    for name in path.split("/"):
        check_name(uri, name)


def check_name(uri: str, name: str) -> None:
    """Refuse a name that is not just the name of one file, also after it was decoded once more.

    Raises:
        StagingFailed: It is not.
    """
    for form in (name, unquote(name), unquote(unquote(name))):
        if form in ("", ".", "..") or "/" in form or "\\" in form:
            raise StagingFailed(shown(uri), f"{name!r} cannot be the name of a file")
        if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in form):
            raise StagingFailed(shown(uri), f"the name {name!r} holds a control character")
    if len(name.encode()) > 255:
        raise StagingFailed(shown(uri), "its name is longer than 255 bytes")
