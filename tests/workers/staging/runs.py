"""Runs `run` scripts with the real bash, each in a step's folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagfleet.workers.staging import RunScript, run_script

#: A program that writes down what it was given, byte by byte.
#: The time of the job.
BIRTH = "2026-11-23T10:00:00.000Z"

RECORDER = """
import json, os, sys
seen = {
    "arguments": sys.argv[2:],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
}
with open(sys.argv[1], "w", encoding="ascii") as file:
    json.dump(seen, file)
"""


class Bench:
    """A staging area in a folder, and steps that run its one job.

    Arguments:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.job_folder = root / "staging/jobs/j1"
        self.job_folder.mkdir(parents=True)
        self.claims = root / "staging/claims"
        self._recorder = root / "recorder.py"
        self._recorder.write_text(RECORDER)
        self._record = root / "record.json"
        self._steps = 0

    def put(self, path: str, text: str) -> str:
        """Put a file into the job's folder in the staging area; returns its path."""
        target = self.job_folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return path

    def script(self, *executable: str, **fields: Any) -> RunScript:
        """The script of the job, with these fields."""
        always: dict[str, Any] = {
            "job_id": "j1",
            "attempt": 1,
            "job_uri": str(self.job_folder),
            "claim_uri": str(self.claims / "j1.1"),
            "birth": BIRTH,
            "cluster_id": "c1",
            "command_id": "k1",
            "executable": executable,
        }
        return RunScript(**(always | fields))

    def recording(self, *arguments: str, **fields: Any) -> RunScript:
        """The script of a job that writes down its arguments and its environment."""
        program = (sys.executable, str(self._recorder), str(self._record))
        return self.script(*program, arguments=arguments, **fields)

    def recorded(self) -> dict[str, Any]:
        """What it wrote down."""
        found: dict[str, Any] = json.loads(self._record.read_text("ascii"))
        return found

    def start(self, script: RunScript, **variables: str) -> Step:
        """Start a step, as EMR does: the script alone, in a folder of its own."""
        self._steps += 1
        folder = self.root / f"step{self._steps}"
        folder.mkdir()
        (folder / "run").write_text(run_script(script), encoding="utf-8")
        return Step(folder, variables)

    def run(self, script: RunScript, **variables: str) -> Ended:
        """Run a step to its end."""
        return self.start(script, **variables).wait()


class Step:
    """A step that runs."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            ["bash", "run"],
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_for_line(self) -> str:
        """Wait until the job has written a line to its standard output."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().rstrip("\n")

    def wait(self) -> Ended:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=60)
        return Ended(self.folder, self.process.returncode, out.decode(), err.decode())


class Ended:
    """A step that has ended."""

    def __init__(self, folder: Path, code: int, out: str, err: str) -> None:
        self.folder, self.code, self.out, self.err = folder, code, out, err

    @property
    def job_folder(self) -> Path:
        """The folder that it made for its job."""
        return self.folder / "j1.1"

    def read(self, path: str) -> str:
        """A file of that folder."""
        return (self.job_folder / path).read_text()
