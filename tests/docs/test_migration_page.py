"""The commands of the page about Genie do what the page says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ..flow.fleet_process import FleetProcess
from .blocks import ROOT, labelled

PAGE = "docs/migration.md"


def test_a_catalog_is_copied_with_nothing_lost(tmp_path: Path) -> None:
    # Given a server that speaks Genie's API, with a catalog
    fleet = FleetProcess(tmp_path / "data", TAGFLEET_HTTP_BIND="127.0.0.1:0").start()
    common = {"user": "ops", "version": "1", "description": "Of all fields"}
    try:
        emr = fleet.cluster()
        engine = {"type": "emr", "clusterId": emr, "region": "us-east-1", "stepConcurrency": 2}
        catalog = {
            "applications": [
                {"id": each, "name": each, **common, "type": "x", "dependencies": ["s3://b/d"]}
                for each in ("second", "first")
            ],
            "commands": [
                {
                    "id": "bash",
                    "name": "bash",
                    **common,
                    "tags": ["type:bash"],
                    "executableAndArguments": ["bash", "-c"],
                    "clusterCriteria": [{"tags": ["type:yarn"], "status": "UP"}],
                    "applications": ["second", "first"],
                    "memory": 512,
                    "metadata": {"team": "core"},
                }
            ],
            "clusters": [
                {"id": "mine", "name": "mine", **common, "tags": ["type:yarn"], "engine": engine},
                {"id": "old", "name": "old", **common, "tags": ["type:yarn"], "engine": engine},
            ],
        }
        fleet.run("catalog", "apply", "-f", fleet.write("catalog.json", catalog))
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "python").symlink_to(sys.executable)
        (programs / "tagfleet").write_text(f'#!/bin/sh\nexec {sys.executable} -m tagfleet "$@"\n')
        (programs / "tagfleet").chmod(0o755)
        shutil.copytree(ROOT / "examples/genie", tmp_path / "examples/genie")
        environment = {
            **fleet.environment,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "GENIE": fleet.addresses["http"],
        }

        def run(label: str) -> subprocess.CompletedProcess[str]:
            script = labelled(PAGE, f"run: {label}").code.replace("j-MINE", emr)
            done = subprocess.run(
                ["bash", "-euc", script],
                cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{label}: {done.stdout}{done.stderr}"
            return done

        # When it is copied as the page says
        copied = run("copy")
        # Then every entry is what it was, and the cluster that nobody named is told
        assert copied.stdout.count("unchanged") == 4, copied.stdout
        assert copied.stderr == "Left out: cluster old has no engine.\n"
        # And a request finds its cluster
        assert "mine" in run("explain").stdout
    finally:
        fleet.stop()
