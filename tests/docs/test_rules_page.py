"""The page about rules: its files and its commands, as they stand there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from .blocks import ROOT, labelled

PAGE = "docs/rules.md"
EXAMPLES = ROOT / "examples/rules"


def run(folder: Path, command: str, mongodb_url: str | None = None) -> str:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TAGFLEET_DATA": str(folder / "data"),
    }
    if mongodb_url:
        environment["TAGFLEET_MONGODB_URL"] = mongodb_url
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def a_copy(folder: Path) -> Path:
    """The example's files, with the page's rules."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    (folder / "rules.yaml").write_text(labelled(PAGE, "file: rules.yaml").code)
    return folder


def test_the_rules_are_checked_tested_and_explained_without_a_fleet(tmp_path: Path) -> None:
    folder = a_copy(tmp_path)
    commands = labelled(PAGE, "run: offline").commands
    # (the last one asks for a moment of the change freeze; a bot may run then)
    printed = [run(folder, command) for command in commands]
    assert printed[0].startswith("No problems")
    assert printed[1] == "7 of 7 tests passed.\n"
    assert "Command spark on cluster" in printed[2]
    assert '"outcome": "routed"' in printed[3]


def test_past_jobs_are_simulated(tmp_path: Path) -> None:
    folder = a_copy(tmp_path)
    request = {"name": "n", "user": "airflow-x", "version": "1", "commandCriteria": ["type:spark"]}
    rows = [
        json.dumps(request | {"id": f"job-{number}", "clusterCriterias": [{"tags": ["type:yarn"]}]})
        for number in range(20)
    ]
    (folder / "jobs.jsonl").write_text("\n".join(rows))
    printed = [run(folder, command) for command in labelled(PAGE, "run: simulate").commands]
    assert "Simulated 20 jobs" in printed[0]
    assert "Passed: no job is unroutable." in printed[0]
    assert "<svg" in (folder / "report.html").read_text()


def test_the_rules_are_put_in_force_and_taken_back(tmp_path: Path, mongodb_url: str) -> None:
    folder = a_copy(tmp_path)
    # Given a version before, as the way back needs one
    (folder / "first.yaml").write_text("version: 1\nqueues: {a: }\nroutes: [{name: a, queue: a}]\n")
    run(folder, "tagfleet rules apply first.yaml", mongodb_url)
    commands = labelled(PAGE, "run: apply").commands
    printed = [run(folder, command, mongodb_url) for command in commands]
    assert "Version 2 of the rules" in printed[0]
    assert "the canary gets 5 %" in printed[1]
    assert printed[3] == "No differences.\n"
    assert "Version 3 of the rules" in printed[4]


def test_the_hooks_and_the_workflow_name_commands_that_are_there() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    workflow = yaml.safe_load((EXAMPLES / "github-workflow.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["rules"]["steps"]]
    verbs = {each["entry"].split()[2] for each in hooks}
    verbs |= {step.split()[2] for step in steps if step.startswith("tagfleet rules")}
    assert verbs == {"lint", "test"}
    for verb in verbs:
        subprocess.run(
            [sys.executable, "-m", "tagfleet", "rules", verb, "--help"], check=True, stdout=subprocess.DEVNULL
        )  # fmt: skip


def test_the_hook_lints_a_folder_of_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in ("rules.yaml", "rules.test.yaml"):
        shutil.copy(EXAMPLES / name, rules)
    (hook,) = [
        each
        for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
        if each["id"] == "tagfleet-rules-lint"
    ]
    assert run(tmp_path, " ".join([hook["entry"], *hook["args"]])).startswith("No problems")
