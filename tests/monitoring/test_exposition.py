"""What is served of one process, and of several: while they live, when they die, after a restart."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tagfleet.models.errors import ServiceUnavailable
from tagfleet.monitoring import exposition

SOURCE = Path(__file__).resolve().parents[2] / ".src"

SUPERVISOR = """
import sys
from pathlib import Path
from tagfleet.monitoring import exposition

exposition.prepare_multiprocess(Path(sys.argv[1]))
with exposition.serving(("127.0.0.1", 0)) as address:
    print(address, flush=True)
    sys.stdin.read()
"""

WORKER = """
import sys
from tagfleet.monitoring import metrics

metrics.MESSAGES.labels("reconcile", "done").inc(int(sys.argv[1]))
metrics.MESSAGE_SECONDS.labels("reconcile").observe(0.2)
metrics.CLOCK_LEADER.set(1)
print("done", flush=True)
sys.stdin.read()
"""


@contextmanager
def running(
    program: str, argument: str, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that lasts as long as the block, and the first line that it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", program, argument],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


class Fleet:
    """A supervisor that serves the metrics of the workers beside it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        _, self.address = stack.enter_context(running(SUPERVISOR, str(folder)))

    def start_worker(self, messages: int) -> subprocess.Popen[str]:
        """A worker that has worked at so many messages, and keeps the clock."""
        environ = {exposition.MULTIPROCESS_VARIABLE: str(self._folder)}
        process, _ = self._stack.enter_context(running(WORKER, str(messages), **environ))
        return process

    def series(self) -> dict[str, float]:
        """The sum of each time series that is served, by name."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(read(self.address)):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0) + sample.value
        return found


def read(address: str) -> str:
    """What is served at the address."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def fleet(tmp_path: Path, stack: ExitStack) -> Fleet:
    return Fleet(tmp_path / "metrics", stack)


def test_the_metrics_of_all_processes_are_served_as_one(fleet: Fleet) -> None:
    # Given two processes
    fleet.start_worker(messages=3)
    fleet.start_worker(messages=4)
    # When Prometheus asks
    series = fleet.series()
    # Then it sees their sum
    assert series["tagfleet_messages_total"] == 7
    assert series["tagfleet_message_seconds_count"] == 2
    assert series["tagfleet_clock_leader"] == 2


def test_a_killed_process_keeps_its_counts_and_loses_its_gauges(fleet: Fleet) -> None:
    # Given two processes, one of which is killed
    fleet.start_worker(messages=3)
    victim = fleet.start_worker(messages=4)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    # When Prometheus asks
    series = fleet.series()
    # Then what was done stays done, and the dead one keeps no clock
    assert series["tagfleet_messages_total"] == 7
    assert series["tagfleet_clock_leader"] == 1


def test_without_a_living_process_there_are_no_gauges(fleet: Fleet) -> None:
    # Given a fleet whose only process has died
    victim = fleet.start_worker(messages=1)
    victim.kill()
    victim.wait()
    # Then nothing looks as if somebody kept the clock
    assert "tagfleet_clock_leader" not in fleet.series()


def test_a_restart_begins_anew(tmp_path: Path) -> None:
    # Given a folder in which a fleet that was killed has left its metrics
    with ExitStack() as stack:
        Fleet(tmp_path, stack).start_worker(messages=5)
    assert list(tmp_path.iterdir())
    # When the fleet is started again
    with ExitStack() as stack:
        series = Fleet(tmp_path, stack).series()
    # Then nothing is left of them
    assert series == {}


def test_preparing_too_late_is_refused(tmp_path: Path) -> None:
    # Given this process, which has imported prometheus_client
    # When it is to share its metrics
    with pytest.raises(RuntimeError, match="before PROMETHEUS_MULTIPROC_DIR was set"):
        exposition.prepare_multiprocess(tmp_path)
    # Then nothing was changed
    assert exposition.MULTIPROCESS_VARIABLE not in os.environ


def test_one_process_serves_its_own_metrics() -> None:
    with exposition.serving(("127.0.0.1", 0)) as address:
        assert address
        assert "tagfleet_clock_leader" in read(address)


def test_the_port_is_free_again_afterwards() -> None:
    # Given metrics that were served
    with exposition.serving(("127.0.0.1", 0)) as address:
        assert address
        port = int(address.rpartition(":")[2].partition("/")[0])
    # Then the port can be taken
    with exposition.serving(("127.0.0.1", port)) as again:
        assert again == address


def test_an_address_of_ipv6_is_one_that_can_be_asked() -> None:
    with exposition.serving(("::1", 0)) as address:
        assert address
        assert address.startswith("http://[::1]:")
        assert "tagfleet_clock_leader" in read(address)


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    # Given a port that somebody listens on
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        # When the metrics are to be served there
        with (
            pytest.raises(
                ServiceUnavailable, match=f"127.0.0.1:{port}.*in use.*TAGFLEET_METRICS_BIND"
            ) as caught,
            exposition.serving(("127.0.0.1", port)),
        ):
            pass
    # Then the command ends with the exit code for a service that is away
    assert caught.value.exit_code == 3


def test_a_host_that_is_not_ours_is_an_error_too() -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    with pytest.raises(ServiceUnavailable, match="192.0.2.1"), exposition.serving(("192.0.2.1", 0)):
        pass


def test_no_address_means_that_nothing_is_served() -> None:
    with exposition.serving(None) as address:
        assert address is None


def test_a_worker_whose_metrics_cannot_be_served_does_not_start(tmp_path: Path) -> None:
    # Given a worker that is well configured, but for a port that somebody listens on
    with socket.create_server(("127.0.0.1", 0)) as other:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "TAGFLEET_AMQP_URL": "amqp://127.0.0.1:1",
            "TAGFLEET_MONGODB_URL": "mongodb://127.0.0.1:1",
            "TAGFLEET_STAGING_URL": str(tmp_path),
            "TAGFLEET_ARCHIVE_URL": str(tmp_path),
            "TAGFLEET_METRICS_BIND": f"127.0.0.1:{other.getsockname()[1]}",
        }
        # When it is started
        done = subprocess.run(
            [sys.executable, "-m", "tagfleet", "worker"],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    # Then it says so and ends: a fleet that nobody can watch is not what was asked for
    assert "TAGFLEET_METRICS_BIND" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 3
