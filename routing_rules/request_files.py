"""Reads a job request from a file."""

from __future__ import annotations

from pathlib import Path

from marshmallow import ValidationError

from ..models.errors import InvalidInput
from ..models.resources import JobRequest
from ..models.schemas import JOB_REQUEST
from .positions import read_file

_WHAT = "job request"


def read_request(path: Path) -> tuple[JobRequest, bool]:
    """The request of a file, and whether the file gives its id.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    documents = read_file(path)
    if len(documents) != 1:
        raise InvalidInput(_WHAT, [f"{path}: expected one request, found {len(documents)}"])
    document = documents[0]
    if not isinstance(document.data, dict):
        raise InvalidInput(_WHAT, [document.problem("", "expected a map")])
    try:
        request: JobRequest = JOB_REQUEST.load(document.data)
    except ValidationError as error:
        raise InvalidInput(_WHAT, document.problems(error)) from error
    return request, document.data.get("id") is not None
