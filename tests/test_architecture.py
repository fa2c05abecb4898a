"""What keeps the repository easy to find one's way in: names, sizes, and who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED: list[str] = PROJECT["tool"]["hatch"]["build"]["only-include"]
MODULES = sorted(file for name in SHIPPED for file in (ROOT / name).rglob("*.py"))
MODULES += [ROOT / name for name in SHIPPED if name.endswith(".py")]
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LONGEST_MODULE = 300
LONGEST_TEST = 450

#: What the thin client must do without.
FLEET_ONLY = ("boto3", "botocore", "dramatiq", "mongoengine", "prometheus_client", "pymongo")

#: Folders of the repository that are no part of the package.
NOT_SHIPPED = {"bench", "docs", "examples", "scripts", "tests"}


def name_of(file: Path) -> str:
    """The file's path in the repository, for the name of a test."""
    return str(file.relative_to(ROOT))


def tree_of(file: Path) -> ast.Module:
    """The file, parsed."""
    return ast.parse(file.read_text(encoding="utf-8"))


def test_a_checkout_bears_the_names_that_the_wheel_has() -> None:
    links = {path.name for path in (ROOT / ".src" / "tagfleet").iterdir()}
    assert links - {"__pycache__"} == set(SHIPPED)


def test_the_links_lead_to_the_folders_at_the_top() -> None:
    for name in SHIPPED:
        link = ROOT / ".src" / "tagfleet" / name
        assert link.is_symlink(), f"{link} is a copy: edits of one would be missing in the other"
        assert link.resolve() == ROOT / name


def test_every_folder_with_code_is_in_the_wheel_or_known_not_to_be() -> None:
    with_code = {
        file.relative_to(ROOT).parts[0] for file in ROOT.glob("[!.]*/**/*.py") if file.is_file()
    }
    assert with_code - NOT_SHIPPED <= set(SHIPPED)


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {module.parent for module in MODULES}
    # Files that a demonstration hands to Spark are data, not modules.
    data = {folder for folder in folders if folder.name == "files"}
    assert {
        name_of(folder) for folder in folders - data if not (folder / "__init__.py").exists()
    } == set()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_opens_by_saying_what_it_is(module: Path) -> None:
    assert ast.get_docstring(tree_of(module)), f"{name_of(module)} has no docstring"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_holds_one_idea(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, (
        f"{name_of(module)} has {lines} lines: find the second idea in it"
    )


@pytest.mark.parametrize("module", TESTS, ids=name_of)
def test_a_file_of_tests_can_be_read_in_one_go(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_TEST, f"{name_of(module)} has {lines} lines"


@pytest.mark.parametrize("package", ["models", "producers"])
def test_a_package_of_the_thin_client_imports_nothing(package: str) -> None:
    # What stands in an __init__ is imported by everybody who imports any module of the package.
    tree = tree_of(ROOT / package / "__init__.py")
    assert [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] == []


def test_the_folders_import_each_other_in_one_direction_only() -> None:
    # Given the contracts in pyproject.toml
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    # When import-linter holds the code against them
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # Then none is broken
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "tagfleet.__main__",
        "tagfleet.models.errors",
        "tagfleet.models.queues",
        "tagfleet.models.schemas",
        "tagfleet.models.settings",
        "tagfleet.models.states",
        "tagfleet.producers.publisher",
        "tagfleet.routing_rules.resolver",
    ],
)
def test_the_thin_client_needs_nothing_of_the_fleet(module: str) -> None:
    # Given a Python that has none of what only the fleet needs
    program = textwrap.dedent(
        f"""
        import sys

        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {FLEET_ONLY!r}:
                    raise ModuleNotFoundError(f"the thin client must not import {{name}}", name=name)

        sys.meta_path.insert(0, Absent())
        sys.path.insert(0, {str(ROOT / ".src")!r})
        import {module}
        """
    )
    # When the module is imported
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    # Then it does not ask for any of it
    assert done.returncode == 0, done.stderr


def test_what_the_fleet_needs_is_not_a_dependency_of_the_thin_client() -> None:
    names = {
        dependency.split(">")[0].split("=")[0] for dependency in PROJECT["project"]["dependencies"]
    }
    assert names & set(FLEET_ONLY) == set()
