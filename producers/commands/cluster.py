"""`tagfleet cluster`: list, register, drain, resume, deregister."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import Any

from ...models import catalog, catalog_edits
from ...models.embedded_mongodb import database_for
from ...models.errors import Fatal
from ...models.job import Job
from ...models.printing import add_output, print_data, print_table
from ...models.resources import Cluster
from ...models.schemas import load_resource
from ...models.settings import Settings
from ...models.states import ON_CLUSTER, ClusterStatus

#: Between two looks at a cluster that is drained, in seconds.
_PAUSE = 1.0


class ClusterInUse(Fatal):
    """Jobs are still on the cluster."""

    exit_code = 1

    def __init__(self, cluster_id: str, count: int) -> None:
        super().__init__(
            f"Cluster {cluster_id!r} has {count} open jobs. Drain it first "
            f"(`tagfleet cluster drain {cluster_id} --wait`), or give --force: they are followed to their "
            "ends, but the catalog no longer knows their cluster."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("list", help="show the clusters, and how many open jobs each has")
    add_output(verb)
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("register", help="put an EMR cluster into the catalog, or change it")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--emr", required=True, metavar="j-...", help="EMR's id of the cluster")
    verb.add_argument("--name", metavar="NAME", help="default: the id")
    verb.add_argument("--version", default="1", metavar="TEXT", help="of the cluster (default: 1)")
    verb.add_argument("--user", default="admin", metavar="NAME", help="its owner")
    verb.add_argument("--tag", action="append", default=[], metavar="TAG", help="may be repeated")
    verb.add_argument("--region", metavar="NAME")
    verb.add_argument("--role-arn", metavar="ARN", help="the role that workers assume for it")
    verb.add_argument("--log-uri", metavar="s3://...", help="where EMR puts its logs")
    verb.add_argument(
        "--step-concurrency", type=int, default=10, metavar="N", help="steps at once (default: 10)"
    )
    verb.add_argument("--drained", action="store_true", help="takes no jobs before `resume`")
    verb.set_defaults(run=_register)
    verb = verbs.add_parser("drain", help="let it take no more jobs; what runs there goes on")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--wait", action="store_true", help="until no job is left there")
    verb.set_defaults(run=_drain)
    verb = verbs.add_parser("resume", help="let it take jobs again")
    verb.add_argument("id", metavar="ID")
    verb.set_defaults(run=_resume)
    verb = verbs.add_parser("deregister", help="take it out of the catalog")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--force", action="store_true", help="also while jobs are on it")
    verb.set_defaults(run=_deregister)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    settings = Settings.from_environ()
    with database_for(settings):
        result: int = arguments.run(arguments)
    return result


def _list(arguments: argparse.Namespace) -> int:
    counts = Counter(Job.objects(status__in=_open()).scalar("cluster_id"))
    rows: list[dict[str, Any]] = []
    for cluster in catalog.list_resources("clusters"):
        assert isinstance(cluster, Cluster)
        rows.append(
            {
                "id": cluster.id,
                "status": str(cluster.status),
                "openJobs": counts[cluster.id],
                "emr": cluster.engine.cluster_id if cluster.engine else None,
                "slots": cluster.engine.step_concurrency if cluster.engine else None,
                "tags": sorted(cluster.tags),
            }
        )
    if arguments.output == "table":
        print_table(rows, ["id", "status", "openJobs", "emr", "slots", "tags"])
    else:
        print_data(rows, arguments.output)
    return 0


def _register(arguments: argparse.Namespace) -> int:
    engine = {
        "type": "emr",
        "clusterId": arguments.emr,
        "region": arguments.region,
        "roleArn": arguments.role_arn,
        "logUri": arguments.log_uri,
        "stepConcurrency": arguments.step_concurrency,
    }
    status = ClusterStatus.OUT_OF_SERVICE if arguments.drained else ClusterStatus.UP
    cluster = load_resource(
        "clusters",
        {
            "id": arguments.id,
            "name": arguments.name or arguments.id,
            "user": arguments.user,
            "version": arguments.version,
            "status": str(status),
            "tags": arguments.tag,
            "engine": {name: value for name, value in engine.items() if value is not None},
        },
    )
    ((change, _),) = catalog.apply([cluster])
    print(f"{change:<9}  cluster {cluster.id} ({status})")
    return 0


def _drain(arguments: argparse.Namespace) -> int:
    news = catalog.set_cluster_status(arguments.id, ClusterStatus.OUT_OF_SERVICE)
    print(f"Cluster {arguments.id} {'takes' if news else 'took already'} no more jobs.")
    while arguments.wait and (left := _open_on(arguments.id)):
        print(f"{left} jobs are still there.", flush=True)
        time.sleep(_PAUSE)
    if arguments.wait:
        print("No job is left there.")
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    news = catalog.set_cluster_status(arguments.id, ClusterStatus.UP)
    print(f"Cluster {arguments.id} {'takes jobs again' if news else 'was UP already'}.")
    return 0


def _deregister(arguments: argparse.Namespace) -> int:
    catalog.get_resource("clusters", arguments.id)
    if not arguments.force and (left := _open_on(arguments.id)):
        raise ClusterInUse(arguments.id, left)
    catalog_edits.delete("clusters", [arguments.id])
    print(f"Cluster {arguments.id} is no longer in the catalog.")
    return 0


def _open_on(cluster_id: str) -> int:
    return int(Job.objects(cluster_id=cluster_id, status__in=_open()).count())


def _open() -> list[str]:
    return [str(status) for status in ON_CLUSTER]
