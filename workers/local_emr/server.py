"""The server: everything of the local EMR put together, on one port and in one home folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .admin import Admin
from .applications import Applications
from .errors import CannotStart
from .events import EventBus
from .faults import Faults
from .front import EMR, Calls, Front, Service
from .quotas import Governor
from .runner import Machine, ProcessRunner
from .s3.service import S3Service
from .scheduler import Scheduler
from .service import EmrService
from .sessions import Sessions
from .simulated import SimulatedRunner
from .sqs.queues import Queues
from .sqs.service import QUERY_CODES, SqsService, queue_url
from .state import State
from .timers import Timers
from .tools.install import install
from .web import WebServer
from .wire import JsonService

#: What a step's jar must be called to be only a timer.
SIMULATED = "sim"

#: The queue that EMR's events go to, unless another is named.
EVENTS_QUEUE = "emr-events"


class LocalEmr:
    """An EMR, an S3 and an SQS on this machine; goes on where it was when its home folder is not new.

    Arguments:
        home: Where all is kept: `s3/` holds the buckets, `clusters/` the steps' folders.
        host: What it listens on; it checks no signatures, so nothing but loopback is wise.
        port: 0 takes a free one.
        throttle: Whether EMR's documented quotas are enforced.
        boot_seconds: How long a cluster takes to start.
        max_processes: Steps that really run at once; default: the processors, two at least.
        events_queue: The SQS queue that EMR's events go to; None sends none.
    """

    def __init__(
        self,
        home: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        throttle: bool = False,
        boot_seconds: float = 0.05,
        max_processes: int | None = None,
        events_queue: str | None = EVENTS_QUEUE,
    ) -> None:
        self._home, self._address = home.absolute(), (host, port)
        self._boot_seconds = boot_seconds
        self._max_processes = max_processes or max(2, os.cpu_count() or 2)
        self._governor, self._faults, self._calls = Governor(enforced=throttle), Faults(), Calls()
        self._events_queue = events_queue
        self._stack = ExitStack()
        self.url = ""
        #: Where EMR's events are received from, while it serves.
        self.events_queue_url: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to serve.

        Raises:
            CannotStart: The port is taken, or another server uses the home folder.
        """
        with ExitStack() as stack:
            self._home.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_only_one(self._home))
            web = _listen(*self._address)
            stack.callback(web.server_close)
            self.url = web.url
            install(self._home / "tools")
            self._serve(stack, web)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """End every step that runs, and serve no more; a later start goes on from here."""
        self._stack.close()

    def _serve(self, stack: ExitStack, web: WebServer) -> None:
        state = State(self._home / "state.sqlite")
        stack.callback(state.close)
        queues = Queues(self._home / "queues.sqlite")
        stack.callback(queues.close)
        events = EventBus(queues, self._faults)
        events.send_to(self._events_queue)
        if self._events_queue is not None:
            self.events_queue_url = queue_url(web.url, self._events_queue)
        timers = Timers()
        scheduler = Scheduler(state, timers, events.publish, self._boot_seconds)
        machine = Machine(
            clusters=self._home / "clusters",
            s3_root=self._home / "s3",
            tools=self._home / "tools",
            url=web.url,
        )
        s3 = S3Service(machine.s3_root)
        sessions = Sessions()
        stack.callback(sessions.close)
        applications = Applications(scheduler, sessions, machine.clusters)
        stack.callback(applications.stop)
        processes = ProcessRunner(
            machine, sessions, applications, self._max_processes,
            scheduler.starting, scheduler.ended,
        )  # fmt: skip
        stack.callback(processes.stop)
        stack.callback(sessions.stop)
        simulated = SimulatedRunner(timers, scheduler.starting, scheduler.ended)
        timers.start()
        stack.callback(timers.stop)
        # First of all at the end: what the ends of the killed steps say is not believed.
        stack.callback(scheduler.stop)
        scheduler.start({SIMULATED: simulated, None: processes}, applications.end_with)
        services: dict[str, Service] = {
            EMR: JsonService("emr", EmrService(scheduler).operations()),
            "s3": s3,
            "sqs": JsonService(
                "sqs",
                SqsService(queues, web.url).operations(),
                prefix="sqs:",
                query_codes=QUERY_CODES,
            ),
        }
        admin = self._admin(state, scheduler, events, applications)
        web.start(Front(services, admin, self._governor, self._faults, self._calls))
        stack.callback(web.stop)
        # Who waits for a message would keep the web server from stopping.
        stack.callback(queues.stop_waiting)

    def _admin(
        self, state: State, scheduler: Scheduler, events: EventBus, applications: Applications
    ) -> Admin:
        faults, calls, governor = self._faults, self._calls, self._governor
        return Admin(
            {
                ("GET", "/_local/health"): lambda _: {"status": "ok"},
                ("GET", "/_local/calls"): lambda _: calls.view(),
                ("DELETE", "/_local/calls"): lambda _: calls.clear(),
                ("GET", "/_local/faults"): lambda _: faults.view(),
                ("POST", "/_local/faults"): lambda content: faults.set(content),
                ("DELETE", "/_local/faults"): lambda _: faults.clear(),
                ("GET", "/_local/throttle"): lambda _: {"enforced": governor.enforced},
                ("POST", "/_local/throttle"): lambda content: governor.enforce(content["enforced"]),
                ("GET", "/_local/ledger"): lambda _: state.ledger(),
                ("GET", "/_local/events"): lambda _: {"queue": events.queue},
                ("PUT", "/_local/events"): lambda content: events.send_to(content["queue"]),
                ("POST", "/_local/kill"): lambda content: scheduler.kill(content["cluster"]),
                ("POST", "/_local/applications"): applications.submit,
                ("POST", "/_local/applications/kill"): applications.kill,
                ("POST", "/_local/applications/list"): applications.of_cluster,
                ("POST", "/_local/applications/wait"): applications.wait,
            }
        )


def _listen(host: str, port: int) -> WebServer:
    try:
        return WebServer(host, port)
    except OSError as error:
        raise CannotStart(
            f"The local EMR cannot listen on {host}:{port}: {error.strerror}. Choose another --port."
        ) from error


def _only_one(home: Path) -> IO[str]:
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotStart(
            f"Another local EMR uses {home}: stop it, or choose another --home."
        ) from error
    return lock
