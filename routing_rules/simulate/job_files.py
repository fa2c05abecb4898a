"""Reads past jobs from a file of any length, in the order of their times."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from ...models.errors import InvalidInput
from .past_jobs import JobReader, PastJob, moment_of

_WHAT: Final = "jobs"
_CHUNK: Final = 1 << 20
#: A value that is longer is hardly a job; and it is read anew with each chunk until it ends.
_LONGEST_VALUE: Final = 32 << 20


def jobs_of_file(path: Path) -> Iterator[PastJob | None]:
    """The jobs of a file with JSON: one after the other, or in arrays; at any time one is in memory.

    They come in the order of their times, whatever their order in the file: those without one first.
    None stands for a job whose request was refused when it came.

    Raises:
        InvalidInput: The file cannot be read, or a value in it is no job.
    """
    reader = JobReader()
    with TemporaryFile("w+b") as spool:
        for name, row in _in_time_order(_rows(path), spool):
            yield reader.read(row, name)


def _in_time_order(
    rows: Iterable[tuple[str, Mapping[str, Any]]], spool: IO[bytes]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows again; all but their times wait in the spool, not in memory."""
    places: list[tuple[float, int, int]] = []
    end = 0
    for name, row in rows:
        try:
            moment = moment_of(row)
        except ValueError as error:
            raise InvalidInput(name, [str(error)]) from error
        kept = pickle.dumps((name, row), pickle.HIGHEST_PROTOCOL)
        places.append((moment.timestamp() if moment else 0.0, end, len(kept)))
        end += spool.write(kept)
    places.sort()
    spool.seek(0)
    reached = 0
    for _, at, length in places:
        if at != reached:  # a seek loses what was read ahead
            spool.seek(at)
        reached = at + length
        yield pickle.loads(spool.read(length))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, value in enumerate(_values(path), 1):
        name = f"{path}: job {number}"
        if not isinstance(value, dict):
            raise InvalidInput(name, [f"expected an object, found {type(value).__name__}"])
        yield name, value


def _values(path: Path) -> Iterator[Any]:
    """The values that stand one after the other in a file, those of its arrays one by one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _decoded(file, path)
    except OSError as error:
        raise InvalidInput(_WHAT, [f"{path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(_WHAT, [f"{path}: not UTF-8 ({error.reason})"]) from error


def _decoded(file: IO[str], path: Path) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    text, number, inside = "", 0, False
    while chunk := file.read(_CHUNK):
        text += chunk
        at = 0
        while True:
            at, inside = _skip(text, at, inside)
            if at == len(text):
                break
            try:
                value, end = decoder.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                if len(chunk) < _CHUNK or len(text) - at > _LONGEST_VALUE:
                    raise _no_json(path, number + 1, error) from error
                break  # the rest of it comes with the next chunk
            if end == len(text) and len(chunk) == _CHUNK and not isinstance(value, dict | list):
                break  # a number, say, that may go on
            number += 1
            yield value
            at = end
        text = text[at:]
    if text.strip():
        raise _no_json(path, number + 1, "it ends in the middle")
    if inside:
        raise _no_json(path, number + 1, "the array has no end")


def _skip(text: str, at: int, inside: bool) -> tuple[int, bool]:
    """Past blanks, and past what stands between the values of an array."""
    while at < len(text):
        if text[at] == "[" and not inside:
            inside = True
        elif text[at] == "]" and inside:
            inside = False
        elif not (text[at].isspace() or (text[at] == "," and inside)):
            break
        at += 1
    return at, inside


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _no_json(path: Path, number: int, why: object) -> InvalidInput:
    return InvalidInput(_WHAT, [f"{path}: job {number}: {why}"])
