"""`tagfleet catalog`: apply, get, export."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...models import catalog
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput
from ...models.printing import add_output, print_data, print_table
from ...models.resources import AnyResource
from ...models.schemas import dump_resource
from ...models.settings import Settings
from ...routing_rules.catalog_files import check_references, read_catalog

KINDS = tuple(catalog.DOCUMENTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("apply", help="create or change entries from files")
    verb.add_argument(
        "-f", "--file", type=Path, action="append", required=True, metavar="PATH",
        help="a YAML or JSON file, or a folder of them; may be given more than once",
    )  # fmt: skip
    verb.set_defaults(run=_apply)
    verb = verbs.add_parser("get", help="show entries")
    verb.add_argument("kind", type=_kind, metavar="KIND", help="applications, commands or clusters")
    verb.add_argument("id", nargs="?", metavar="ID", help="only this one")
    add_output(verb)
    verb.set_defaults(run=_get)
    verb = verbs.add_parser("export", help="print the whole catalog as one file that apply reads")
    verb.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml")
    verb.set_defaults(run=_export)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    settings = Settings.from_environ()
    result: int = arguments.run(settings, arguments)
    return result


def _kind(text: str) -> str:
    for kind in KINDS:
        if text.lower() in (kind, kind.removesuffix("s")):
            return kind
    raise argparse.ArgumentTypeError(f"{text!r} is not a kind: expected one of {', '.join(KINDS)}")


def _apply(settings: Settings, arguments: argparse.Namespace) -> int:
    # All files are read and checked before the first entry is written: a bad file is refused whole.
    files = read_catalog(arguments.file)
    with database_for(settings):
        known = {entry.id for entry in catalog.list_resources("applications")}
        if problems := check_references(files, known):
            raise InvalidInput("catalog", problems)
        for change, entry in catalog.apply([*files.applications, *files.commands, *files.clusters]):
            print(f"{change:<9}  {type(entry).__name__.lower()} {entry.id}")
    return 0


def _get(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        if arguments.id is not None:
            found: Any = dump_resource(catalog.get_resource(arguments.kind, arguments.id))
        else:
            found = [dump_resource(entry) for entry in catalog.list_resources(arguments.kind)]
    if arguments.output == "table":
        rows = found if isinstance(found, list) else [found]
        print_table(rows, ["id", "name", "version", "status", "tags", "updated"])
    else:
        print_data(found, arguments.output)
    return 0


def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        found = {
            kind: [_as_applied(entry) for entry in catalog.list_resources(kind)] for kind in KINDS
        }
    print_data({kind: entries for kind, entries in found.items() if entries}, arguments.output)
    return 0


def _as_applied(entry: AnyResource) -> dict[str, Any]:
    shown = dump_resource(entry)
    shown["tags"] = sorted(entry.tags)
    return {
        name: value
        for name, value in shown.items()
        if name not in ("created", "updated") and value != []
    }
