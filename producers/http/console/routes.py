"""All pages of the console."""

from __future__ import annotations

# Each of these adds its routes to the blueprint when it is imported.
from . import (
    catalog,
    cluster_tags,
    clusters,
    dead_letters,
    errors,
    job,
    job_actions,
    jobs,
    overview,
    rules,
    sign_in,
)
from .base import blueprint

__all__ = [
    "blueprint",
    "catalog",
    "cluster_tags",
    "clusters",
    "dead_letters",
    "errors",
    "job",
    "job_actions",
    "jobs",
    "overview",
    "rules",
    "sign_in",
]
