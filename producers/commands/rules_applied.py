"""`tagfleet rules apply | rollback | diff | history | show | status`: the rules of a running fleet."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...models import rule_sets
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput
from ...models.printing import add_output, print_data, print_table
from ...models.rule_sets import RuleSetDocument
from ...models.settings import Settings
from ...routing_rules.rule_files.reader import rule_texts
from ..applying import Applied, Candidate, apply, differences
from ..rules_in_force import rules_in_force


def add_verbs(verbs: Any) -> None:
    """Describe the verbs."""
    verb = verbs.add_parser("apply", help="put rule files in force, whole or not at all")
    verb.add_argument("path", type=Path, metavar="PATH", help="a rule file, or a folder of them")
    verb.add_argument("--dry-run", action="store_true", help="only show what would change")
    _add_who(verb)
    verb.set_defaults(run=_apply)
    verb = verbs.add_parser("rollback", help="put an earlier version in force again")
    verb.add_argument(
        "version", type=int, nargs="?", metavar="VERSION", help="default: the one before this"
    )
    _add_who(verb)
    verb.set_defaults(run=_rollback)
    verb = verbs.add_parser("diff", help="what files, or another version, would change")
    verb.add_argument(
        "other", metavar="PATH|VERSION", help="compared with what is in force, or with BEFORE"
    )
    verb.add_argument("before", type=int, nargs="?", metavar="BEFORE", help="a version")
    verb.set_defaults(run=_diff)
    verb = verbs.add_parser("history", help="the versions that were applied, newest first")
    verb.add_argument("--limit", type=int, default=20, metavar="N")
    add_output(verb)
    verb.set_defaults(run=_history)
    verb = verbs.add_parser("show", help="print the files of a version")
    verb.add_argument(
        "version", type=int, nargs="?", metavar="VERSION", help="default: the one in force"
    )
    verb.set_defaults(run=_show)
    verb = verbs.add_parser("status", help="which rules are in force, since when, and by whom")
    add_output(verb)
    verb.set_defaults(run=_status)


def user_name() -> str:
    """Who runs this command, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return "unknown"


def _add_who(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--by", metavar="NAME", help="who applies them (default: this user)")
    verb.add_argument("--note", metavar="TEXT", help="why; kept in the history")


def _apply(settings: Settings, arguments: argparse.Namespace) -> int:
    candidate = Candidate.read(arguments.path)
    with database_for(settings):
        print("\n".join(differences(_texts_in_force(settings), candidate.texts)))
        if arguments.dry_run:
            print("Nothing was applied: --dry-run.")
            return 0
        done = apply(candidate, applied_by=arguments.by or user_name(), note=arguments.note)
    _say(done)
    return 0


def _rollback(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        current = rule_sets.in_force()
        if current is None:
            raise InvalidInput("rules", ["none were ever applied: there is nothing to go back to"])
        version = arguments.version or current.version - 1
        if version < 1:
            raise InvalidInput("VERSION", ["there is no version before 1: name one"])
        chosen = rule_sets.get(version)
        print("\n".join(differences(current.texts(), chosen.texts())))
        done = apply(
            Candidate(texts=chosen.texts(), digest=chosen.digest),
            applied_by=arguments.by or user_name(),
            note=arguments.note or f"back to version {version}",
        )
    _say(done)
    return 0


def _say(done: Applied) -> None:
    what = "is in force" if done.changed else "is in force already: nothing to do"
    print(f"Version {done.version} of the rules ({done.digest[:12]}) {what}.")


def _diff(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        after = (
            rule_sets.get(int(arguments.other)).texts()
            if arguments.other.isdecimal()
            else Candidate.read(Path(arguments.other)).texts
        )
        before = (
            rule_sets.get(arguments.before).texts()
            if arguments.before
            else _texts_in_force(settings)
        )
    lines = list(differences(before, after))
    print("\n".join(lines) if lines else "No differences.")
    return 0


def _history(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        current = rule_sets.version_in_force()
        rows = [_shown(each, current) for each in rule_sets.history(arguments.limit)]
    if arguments.output == "table":
        print_table(rows, ["version", "inForce", "digest", "appliedBy", "applied", "note"])
    else:
        print_data(rows, arguments.output)
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        texts = (
            rule_sets.get(arguments.version).texts()
            if arguments.version
            else _texts_in_force(settings)
        )
    for name, content in texts.items():
        print(f"# {name}\n{content.decode().rstrip()}")
    return 0


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        rules = rules_in_force(settings)
        document = rule_sets.in_force()
        watched = rule_sets.watch_report()
    shown = {
        "version": rules.version,
        "digest": rules.digest,
        "from": "applied" if document else str(settings.rules or "the built-in rules"),
        "appliedBy": document.applied_by if document else None,
        "applied": document.applied.isoformat(timespec="seconds") if document else None,
        "note": document.note if document else None,
        "tagGroups": list(rules.rules.names),
        "routes": len(rules.rules.routes),
        "limits": len(rules.rules.limits),
        "watched": watched.path if watched else None,
        "problem": watched.problem if watched else None,
    }
    if arguments.output == "table":
        for name, value in shown.items():
            print(f"{name:<10} {', '.join(value) if isinstance(value, list) else value}")
    else:
        print_data(shown, arguments.output)
    return 0


def _texts_in_force(settings: Settings) -> Mapping[str, bytes]:
    document = rule_sets.in_force()
    if document is not None:
        return document.texts()
    return rule_texts([settings.rules] if settings.rules else [])


def _shown(document: RuleSetDocument, current: int) -> dict[str, Any]:
    return {
        "version": document.version,
        "inForce": document.version == current,
        "digest": document.digest[:12],
        "appliedBy": document.applied_by,
        "applied": document.applied.isoformat(timespec="seconds"),
        "note": document.note,
    }
