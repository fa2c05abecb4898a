"""A cluster's tags: edited, tried out on the jobs that are there, and then written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from flask import redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from ....models import canaries, catalog, catalog_edits
from ....models.database import now
from ....models.job import Job
from ....models.resources import AnyResource, Cluster, is_own_tag
from ....models.schemas import ClusterSchema
from ....models.snapshot import CatalogSnapshot
from ....models.states import JobStatus
from ....routing_rules.decide import Decision, decide
from ....routing_rules.limits import Usage
from ..problems import Problem
from ..security.roles import Role, needs
from ..services import services
from .base import blueprint, page
from .clusters import cluster_of
from .reroutes import Rerouting, is_undecided, rerouting, with_tags

#: How many jobs that wait, and how many that were sent lately, are asked about.
MOST_JOBS: Final = 500

#: What was sent longer ago says nothing of what comes.
LATELY: Final = timedelta(days=7)

#: How many of those that move are listed.
LISTED: Final = 50


@blueprint.get("/clusters/<string:cluster_id>/tags", endpoint="cluster_tags")
@needs(Role.ADMIN)
def cluster_tags(cluster_id: str) -> str:
    """The tags, to be edited."""
    cluster = cluster_of(cluster_id)
    return _page(cluster, "\n".join(sorted(cluster.tags)))


@blueprint.post("/clusters/<string:cluster_id>/tags", endpoint="preview_tags")
@needs(Role.ADMIN)
def preview_tags(cluster_id: str) -> str | tuple[str, int]:
    """What other tags would do; nothing is written."""
    cluster, text = cluster_of(cluster_id), request.form.get("tags", "")
    if stale := _is_stale(cluster):
        return _page(cluster, text, stale=stale), 409
    try:
        tags = _tags_of(text)
    except Problem as problem:
        return _page(cluster, text, problem=problem), problem.status
    waiting, recent = _tried(cluster, tags)
    return _page(cluster, text, wanted=sorted(tags), waiting=waiting, recent=recent)


@blueprint.post("/clusters/<string:cluster_id>/tags/apply", endpoint="apply_tags")
@needs(Role.ADMIN)
def apply_tags(cluster_id: str) -> Response | tuple[str, int]:
    """Write the tags, unless somebody else has changed the cluster since they were looked at."""
    text = request.form.get("tags", "")
    tags = _tags_of(text)

    def edit(present: AnyResource) -> AnyResource:
        if _is_stale(present):
            raise _Stale
        return replace(present, tags=tags)

    try:
        catalog_edits.change("clusters", cluster_id, edit)
    except _Stale:
        return _page(cluster_of(cluster_id), text, stale=True), 409
    return redirect(url_for("console.clusters"), 303)


class _Stale(Exception):
    """Somebody else has changed the cluster."""


def _page(cluster: Cluster, text: str, **data: object) -> str:
    known = {"wanted": None, "stale": False, "problem": None, "listed": LISTED}
    return page("cluster_tags.html", "clusters", cluster=cluster, text=text, **(known | data))


def _is_stale(present: AnyResource) -> bool:
    assert present.updated
    return request.form.get("updated") != present.updated.isoformat()


def _tags_of(text: str) -> frozenset[str]:
    """The tags of a form: each on a line of its own; a comma may be a part of one.

    Raises:
        Problem: 400, one cannot be a tag.
    """
    given = [line.strip() for line in text.splitlines()]
    wanted = list(dict.fromkeys(tag for tag in given if tag))
    try:
        found = ClusterSchema().fields["tags"].deserialize(wanted)
    except ValidationError as error:
        messages = error.messages
        at = messages.items() if isinstance(messages, dict) else [(0, messages)]
        errors = [(wanted[int(index)][:80], " ".join(texts)) for index, texts in at]
        raise Problem(400, "These cannot be the tags of a cluster.", errors=errors) from error
    return frozenset(tag for tag in found if not is_own_tag(tag))


def _tried(cluster: Cluster, tags: frozenset[str]) -> tuple[Rerouting, Rerouting]:
    """What the tags would do to the jobs that wait to be routed, and to those of the last days."""
    door, moment = services(), now()
    rules = door.rules.now()
    usage = Usage(stopped=canaries.stopped_pools(rules.name))
    before = catalog.load_snapshot()

    def decided(job: Job, by: CatalogSnapshot) -> Decision:
        return decide(
            job.request(),
            rules.rules,
            by,
            usage=usage,
            moment=moment,
            seed=job.id,
            tag_group=job.tag_group,
        )

    after = with_tags(before, cluster, tags)
    waiting = list(Job.objects(status=JobStatus.RESERVED).order_by("created").limit(MOST_JOBS))
    recent = Job.objects(created__gte=moment - LATELY).order_by("-created").limit(MOST_JOBS)
    known = [job for job in recent if job.status is not JobStatus.INVALID and not is_undecided(job)]
    return rerouting(waiting, before, after, decided), rerouting(known, before, after, decided)
