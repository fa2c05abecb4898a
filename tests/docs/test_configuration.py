"""The configuration page says what the code reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_configuration_page_is_the_one_that_the_settings_make() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "document-settings"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run scripts/document-settings"
