"""YARN's applications: what `spark-submit --deploy-mode cluster` starts, and cancelling its step does not end.

The programs `spark-submit` and `yarn` on a step's PATH ask for them by the routes below
`/_local/applications`. An application is a process in a session of its own.
"""

from __future__ import annotations

import logging
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from .errors import AwsError
from .scheduler import Scheduler
from .sessions import Sessions

log = logging.getLogger(__name__)

#: Tells a program that it is the application now, and no longer who submits it.
VARIABLE: Final = "LOCAL_EMR_APPLICATION"

#: The longest that a question waits for an application's end.
LONGEST_WAIT_SECONDS: Final = 10.0


#: So many that have ended are remembered (YARN: yarn.resourcemanager.max-completed-applications).
MOST_ENDED: Final = 1000


class FinalStatus(StrEnum):
    """YARN's words for how an application ended."""

    UNDEFINED = "UNDEFINED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(slots=True, kw_only=True)
class Application:
    """One application, from its submission on."""

    id: str
    cluster_id: str
    step_id: str
    #: Where its `stdout` and `stderr` are.
    folder: Path
    exit_code: int | None = None
    is_killed: bool = False
    thread: threading.Thread = field(init=False)

    @property
    def final_status(self) -> FinalStatus:
        """How it ended, if it did."""
        if self.exit_code is None:
            return FinalStatus.UNDEFINED
        if self.is_killed:
            return FinalStatus.KILLED
        return FinalStatus.FAILED if self.exit_code else FinalStatus.SUCCEEDED

    def report(self) -> dict[str, Any]:
        """As the programs are told of it."""
        status = self.final_status
        ended = "KILLED" if status is FinalStatus.KILLED else "FINISHED"
        return {
            "id": self.id,
            "state": "RUNNING" if status is FinalStatus.UNDEFINED else ended,
            "final_status": status,
            "exit_code": self.exit_code,
            "folder": str(self.folder),
        }


class Applications:
    """All applications of this server's life; one of an earlier server's has ended.

    Arguments:
        scheduler: Knows the clusters and their steps.
        sessions: Runs the processes.
        clusters: The folders of the clusters.
    """

    def __init__(self, scheduler: Scheduler, sessions: Sessions, clusters: Path) -> None:
        self._scheduler, self._sessions, self._clusters = scheduler, sessions, clusters
        self._changed = threading.Condition()
        self._known: dict[str, Application] = {}
        #: What is done when the last application of a step has ended.
        self._afterwards: dict[str, Callable[[], None]] = {}

    def submit(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Start an application: `{cluster, step, words, environment, folder}`; returns its report."""
        made = self._register(content["cluster"], content["step"])
        words, seen = list(content["words"]), dict(content["environment"])
        made.thread = threading.Thread(
            target=self._run, args=(made, words, seen, Path(content["folder"])), name=made.id
        )
        with self._changed:
            self._forget_the_oldest()
            self._known[made.id] = made
            made.thread.start()
            return made.report()

    def wait(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Report on `{cluster, id}`, at its end or after `seconds` at the latest."""
        seconds = min(float(content.get("seconds", 0)), LONGEST_WAIT_SECONDS)
        with self._changed:
            found = self._find(content["cluster"], content["id"])
            self._changed.wait_for(lambda: found.exit_code is not None, seconds)
            return found.report()

    def kill(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """End `{cluster, id}`, unless it has ended, and wait for it; returns its report from before."""
        with self._changed:
            found = self._find(content["cluster"], content["id"])
            before = found.report()
            self._kill(found)
            self._changed.wait_for(lambda: found.exit_code is not None, LONGEST_WAIT_SECONDS)
            return before

    def of_cluster(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Report on all that run on `{cluster}`."""
        with self._changed:
            return [found.report() for found in self._running() if found.cluster_id == content["cluster"]]  # fmt: skip

    def end_with(self, cluster_id: str) -> None:
        """End all that run on a cluster that ends."""
        with self._changed:
            for found in self._running():
                if found.cluster_id == cluster_id:
                    self._kill(found)

    def when_none_runs(self, step_id: str, action: Callable[[], None]) -> None:
        """Do this when no application of a step that has ended runs any more; perhaps at once."""
        with self._changed:
            if any(found.step_id == step_id for found in self._running()):
                self._afterwards[step_id] = action
                return
        action()

    def stop(self) -> None:
        """Wait for the ends of all, which were killed before."""
        for found in list(self._known.values()):
            found.thread.join()

    def _register(self, cluster_id: str, step_id: str) -> Application:
        with self._scheduler.changing():
            application_id = self._scheduler.add_application(cluster_id, step_id)
        folder = self._clusters / cluster_id / "containers" / application_id
        (folder / "tmp").mkdir(parents=True)
        return Application(id=application_id, cluster_id=cluster_id, step_id=step_id, folder=folder)

    def _run(
        self, application: Application, words: list[str], seen: dict[str, str], folder: Path
    ) -> None:
        temporary = application.folder / "tmp"
        own = {VARIABLE: application.id, "TMPDIR": str(temporary)}
        try:
            code = self._sessions.run(application.id, words, seen | own, folder, application.folder)
        except Exception:
            log.exception("Application %s could not be run.", application.id)
            code = 1
        shutil.rmtree(temporary, ignore_errors=True)
        with self._changed:
            application.exit_code = code
            self._changed.notify_all()
            is_last = not any(each.step_id == application.step_id for each in self._running())
            action = self._afterwards.pop(application.step_id, None) if is_last else None
        if action:
            action()

    def _running(self) -> list[Application]:
        return [each for each in self._known.values() if each.exit_code is None]

    def _forget_the_oldest(self) -> None:
        ended = [each.id for each in self._known.values() if each.exit_code is not None]
        for application_id in ended[:-MOST_ENDED]:
            del self._known[application_id]

    def _kill(self, application: Application) -> None:
        if application.exit_code is None:
            application.is_killed = True
            self._sessions.signal(application.id, signal.SIGKILL)

    def _find(self, cluster_id: str, application_id: str) -> Application:
        if found := self._known.get(application_id):
            return found
        cluster = self._scheduler.clusters.get(cluster_id)
        for step in cluster.steps.values() if cluster else ():
            if application_id in step.applications:
                # It ended with an earlier server, or too long ago.
                return Application(
                    id=application_id, cluster_id=cluster_id, step_id=step.id,
                    folder=self._clusters / cluster_id / "containers" / application_id,
                    exit_code=137, is_killed=True,
                )  # fmt: skip
        message = f"Application with id '{application_id}' doesn't exist in RM."
        raise AwsError("ApplicationNotFound", message)
