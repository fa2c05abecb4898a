"""JSON Patch (RFC 6902) on an entry of the catalog."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import jsonpatch
from jsonpointer import JsonPointerException

from ..problems import Problem

#: More operations than anybody writes by hand or needs for an entry.
MOST_OPERATIONS: Final = 200

#: `copy` doubles a part with each operation: the whole is measured after each.
LARGEST_RESULT: Final = 1024 * 1024


def patched(document: dict[str, Any], operations: object) -> dict[str, Any]:
    """The document after all operations.

    Raises:
        Problem: 400, it is no patch; 412, an operation cannot be carried out, or a `test` fails.
    """
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise Problem(400, "Expected a JSON Patch: a list of operations, each an object.")
    if len(operations) > MOST_OPERATIONS:
        raise Problem(413, f"Expected at most {MOST_OPERATIONS} operations.")
    result: Any = copy.deepcopy(document)
    for number, operation in enumerate(operations):
        result = _step(result, number, operation)
    if not isinstance(result, dict):
        raise Problem(412, "The patch leaves no object.")
    return result


def _step(document: Any, number: int, operation: dict[str, Any]) -> Any:
    try:
        result = jsonpatch.JsonPatch([operation]).apply(document)
    except (jsonpatch.InvalidJsonPatch, TypeError) as error:
        raise Problem(
            400, "The patch cannot be used.", errors=[(f"[{number}]", str(error))]
        ) from error
    except (jsonpatch.JsonPatchException, JsonPointerException, KeyError, ValueError) as error:
        raise Problem(
            412, "The patch does not fit the entry.", errors=[(f"[{number}]", str(error))]
        ) from error
    if len(json.dumps(result)) > LARGEST_RESULT:
        raise Problem(413, f"After operation [{number}] the entry is too large.")
    return result
