"""The tables of the documentation say what the code does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tables_of_the_pages_are_those_of_the_code() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "document"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run scripts/document"
