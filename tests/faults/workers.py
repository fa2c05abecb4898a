"""The worker processes of a run: started, killed, stopped for a while, and started again when they die."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tagfleet.models.processes import dies_with_parent

from .crashing_worker import said_at
from .plan import Assignment

ROOT = Path(__file__).resolve().parents[2]

#: Longer than a worker's own grace when it is told to stop; who waits this long has hung.
STOP_SECONDS = 120.0

#: The longest that a process may take to start on a busy machine.
START_SECONDS = 120.0

#: How long a process that stopped itself at a point stays so: longer than its lease, and than doubt.
PAUSE_SECONDS = 18.0

#: At how many points a process may end.
POINTS_EACH = 3

#: What a worker says in its log when it begins to work.
STARTED = "Takes messages from"

#: A worker that starts while its broker or database is away says so by this exit code.
SERVICE_AWAY = 3


@dataclass(slots=True)
class Worker:
    """One process, from its start to its end."""

    process: subprocess.Popen[bytes]
    log: Path
    #: Where it is to end: at whichever of them it comes to first.
    assignments: Sequence[Assignment]
    #: When a stopped process goes on.
    resume_at: float | None = None
    is_killed: bool = False


@dataclass
class Workers:
    """So many processes, kept running.

    Must be used from one thread: the kernel ends the processes when the thread that started them ends.
    """

    environment: Mapping[str, str]
    folder: Path
    size: int
    assignments: Iterable[Assignment] = ()
    counts: Counter[str] = field(default_factory=Counter)
    #: The points that processes came to.
    reached: set[str] = field(default_factory=set)
    #: How processes ended that nobody killed, other than well.
    unexplained: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._left = deque(self.assignments)
        self._started = 0
        self._running: list[Worker] = []
        self._due: dict[int, float] = {}

    def start(self) -> None:
        """Start them all."""
        self._running = [self._start() for _ in range(self.size)]

    def tend(self) -> None:
        """Start again what died, and let go on what was stopped long enough."""
        for index, worker in enumerate(self._running):
            if worker.process.poll() is None:
                self._tend_stopped(worker)
            elif index not in self._due:
                # What cannot start for now is not asked to without a pause.
                self._due[index] = time.monotonic() + (1 if self._bury(worker) else 0)
            if index in self._due and time.monotonic() >= self._due[index]:
                del self._due[index]
                self._running[index] = self._start()

    def kill(self, index: int) -> None:
        """kill -9."""
        worker = self._running[index]
        worker.is_killed = True
        worker.process.kill()
        self.counts["killed at a random time"] += 1

    def pause(self, index: int, seconds: float) -> None:
        """Stop one in the middle of what it does."""
        worker = self._running[index]
        if worker.process.poll() is None and worker.resume_at is None:
            worker.process.send_signal(signal.SIGSTOP)
            worker.resume_at = time.monotonic() + seconds
            self.counts["stopped at a random time"] += 1

    def replace(self, index: int) -> None:
        """Tell one to stop, wait for its end, and start another."""
        worker = self._running[index]
        worker.process.terminate()
        if code := self._wait(worker):
            self._explain(worker, f"told to stop, it ended with {code}")
        self.counts["told to stop"] += 1
        self._running[index] = self._start()
        self._until_started(self._running[index])

    def until_started(self) -> None:
        """Wait until all take messages."""
        for worker in self._running:
            self._until_started(worker)

    def stop(self) -> list[int]:
        """Tell all to stop, and wait for their ends; returns the exit codes."""
        for worker in self._running:
            worker.process.send_signal(signal.SIGCONT)
            worker.process.terminate()
        return [self._wait(worker) for worker in self._running]

    def close(self) -> None:
        """Kill what still runs."""
        for worker in self._running:
            worker.process.kill()
            worker.process.wait()

    def tails(self, lines: int = 40) -> str:
        """The ends of the logs of those that run now."""
        return "\n".join(
            f"--- {worker.log.name}\n{_tail(worker.log, lines)}" for worker in self._running
        )

    def lines_about(self, job_id: str) -> str:
        """What all logs say of a job."""
        name = re.compile(rf"(?<![\w-]){re.escape(job_id)}(?![\w-])")
        found = []
        for log in sorted(self.folder.glob("*.log")):
            with log.open(errors="replace") as lines:
                found += [f"{log.name}: {line}" for line in lines if name.search(line)]
        return "".join(found)

    def _start(self) -> Worker:
        self._started += 1
        assignments = [self._left.popleft() for _ in range(min(POINTS_EACH, len(self._left)))]
        log = self.folder / f"worker-{self._started:03}.log"
        command = [sys.executable, "-m", "tests.faults.crashing_worker"]
        for each in assignments:
            command += ["--at", each.point, str(each.call), each.action]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=dies_with_parent(),
            )
        self.counts["processes"] += 1
        return Worker(process, log, assignments)

    def _bury(self, worker: Worker) -> bool:
        """Note how a process ended; returns whether it could not start for want of a service."""
        code = worker.process.returncode
        reached = self._reached(worker, "kill")
        self._left.extend(each for each in worker.assignments if each not in reached)
        if reached:
            self.counts["killed at a point"] += 1
        elif code != SERVICE_AWAY and not worker.is_killed:
            self._explain(worker, f"exit code {code}")
        return code == SERVICE_AWAY

    def _wait(self, worker: Worker) -> int:
        """Wait for the end of one that was told to stop; returns its exit code."""
        deadline = time.monotonic() + STOP_SECONDS
        while (code := worker.process.poll()) is None:
            assert time.monotonic() < deadline, f"it does not stop: {_tail(worker.log, 30)}"
            if _is_stopped(worker.process.pid):
                worker.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        # One that was still starting has taken nothing: it ends by the signal itself.
        was_starting = code == -signal.SIGTERM and not _says(worker, STARTED)
        return 0 if was_starting or self._reached(worker, "kill") else code

    def _explain(self, worker: Worker, what: str) -> None:
        self.unexplained.append(f"{worker.log.name}: {what}\n{_tail(worker.log, 30)}")

    def _until_started(self, worker: Worker) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _says(worker, STARTED):
            assert time.monotonic() < deadline, _tail(worker.log, 30)
            time.sleep(0.05)

    def _tend_stopped(self, worker: Worker) -> None:
        if worker.resume_at is None and _is_stopped(worker.process.pid):
            self._reached(worker, "pause")
            worker.resume_at = time.monotonic() + PAUSE_SECONDS
            self.counts["stopped at a point"] += 1
        elif worker.resume_at is not None and time.monotonic() >= worker.resume_at:
            worker.process.send_signal(signal.SIGCONT)
            worker.resume_at = None

    def _reached(self, worker: Worker, action: str) -> list[Assignment]:
        """The points that it came to, of those where this was to happen."""
        log = worker.log.read_text(errors="replace")
        found = [
            each
            for each in worker.assignments
            if each.action == action and said_at(each.point, each.call, action) in log
        ]
        self.reached |= {f"{action} {each.point}" for each in found}
        return found


def _says(worker: Worker, text: str) -> bool:
    return text in worker.log.read_text(errors="replace")


def _is_stopped(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The name may hold spaces and brackets: the state follows the last one.
    return status.rpartition(")")[2].split()[0] == "T"


def _tail(log: Path, lines: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
