"""Writes the `run` script, which a job's step is on its cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...models.errors import StagingFailed
from ...models.staging_names import folder_name
from .arguments import expanding, literal
from .layout import APPLICATIONS_FOLDER, CLUSTER_FOLDER, COMMAND_FOLDER

#: How long a job that is told to end may take, in seconds, before it is killed.
GRACE_SECONDS: Final = 10

#: The script, but for what differs from job to job.
_TEMPLATE: Final = Path(__file__).with_name("run.bash")
_PLACE: Final = re.compile(r"^( *)#@([a-z]+)@$", re.MULTILINE)

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Bash refuses to set these (bash manual, "Bash Variables").
_READONLY: Final = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_OWN_PREFIXES: Final = ("GENIE_", "tagfleet_")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript:
    """What differs from job to job."""

    job_id: str
    #: Counts the submissions of the job, from 1.
    attempt: int
    #: The job's folder in the staging area: `s3://...` or a path.
    job_uri: str
    #: Made by the one step that runs the attempt; a second step that finds it runs nothing.
    claim_uri: str
    #: What tells the job from an earlier one of the same id: a word.
    birth: str
    #: Exported first, in this order; the fleet's own variables.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Exported last; the request's variables.
    user_environment: Mapping[str, str] = field(default_factory=dict)
    #: Sourced in this order; paths in the job's folder.
    setup_files: tuple[str, ...] = ()
    cluster_id: str
    command_id: str
    application_ids: tuple[str, ...] = ()
    #: The program and its first arguments, of the catalog: `$NAME` and `${NAME}` are expanded.
    executable: tuple[str, ...]
    #: What follows, of the request: handed on as it is.
    arguments: tuple[str, ...] = ()
    #: How long the job may take to end when it is told to, before it is killed.
    grace_seconds: int = GRACE_SECONDS


def run_script(script: RunScript) -> str:
    """The text of the script; UTF-8 when it is written.

    Raises:
        StagingFailed: Something cannot be said in a script: a NUL character, a variable that
            bash or tagfleet keeps to itself, a job without a program.
    """
    places = {
        "constants": _constants,
        "exports": _exports,
        "setup": _setup,
        "program": _program,
    }

    def filled(place: re.Match[str]) -> str:
        return "\n".join(place[1] + line for line in places[place[2]](script))

    return _PLACE.sub(filled, _TEMPLATE.read_text(encoding="utf-8"))


def _constants(script: RunScript) -> Iterator[str]:
    # Ends in the attempt: two attempts on one machine must not share a folder.
    name = f"{folder_name(script.job_id)}.{script.attempt}"
    yield f"tagfleet_name={_literal(script, 'the id', name)}"
    yield f"tagfleet_job_uri={_literal(script, 'the address of the job', script.job_uri)}"
    yield f"tagfleet_claim_uri={_literal(script, 'the address of the claim', script.claim_uri)}"
    yield f"tagfleet_birth={_literal(script, 'the time of the job', script.birth)}"
    yield f"tagfleet_grace_seconds={int(script.grace_seconds)}"


def _exports(script: RunScript) -> Iterator[str]:
    for name, value in script.environment.items():
        yield _export(script, name, value)
    folders = {
        "GENIE_APPLICATION_DIR": APPLICATIONS_FOLDER,
        "GENIE_COMMAND_DIR": f"{COMMAND_FOLDER}/{folder_name(script.command_id)}",
        "GENIE_CLUSTER_DIR": f"{CLUSTER_FOLDER}/{folder_name(script.cluster_id)}",
    }
    yield 'export GENIE_JOB_DIR="$tagfleet_folder"'
    for name, folder in folders.items():
        yield f'export {name}="$tagfleet_folder"/{_literal(script, name, folder)}'
    for name, value in script.user_environment.items():
        if name in _READONLY or name.startswith(_OWN_PREFIXES):
            raise _unsayable(script, f"the variable {name}", "it cannot be set by a job")
        yield _export(script, name, value)


def _export(script: RunScript, name: str, value: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise _unsayable(script, f"the variable {name!r}", "it is not a variable's name")
    return f"export {name}={_literal(script, f'the variable {name}', value)}"


def _setup(script: RunScript) -> Iterator[str]:
    for path in script.setup_files:
        yield f'source "$tagfleet_folder"/{_literal(script, "a setup file", path)}'


def _program(script: RunScript) -> Iterator[str]:
    if not script.executable:
        raise _unsayable(script, "the command", "it has no executable")
    words = [_word(script, text) for text in script.executable]
    for position, text in enumerate(script.arguments, start=1):
        words.append(_literal(script, f"argument {position}", text))
    yield "exec -- " + " ".join(words)


def _word(script: RunScript, text: str) -> str:
    try:
        return expanding(text)
    except ValueError as error:
        raise _unsayable(script, "the executable", str(error)) from error


def _literal(script: RunScript, what: str, text: str) -> str:
    try:
        return literal(text)
    except ValueError as error:
        raise _unsayable(script, what, str(error)) from error


def _unsayable(script: RunScript, what: str, why: str) -> StagingFailed:
    return StagingFailed(f"the run script of job {script.job_id!r}", f"{what}: {why}")
