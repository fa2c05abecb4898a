"""`tagfleet rules apply` and what comes with it, as processes on a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import jobs, rule_sets
from tagfleet.models.database import connect, disconnect, now
from tagfleet.models.job import Job

from ..models.samples import a_request

RULES = """\
version: 1
queues: {etl: , rest: }
routes:
  - {name: bots, match: {user: "airflow-*"}, queue: etl}
  - {name: all, queue: rest}
"""
BROKEN = RULES.replace("queue: etl", "queue: elt")


class Shell:
    """The command line, on the test's database."""

    def __init__(self, folder: Path, mongodb_url: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TAGFLEET_MONGODB_URL": mongodb_url,
            "TAGFLEET_DATA": str(folder / "data"),
        }

    def write(self, text: str, name: str = "rules/rules.yaml") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path.parent)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tagfleet", "rules", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, expect: int = 0) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        assert process.returncode == expect, out + err
        return out + err

    def read(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--output", "json"))


@pytest.fixture
def shell(tmp_path: Path, mongodb_url: str) -> Iterator[Shell]:
    connect(mongodb_url)
    yield Shell(tmp_path, mongodb_url)
    disconnect()


def eventually(check: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_rules_are_applied_shown_compared_and_taken_back(shell: Shell) -> None:
    # Given a fleet that goes by the built-in rules
    before = shell.read("status")
    assert (before["version"], before["from"]) == (None, "the built-in rules")
    # When rules are applied
    folder = shell.write(RULES)
    told = shell.run("apply", folder, "--by", "ana", "--note", "first")
    assert "+  - {name: bots" in told
    assert "Version 1 of the rules" in told
    # Then they are in force
    status = shell.read("status")
    assert (status["version"], status["appliedBy"], status["tagGroups"]) == (
        1,
        "ana",
        ["etl", "rest"],
    )
    assert shell.run("show") == f"# rules.yaml\n{RULES}"
    # And applied again, they change nothing
    assert "is in force already: nothing to do" in shell.run("apply", folder)
    # When others are applied
    shell.write(RULES.replace("airflow-*", "bot-*"))
    assert '+  - {name: bots, match: {user: "bot-*"}' in shell.run("diff", folder)
    assert "Nothing was applied" in shell.run("apply", folder, "--dry-run")
    shell.run("apply", folder, "--by", "bo")
    # Then the way back is one command, and is kept in the history, too
    assert '+  - {name: bots, match: {user: "airflow-*"}' in shell.run("diff", "1")
    assert "Version 3 of the rules" in shell.run("rollback", "--by", "cas")
    assert "airflow-*" in shell.run("show")
    rows = shell.read("history")
    assert [(row["version"], row["inForce"], row["appliedBy"]) for row in rows] == [
        (3, True, "cas"),
        (2, False, "bo"),
        (1, False, "ana"),
    ]
    assert rows[0]["note"] == "back to version 1"
    assert rows[0]["digest"] == rows[2]["digest"]


def test_a_broken_set_never_replaces_a_good_one(shell: Shell) -> None:
    shell.run("apply", shell.write(RULES))
    told = shell.run("apply", shell.write(BROKEN), expect=2)
    assert "rules.yaml:4" in told
    assert "did you mean 'etl'?" in told
    assert shell.read("status")["version"] == 1


def test_there_is_nothing_to_go_back_to_before_the_first_version(shell: Shell) -> None:
    assert "none were ever applied" in shell.run("rollback", expect=2)
    shell.run("apply", shell.write(RULES))
    assert "no version before 1" in shell.run("rollback", expect=2)
    assert "no version 9" in shell.run("rollback", "9", expect=1)


def test_of_two_who_apply_at_once_each_succeeds_or_is_told(shell: Shell) -> None:
    folders = [
        shell.write(RULES.replace("airflow", f"bot{number}"), f"rules-{number}/rules.yaml")
        for number in range(4)
    ]
    processes = [shell.start("apply", folder) for folder in folders]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert all(code == 0 or "somebody else applied rules" in err for err, code in ends)
    versions = rule_sets.history()
    applied = [code for _, code in ends].count(0)
    assert applied >= 1
    assert versions[0].version >= applied
    assert rule_sets.in_force() is not None


def test_a_folder_is_watched_and_broken_files_change_nothing(shell: Shell) -> None:
    # Given
    folder = shell.write(RULES)
    watch = shell.start("watch", folder, "--every", "0.1", "--by", "gitops")
    try:
        eventually(lambda: rule_sets.version_in_force() == 1)
        # When a broken set is checked out, by a swapped link as Kubernetes and git-sync do it
        broken = Path(shell.write(BROKEN, "other/rules.yaml"))
        swap(Path(folder), broken)
        good = Path(shell.write(RULES.replace("airflow", "bot"), "third/rules.yaml"))
        # And then a good one
        swap(Path(folder), good)
        # Then the good one comes in force, and the broken one never did
        eventually(lambda: rule_sets.version_in_force() == 2)
        assert "bot-*" in shell.run("show")
        eventually(lambda: not watched().problem)
        swap(Path(folder), broken)
        assert watch.stderr
        while "cannot be used; those in force stay so" not in watch.stderr.readline():
            pass
        # And whoever asks is told what is wrong there
        eventually(lambda: bool(watched().problem))
        said = shell.run("status")
        assert "did you mean" in said
        assert str(Path(folder).resolve()) in said
        watch.send_signal(signal.SIGTERM)
        # Who ends while it is broken says so
        assert watch.wait(60) == 1
        assert rule_sets.version_in_force() == 2
    finally:
        watch.kill()
        watch.communicate()


def watched() -> rule_sets.WatchReport:
    """What the watcher wrote down, once it has."""
    eventually(lambda: rule_sets.watch_report() is not None)
    found = rule_sets.watch_report()
    assert found
    return found


def swap(link: Path, target: Path) -> None:
    """Let the name stand for another folder from one moment to the next."""
    if link.is_dir() and not link.is_symlink():
        link.rename(link.with_name("first"))
    fresh = link.with_name("fresh")
    fresh.symlink_to(target)
    fresh.replace(link)


def test_a_past_job_is_explained_by_the_rules_that_decided(shell: Shell) -> None:
    # Given a job that a worker has refused by rules that are no longer in force
    shell.run(
        "apply", shell.write(f"{RULES}deny: [{{name: no, match: {{user: ana}}, reason: No}}]\n")
    )
    digest = rule_sets.get(1).digest
    jobs.record(a_request(id="a"), "rest", worker="w", ring_at=now(), queue_seconds=60)
    Job.objects(id="a").update_one(
        set__status="INVALID", set__failure="No", set__rules=["no"], set__rules_digest=digest,
        set__rules_version=1,
    )  # fmt: skip
    shell.run("apply", shell.write(RULES))
    # Then it is told by those
    environment = shell.environment
    done = subprocess.run(
        [sys.executable, "-m", "tagfleet", "job", "explain", "a"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"Rules: version 1, {digest[:12]}" in done.stdout
    assert "+ deny no\n      denied: No" in done.stdout
    assert "- route bots\n      user is 'ana', not 'airflow-*'" in done.stdout
