"""Reads the catalog of a Genie server as one file for `tagfleet catalog apply`; needs Python alone.

python copy_catalog.py https://genie.example.com engines.json > catalog.json

engines.json says how tagfleet reaches each cluster, by the cluster's id in Genie:
{"prod-1": {"type": "emr", "clusterId": "j-2AXXXXXXGAPLF", "region": "us-east-1"}}
"""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: What a server adds to an entry.
_OF_THE_SERVER = ("_links", "created", "updated")

#: The old form of a command's executable; the list says the same.
_OLD_FORMS = ("executable", "checkDelay")


def read_catalog(genie: str, engines: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The catalog of a Genie server; clusters without an engine are left out, and told on stderr.

    Arguments:
        genie: Where it serves, without `/api`.
        engines: How each cluster is reached, by its id.
    """
    found = {
        kind: [_plain(entry) for entry in _all(genie, kind)]
        for kind in ("applications", "commands", "clusters")
    }
    for command in found["commands"]:
        command["applications"] = _ids(genie, "commands", command["id"], "applications")
    for cluster in found["clusters"]:
        _add_criteria(
            cluster, _ids(genie, "clusters", cluster["id"], "commands"), found["commands"]
        )
        cluster["engine"] = engines.get(cluster["id"])
    for cluster in found["clusters"]:
        if cluster["engine"] is None:
            print(f"Left out: cluster {cluster['id']} has no engine.", file=sys.stderr)
    found["clusters"] = [cluster for cluster in found["clusters"] if cluster["engine"]]
    return found


def _add_criteria(
    cluster: dict[str, Any], command_ids: list[str], commands: list[dict[str, Any]]
) -> None:
    """Genie 3 lists a cluster's commands; tagfleet's commands say what clusters they mean, as Genie 4's do."""
    for command in commands:
        if command["id"] in command_ids and not command.get("clusterCriteria"):
            command.setdefault("_byId", []).append({"id": cluster["id"]})
    for command in commands:
        if by_id := command.pop("_byId", None):
            command["clusterCriteria"] = by_id


def _all(genie: str, kind: str) -> Iterator[dict[str, Any]]:
    page = pages = 0
    while page <= pages:
        answer = _get(f"{genie}/api/v3/{kind}?page={page}&size=100&sort=id,asc")
        for entry in answer.get("_embedded", {}).get(f"{kind[:-1]}List", []):
            # What a search finds lacks the parts that the entry itself has.
            yield _get(f"{genie}/api/v3/{kind}/{urllib.parse.quote(entry['id'], safe='')}")
        page, pages = page + 1, answer["page"]["totalPages"] - 1


def _ids(genie: str, kind: str, entry_id: str, related: str) -> list[str]:
    answer = _get(f"{genie}/api/v3/{kind}/{urllib.parse.quote(entry_id, safe='')}/{related}")
    return [str(entry["id"]) for entry in answer]


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    dropped = _OF_THE_SERVER + _OLD_FORMS if entry.get("executableAndArguments") else _OF_THE_SERVER
    found = {name: value for name, value in entry.items() if name not in dropped}
    # Genie adds these two to an entry's tags by itself.
    found["tags"] = [
        tag for tag in found.get("tags", []) if not tag.startswith(("genie.id:", "genie.name:"))
    ]
    return found


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    catalog = read_catalog(sys.argv[1].rstrip("/"), json.loads(Path(sys.argv[2]).read_text()))
    json.dump(catalog, sys.stdout, indent=2)
    print()
