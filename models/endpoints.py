"""Where the embedded mode serves what: `endpoints.json` in TAGFLEET_DATA."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "endpoints.json"


def write(data: Path, addresses: Mapping[str, str]) -> Path:
    """Write the addresses of everything that was started, readable by this user alone.

    Arguments:
        data: The embedded mode's folder.
        addresses: URLs by name: `amqp`, `mongodb`, `emr`, `s3`, `metrics`...
    """
    path = data / FILE
    draft = path.with_suffix(".new")
    # An AMQP or MongoDB address from outside may hold a password.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(dict(addresses), out, indent=2)
        out.write("\n")
    draft.replace(path)
    return path


def read(data: Path) -> dict[str, str]:
    """The addresses that were written last; none when nothing runs there."""
    try:
        found = json.loads((data / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {str(name): str(address) for name, address in found.items()}
        if isinstance(found, dict)
        else {}
    )


def remove(data: Path) -> None:
    """Take the file away: nothing is served any more."""
    (data / FILE).unlink(missing_ok=True)
