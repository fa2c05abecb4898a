"""Bodies as clients send them, for the OpenAPI document; each of them works."""

from __future__ import annotations

from typing import Any, Final

APPLICATION: Final[dict[str, Any]] = {
    "id": "spark-3.5",
    "name": "spark",
    "user": "ops",
    "version": "3.5.9",
    "status": "ACTIVE",
    "tags": ["type:spark"],
    "dependencies": ["s3://tools/spark-3.5.tar.gz"],
    "setupFile": "s3://tools/spark-3.5-setup.sh",
}

COMMAND: Final[dict[str, Any]] = {
    "id": "spark-submit-3.5",
    "name": "spark-submit",
    "user": "ops",
    "version": "3.5.9",
    "status": "ACTIVE",
    "tags": ["type:spark-submit"],
    "executable": "spark-submit --deploy-mode cluster",
    "clusterCriteria": [{"tags": ["type:yarn"]}],
}

CLUSTER: Final[dict[str, Any]] = {
    "id": "main",
    "name": "main",
    "user": "ops",
    "version": "1",
    "status": "UP",
    "tags": ["type:yarn", "sched:sla"],
    "engine": {
        "type": "emr",
        "clusterId": "j-2AXXXXXXGAPLF",
        "region": "us-east-1",
        "stepConcurrency": 10,
        "logUri": "s3://logs/emr",
    },
}

ENTRIES: Final[dict[str, dict[str, Any]]] = {
    "applications": APPLICATION,
    "commands": COMMAND,
    "clusters": CLUSTER,
}

PATCH: Final = [
    {"op": "test", "path": "/user", "value": "ops"},
    {"op": "add", "path": "/description", "value": "moved in November"},
]

JOB: Final[dict[str, Any]] = {
    "id": "daily-2026-11-23",
    "name": "daily",
    "user": "ana",
    "version": "1",
    "clusterCriterias": [{"tags": ["sched:sla", "type:yarn"]}, {"tags": ["type:yarn"]}],
    "commandCriteria": ["type:spark-submit"],
    "commandArgs": "s3://jobs/daily.py --day 2026-11-23",
    "timeout": 7200,
}

#: Lists within an entry.
PARTS: Final = {
    "configs": ["s3://tools/spark-defaults.conf"],
    "dependencies": ["s3://tools/spark-3.5.tar.gz"],
    "tags": ["type:spark", "team:data"],
}


def replacement(kind: str) -> dict[str, Any]:
    """An entry of a kind for a path that names its id."""
    return {name: value for name, value in ENTRIES[kind].items() if name != "id"}
