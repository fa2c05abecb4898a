"""The rules: those in force, as they are written and as they are read, and those that were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import redirect, url_for
from werkzeug.wrappers import Response

from ....models import canaries, rule_sets
from ....models.errors import InvalidInput
from ....models.rule_sets import NoRuleSet
from ....routing_rules.in_force import RulesNow
from ....routing_rules.limits import Ceiling
from ....routing_rules.pools import Target
from ....routing_rules.rule_files.reader import rule_texts
from ....routing_rules.rules import RuleSet
from ...past_jobs import rules_of_version
from ..identity import caller
from ..problems import Problem
from ..security.roles import Role, needs
from ..services import services
from .base import blueprint, page

#: How many earlier versions are listed.
_VERSIONS: Final = 20


@dataclass(frozen=True, slots=True)
class File:
    """A rule file, by lines."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Canary:
    """A pool's canary, and how it fares."""

    pool: str
    target: Target
    #: `runs`, `stopped` or `resumed`.
    state: str
    found: canaries.StoppedCanary | None


@blueprint.get("/rules", endpoint="rules")
@needs(Role.READER)
def rules() -> str:
    """The rules in force."""
    door = services()
    found = door.rules.now()
    path = door.settings.rules
    applied = rule_sets.get(found.version) if found.version else None
    texts = applied.texts() if applied else rule_texts([path] if path else [])
    return _page(
        found,
        applied,
        texts,
        in_force=True,
        canaries=_canaries(found),
        watch=rule_sets.watch_report(),
        earlier=[
            each for each in rule_sets.history(_VERSIONS + 1) if each.version != found.version
        ],
    )


@blueprint.get("/rules/<int:version>", endpoint="rules_version")
@needs(Role.READER)
def rules_version(version: int) -> str:
    """Rules that were in force once, or are."""
    applied = _version(version)
    try:
        found = rules_of_version(version)
    except InvalidInput as error:
        # A newer fleet's grammar, for one: the text can be read all the same.
        return _page(None, applied, applied.texts(), in_force=False, unreadable=error)
    now = rule_sets.version_in_force()
    return _page(found, applied, applied.texts(), in_force=now == version)


@blueprint.get("/rules/canaries/<string:pool>/resume", endpoint="ask_resume_canary")
@needs(Role.OPERATOR)
def ask_resume_canary(pool: str) -> str:
    """Whether a stopped canary is to go on."""
    return page("canary_resume.html", "rules", canary=_stopped(pool))


@blueprint.post("/rules/canaries/<string:pool>/resume", endpoint="resume_canary")
@needs(Role.OPERATOR)
def resume_canary(pool: str) -> Response:
    """Let a stopped canary go on, for as long as these rules are in force."""
    canaries.resume(services().rules.now().name, _stopped(pool).pool, by=str(caller()))
    return redirect(url_for("console.rules"), 303)


def _page(
    found: RulesNow | None,
    applied: rule_sets.RuleSetDocument | None,
    texts: Mapping[str, bytes],
    **data: object,
) -> str:
    known: dict[str, object] = {"canaries": [], "watch": None, "earlier": [], "unreadable": None}
    return page(
        "rules.html",
        "rules",
        rules=found,
        applied=applied,
        files=list(_files(texts)),
        limits=_limits(found.rules) if found else [],
        **(known | data),
    )


def _files(texts: Mapping[str, bytes]) -> Iterable[File]:
    for name, content in texts.items():
        # Of a path only its name: where it lies on the server is nobody's business.
        text = content.decode("utf-8", "replace")
        yield File(name.rpartition("/")[2], tuple(text.splitlines()))


def _canaries(found: RulesNow) -> list[Canary]:
    looked_at = {each.pool: each for each in canaries.looked_at(found.name)}
    return [
        Canary(name, pool.canary, _state(looked_at.get(name)), looked_at.get(name))
        for name, pool in sorted(found.rules.pools.items())
        if pool.canary
    ]


def _state(found: canaries.StoppedCanary | None) -> str:
    if found is None:
        return "runs"
    return "resumed" if found.resumed else "stopped"


def _stopped(pool: str) -> Canary:
    for each in _canaries(services().rules.now()):
        if each.pool == pool and each.state == "stopped":
            return each
    raise Problem(409, f"No canary of a pool {pool!r} is stopped: there is nothing to let go on.")


def _limits(found: RuleSet) -> list[tuple[str, str, str]]:
    """Of each limit its name, what it allows, and what happens to what is too much."""
    return [(each.name, _allowed(each.ceiling), str(each.on_exceed)) for each in found.limits]


def _allowed(ceiling: Ceiling) -> str:
    parts = [
        f"{ceiling.running} running" if ceiling.running is not None else "",
        f"{ceiling.queued} queued" if ceiling.queued is not None else "",
        str(ceiling.rate) if ceiling.rate else "",
    ]
    return f"{', '.join(filter(None, parts))} per {ceiling.per}".replace("per global", "in all")


def _version(version: int) -> rule_sets.RuleSetDocument:
    try:
        return rule_sets.get(version)
    except NoRuleSet as error:
        raise Problem(404, str(error)) from error
