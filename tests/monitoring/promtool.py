"""Prometheus's own tool, which judges rules, configurations and metrics."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "monitoring"


def promtool(*arguments: str, input: str | None = None) -> str:
    """Run promtool in the folder of what is shipped; fails the test when it complains, returns what it said."""
    program = shutil.which("promtool")
    assert program, (
        "promtool is missing. It comes with Prometheus: apt-get install prometheus, or brew install prometheus; "
        "scripts/test installs it."
    )
    done = subprocess.run(
        [program, *arguments],
        cwd=FOLDER,
        input=input,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"promtool {' '.join(arguments)}:\n{said}"
    return said
