"""Chooses the command, the cluster and the applications of a job; pure, the same live and offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from ..models.errors import Unresolvable
from ..models.resources import Application, Cluster, Command, Criterion, JobRequest
from ..models.snapshot import CatalogSnapshot
from ..models.states import CommandStatus
from .criteria import merge
from .rationale import Attempt, Considered, NearMiss, Rationale
from .selectors import DEFAULT_SELECTORS, Choice, Selector, ask, is_pick

NO_COMMAND: Final = "No command matching command criterion found"
NO_CLUSTER: Final = "No clusters available to run any candidate command on"
NO_COMMAND_PICKED: Final = "No command resolved for job"
NO_CLUSTER_PICKED: Final = "No cluster resolved for job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a job gets when neither it nor its command says otherwise."""

    #: In seconds; a week.
    timeout: int = 604_800
    #: In MB.
    memory: int = 1_500
    cpu: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Where a job runs, with what, and why."""

    command: Command
    cluster: Cluster
    #: In the order of their set-up.
    applications: tuple[Application, ...]
    timeout: int
    memory: int
    cpu: int
    #: Every command that matches and has a cluster, by id.
    command_candidates: tuple[str, ...]
    #: For each of those commands, the clusters it could run on, by id.
    cluster_candidates: Mapping[str, tuple[str, ...]]
    rationale: Rationale


def resolve(
    request: JobRequest,
    catalog: CatalogSnapshot,
    *,
    seed: int | str,
    command_selectors: Sequence[Selector] = DEFAULT_SELECTORS,
    cluster_selectors: Sequence[Selector] = DEFAULT_SELECTORS,
    defaults: Defaults = Defaults(),
) -> Resolution:
    """Decide where the job runs.

    Arguments:
        seed: Decides what is left to chance; the job's id, usually.
        command_selectors: Asked when several commands do equally well.
        cluster_selectors: Asked for one of the clusters that the command may run on.

    Raises:
        Unresolvable: Nothing in the catalog answers the request; carries why.
    """
    considered = _considered(request, catalog)
    why = Rationale(
        command_criterion=request.command_criterion, catalog=catalog, considered=considered
    )
    if not considered:
        raise _unresolvable(NO_COMMAND, why, why.near_commands)
    won = [(each.command, each.winner) for each in considered if each.winner]
    if not won:
        raise _unresolvable(NO_CLUSTER, why, why.near_clusters)

    tied = _tied(won)
    command, why = _choose_command(request, tied, why, seed, command_selectors)
    cluster, why = _choose_cluster(request, command, tied, why, seed, cluster_selectors)
    return Resolution(
        command=command,
        cluster=cluster,
        applications=_applications(request, command, catalog, why),
        timeout=_first(request.timeout, defaults.timeout),
        memory=_first(request.memory, command.memory, defaults.memory),
        cpu=_first(request.cpu, defaults.cpu),
        command_candidates=tuple(candidate.id for candidate, _ in won),
        cluster_candidates=MappingProxyType(
            {candidate.id: winner.cluster_ids for candidate, winner in won}
        ),
        rationale=why,
    )


#: The attempts that were made already, by the command's criterion and the request's place:
#: many commands share a criterion, and must not pay for it twice.
_Made: TypeAlias = dict[tuple[Criterion, int], Attempt]

#: The commands that do equally well, by id, each with the clusters it may run on.
_Tied: TypeAlias = dict[str, tuple[Command, tuple[Cluster, ...]]]


def _considered(request: JobRequest, catalog: CatalogSnapshot) -> tuple[Considered, ...]:
    made: _Made = {}
    return tuple(
        Considered(command=command, attempts=_attempts(command, request, catalog, made))
        for command in catalog.commands_matching(request.command_criterion)
    )


def _attempts(
    command: Command, request: JobRequest, catalog: CatalogSnapshot, made: _Made
) -> tuple[Attempt, ...]:
    """What was tried until a pair of criteria found clusters: the command's order goes first."""
    attempts: list[Attempt] = []
    for own in command.cluster_criteria:
        for preference, asked in enumerate(request.cluster_criteria):
            attempt = made.get((own, preference))
            if attempt is None:
                attempt = made[own, preference] = _attempt(own, asked, preference, catalog)
            attempts.append(attempt)
            if attempt.clusters:
                return tuple(attempts)
    return tuple(attempts)


def _attempt(
    own: Criterion, asked: Criterion, preference: int, catalog: CatalogSnapshot
) -> Attempt:
    merged = merge(own, asked)
    return Attempt(
        command_criterion=own,
        request_criterion=asked,
        preference=preference,
        merged=merged,
        clusters=tuple(catalog.clusters_matching(merged)) if merged is not None else (),
    )


def _tied(won: Sequence[tuple[Command, Attempt]]) -> _Tied:
    """The commands that meet the request's best-liked criterion, and their clusters."""
    best = min(attempt.preference for _, attempt in won)
    return {
        command.id: (command, attempt.clusters)
        for command, attempt in won
        if attempt.preference == best
    }


def _choose_command(
    request: JobRequest, tied: _Tied, why: Rationale, seed: int | str, selectors: Sequence[Selector]
) -> tuple[Command, Rationale]:
    """The only one there is, or the one that a selector names."""
    commands = tuple(command for command, _ in tied.values())
    if len(commands) == 1:
        return commands[0], replace(why, command=commands[0].id)
    choice = Choice(
        kind="command", candidates=commands, request=request, seed=seed, clusters=_clusters(tied)
    )
    answers = ask(selectors, choice)
    why = replace(why, answers=answers)
    if not answers or not is_pick(answers[-1]):
        raise _unresolvable(NO_COMMAND_PICKED, why)
    command = next(each for each in commands if each.id == answers[-1].picked)
    return command, replace(why, command=command.id)


def _choose_cluster(
    request: JobRequest,
    command: Command,
    tied: _Tied,
    why: Rationale,
    seed: int | str,
    selectors: Sequence[Selector],
) -> tuple[Cluster, Rationale]:
    """One of the command's clusters; asked even if there is one only, as a selector may veto it."""
    choice = Choice(
        kind="cluster",
        candidates=tied[command.id][1],
        request=request,
        seed=seed,
        command=command,
        clusters=_clusters(tied),
    )
    answers = ask(selectors, choice)
    why = replace(why, answers=(*why.answers, *answers))
    if not answers or not is_pick(answers[-1]):
        raise _unresolvable(NO_CLUSTER_PICKED, why)
    cluster = next(each for each in tied[command.id][1] if each.id == answers[-1].picked)
    return cluster, replace(why, cluster=cluster.id)


def _clusters(tied: _Tied) -> dict[str, tuple[Cluster, ...]]:
    return {command_id: clusters for command_id, (_, clusters) in tied.items()}


def _applications(
    request: JobRequest, command: Command, catalog: CatalogSnapshot, why: Rationale
) -> tuple[Application, ...]:
    found = []
    # An application that is named twice is set up once.
    for application_id in dict.fromkeys(request.applications or command.applications):
        application = catalog.application(application_id)
        asker = "the request" if request.applications else f"command {command.id!r}"
        if application is None:
            raise _unresolvable(
                f"No application with the id {application_id!r} found, which {asker} names", why
            )
        if application.status == CommandStatus.INACTIVE:
            raise _unresolvable(
                f"Application {application_id!r}, which {asker} names, is INACTIVE", why
            )
        found.append(application)
    return tuple(found)


def _unresolvable(reason: str, why: Rationale, near: Sequence[NearMiss] = ()) -> Unresolvable:
    hint = f". Nearest: {near[0].resource.id}: {'; '.join(near[0].missing[:3])}" if near else ""
    return Unresolvable(reason + hint, why.as_data())


def _first(*values: int | None) -> int:
    """The first that is given, as a plain number."""
    return int(next(value for value in values if value is not None))
