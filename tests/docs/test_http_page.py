"""The commands of the page about HTTP do what the page says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tagfleet.models.settings import SETTINGS

from ..flow.fleet_process import FleetProcess
from .blocks import ROOT, blocks_of, labelled

PAGE = "docs/http.md"


def test_a_reader_gets_from_a_catalog_to_a_job_s_output(tmp_path: Path) -> None:
    # Given the fleet of the page
    fleet = FleetProcess(tmp_path / "data", TAGFLEET_HTTP_BIND="127.0.0.1:0").start()

    def run(label: str) -> str:
        script = labelled(PAGE, f"run: {label}").code.replace("j-MINE", cluster)
        script = script.replace("s3://tagfleet/logs", "s3://tagfleet/emr-logs")
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{label}: {done.stdout}{done.stderr}{fleet.log()[-2000:]}"
        return done.stdout

    try:
        cluster = fleet.cluster()
        environment = {"PATH": os.environ["PATH"], "URL": fleet.addresses["http"]}
        # When each step is done as it stands on the page, then it does what the page says
        assert '"id":"mine"' in run("catalog")
        assert f"Location: {fleet.addresses['http']}/api/v3/jobs/job-1" in run("submit")
        followed = run("follow")
        assert "SUCCEEDED" in followed
        assert "hello from a file\nfile\n" in followed
        assert '"name":"words.txt"' in followed
        assert '"totalElements":1' in followed
        run("change")
        assert fleet.read("catalog", "get", "clusters", "mine")["status"] == "OUT_OF_SERVICE"
    finally:
        fleet.stop()


def test_every_setting_that_the_page_names_is_there() -> None:
    words = (ROOT / PAGE).read_text().replace("`", " ").replace(",", " ").split()
    named = {word.strip("().:;") for word in words if word.startswith("TAGFLEET_")}
    assert named <= {setting.variable for setting in SETTINGS.values()}


def test_the_page_s_python_is_python() -> None:
    for block in blocks_of(PAGE):
        if block.language == "python":
            compile(block.code, PAGE, "exec")
