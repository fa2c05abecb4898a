"""The clusters: how full they are, whether they take jobs, and how that is changed."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from ....models import catalog
from ....models.resources import Cluster
from ....models.states import ClusterStatus
from .. import actions
from ..overview import cluster_views
from ..problems import Problem
from ..security.roles import Role, needs
from .base import blueprint, page


@blueprint.get("/clusters", endpoint="clusters")
@needs(Role.READER)
def clusters() -> str:
    """All clusters, as the fleet uses them."""
    rows = {each.id: each for each in catalog.list_resources("clusters")}
    return page("clusters.html", "clusters", clusters=cluster_views(), entries=rows)


@blueprint.get("/clusters/<string:cluster_id>/drain", endpoint="ask_drain")
@needs(Role.OPERATOR)
def ask_drain(cluster_id: str) -> str:
    """Whether a cluster is to take no more jobs."""
    return _asked(cluster_id, drains=True)


@blueprint.post("/clusters/<string:cluster_id>/drain", endpoint="drain")
@needs(Role.OPERATOR)
def drain(cluster_id: str) -> Response:
    """Let a cluster take no more jobs."""
    _that_is_there(cluster_id)
    actions.drain(cluster_id)
    return redirect(url_for("console.clusters"), 303)


@blueprint.get("/clusters/<string:cluster_id>/resume", endpoint="ask_resume")
@needs(Role.OPERATOR)
def ask_resume(cluster_id: str) -> str:
    """Whether a cluster is to take jobs again."""
    return _asked(cluster_id, drains=False)


@blueprint.post("/clusters/<string:cluster_id>/resume", endpoint="resume")
@needs(Role.OPERATOR)
def resume(cluster_id: str) -> Response:
    """Let a cluster take jobs again."""
    _that_is_there(cluster_id)
    actions.resume(cluster_id)
    return redirect(url_for("console.clusters"), 303)


def cluster_of(cluster_id: str) -> Cluster:
    """A cluster's entry in the catalog.

    Raises:
        NotFound: There is none.
    """
    found = catalog.get_resource("clusters", cluster_id)
    assert isinstance(found, Cluster)
    return found


def _asked(cluster_id: str, *, drains: bool) -> str:
    cluster = _that_is_there(cluster_id)
    view = next((each for each in cluster_views() if each.id == cluster_id), None)
    return page("cluster_status.html", "clusters", cluster=cluster, view=view, drains=drains)


def _that_is_there(cluster_id: str) -> Cluster:
    found = cluster_of(cluster_id)
    if found.status is ClusterStatus.TERMINATED:
        raise Problem(
            409, f"Cluster {cluster_id} was terminated: it is gone for good, and takes no jobs."
        )
    return found
