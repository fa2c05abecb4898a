"""How many random runs there are, and the services that each stands on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..rabbitmq import RabbitNode
from .ground import Ground, ground


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults-seeds 20` is the long run; `--faults-first-seed S` replays the plan of seed S."""
    parser.addoption("--faults-seeds", type=int, default=None, help="random runs under faults")
    parser.addoption("--faults-first-seed", type=int, default=None, help="the first run's seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count, first = _option(metafunc, "seeds"), _option(metafunc, "first-seed")
        metafunc.parametrize("seed", range(first, first + count))


def _option(metafunc: pytest.Metafunc, name: str) -> int:
    # A run of the whole suite reads this file too late for options of its own.
    asked = metafunc.config.getoption(f"--faults-{name}", default=None)
    variable = f"TAGFLEET_TEST_FAULTS_{name.upper().replace('-', '_')}"
    return int(asked if asked is not None else os.environ.get(variable, "1"))


@pytest.fixture
def standing(
    chaos_rabbitmq: RabbitNode, chaos_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Ground]:
    """Services for one run."""
    # A broker that is away is no news here, and would bury what is.
    caplog.set_level(logging.CRITICAL, "pika")
    with ground(chaos_rabbitmq, chaos_url, tmp_path) as found:
        yield found
