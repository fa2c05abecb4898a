"""The fixture that all tests of a pass share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...emr_fixtures import Emr
from .bench import Bench


@pytest.fixture
def bench(mongodb: object, emr: Emr, tmp_path: Path) -> Bench:
    return Bench(emr, tmp_path)
