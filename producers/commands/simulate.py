"""`tagfleet rules simulate`: what other rules, or another catalog, would do with past jobs."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...models.errors import InvalidInput
from ...models.settings import Settings
from ...models.snapshot import CatalogSnapshot
from ...routing_rules.catalog_files import read_catalog
from ...routing_rules.in_force import RulesNow
from ...routing_rules.rule_files.reader import rule_texts
from ...routing_rules.simulate.catalog_changes import CatalogChanges, changed
from ...routing_rules.simulate.job_files import jobs_of_file
from ...routing_rules.simulate.past_jobs import PastJob
from ...routing_rules.simulate.report import report_data
from ...routing_rules.simulate.report_page import report_page
from ...routing_rules.simulate.report_text import report_text, verdict
from ...routing_rules.simulate.simulation import Side, simulate
from .simulate_arguments import add_arguments

__all__ = ["add_arguments", "main"]


def main(arguments: argparse.Namespace) -> int:
    """Run the command; 0: done, 1: what --fail-on names holds.

    Raises:
        InvalidInput: The rules, the catalog, a change of it or the jobs are refused.
        ServiceUnavailable: The database cannot be reached.
    """
    settings = Settings.from_environ()
    # Jobs come and go by the hundred thousand, and none is part of a cycle: less often will do.
    gc.set_threshold(100_000)
    with ExitStack() as stack:
        if _needs_database(arguments):
            # Without it, the command works where only the thin client is installed.
            from ...models.embedded_mongodb import database_for

            stack.enter_context(database_for(settings))
            source: _Files = _Database(settings, arguments)
        else:
            source = _Files(settings, arguments)
        before = source.before()
        after = source.after(before)
        found = simulate(
            source.jobs(),
            before,
            after,
            moment=arguments.at or datetime.now(UTC),
            all_by_rules=arguments.all_by_rules,
        )
        data = report_data(found, arguments.fail_on)
    _write(data, arguments)
    return 1 if data["failed"] else 0


def _needs_database(arguments: argparse.Namespace) -> bool:
    versions = (arguments.version, _version(arguments.against))
    return not (arguments.jobs and arguments.catalog) or versions != (None, None)


class _Files:
    """Where the rules, the catalog and the jobs come from, when no database is asked."""

    def __init__(self, settings: Settings, arguments: argparse.Namespace) -> None:
        self._settings, self._arguments = settings, arguments

    def before(self) -> Side:
        """As it is."""
        against = self._arguments.against
        rules = self._against(against) if against else self._rules_in_force()
        catalog = self._arguments.against_catalog
        found = _catalog_of(catalog) if catalog else self._catalog_in_force()
        return Side(
            rules=rules.now.rules,
            rules_name=rules.name,
            digest=rules.now.digest,
            catalog=found.catalog,
            catalog_name=found.name,
        )

    def after(self, before: Side) -> Side:
        """As it would be."""
        arguments = self._arguments
        rules = self._candidate()
        base = (
            _catalog_of(arguments.catalog)
            if arguments.catalog
            else _Catalog(before.catalog, before.catalog_name)
        )
        changes = changed(
            base.catalog,
            CatalogChanges(
                move_tags=arguments.move_tags,
                add_tags=arguments.add_tags,
                remove_tags=arguments.remove_tags,
                drain=arguments.drain,
            ),
        )
        return Side(
            rules=rules.now.rules if rules else before.rules,
            rules_name=rules.name if rules else before.rules_name,
            digest=rules.now.digest if rules else before.digest,
            catalog=changes.catalog,
            catalog_name=base.name,
            changes=changes.said,
        )

    def jobs(self) -> Iterator[PastJob | None]:
        """The jobs, in the order of their times."""
        return jobs_of_file(self._arguments.jobs)

    def _candidate(self) -> _Rules | None:
        paths = self._arguments.rules
        return _rules_of_files(paths, ", ".join(map(str, paths))) if paths else None

    def _against(self, text: str) -> _Rules:
        return _rules_of_files([Path(text)], text)

    def _rules_in_force(self) -> _Rules:
        path = self._settings.rules
        return _rules_of_files([path] if path else [], str(path) if path else "the built-in ones")

    def _catalog_in_force(self) -> _Catalog:
        return _catalog_of(self._arguments.catalog)


class _Database(_Files):
    """The same, where a database says what is in force, and has the jobs."""

    def jobs(self) -> Iterator[PastJob | None]:
        """The jobs, in the order of their times."""
        if self._arguments.jobs:
            return super().jobs()
        from ..past_jobs import jobs_of, rows_since

        rows = rows_since(datetime.now(UTC) - timedelta(days=self._arguments.days))
        saved = self._arguments.save_jobs
        return jobs_of(_saving(rows, saved) if saved else rows)

    def _candidate(self) -> _Rules | None:
        version = self._arguments.version
        return super()._candidate() if version is None else _rules_of_version(version)

    def _against(self, text: str) -> _Rules:
        version = _version(text)
        return super()._against(text) if version is None else _rules_of_version(version)

    def _rules_in_force(self) -> _Rules:
        from ..rules_in_force import rules_in_force

        now = rules_in_force(self._settings)
        if now.version is None:
            return super()._rules_in_force()
        return _Rules(now, f"version {now.version}, in force")

    def _catalog_in_force(self) -> _Catalog:
        from ...models.catalog import load_snapshot

        return _Catalog(load_snapshot(), "in force")


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules, and where they come from."""

    now: RulesNow
    name: str


@dataclass(frozen=True, slots=True)
class _Catalog:
    """A catalog, and where it comes from."""

    catalog: CatalogSnapshot
    name: str


def _rules_of_files(paths: list[Path], name: str) -> _Rules:
    return _Rules(RulesNow.of(rule_texts(paths)), name)


def _rules_of_version(version: int) -> _Rules:
    from ..past_jobs import rules_of_version

    return _Rules(rules_of_version(version), f"version {version}")


def _catalog_of(paths: list[Path]) -> _Catalog:
    return _Catalog(read_catalog(paths).snapshot(), ", ".join(map(str, paths)))


def _version(text: str | None) -> int | None:
    """The number of a version; a file of that name goes before it."""
    return int(text) if text and text.isdecimal() and not Path(text).exists() else None


def _saving(rows: Iterator[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                yield row
    except OSError as error:
        raise InvalidInput("--save-jobs", [f"{path}: {error.strerror or error}"]) from error


def _write(data: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.output == "json":
        text = json.dumps(data, indent=2, ensure_ascii=False)
    else:
        text = (report_page if arguments.output == "html" else report_text)(data)
    if arguments.to is None:
        print(text)
    else:
        try:
            arguments.to.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        except OSError as error:
            problem = f"{arguments.to}: {error.strerror or error}"
            raise InvalidInput("--to", [problem]) from error
    said = verdict(data)
    if said and (arguments.to or arguments.output != "table"):
        print(said, file=sys.stderr)
