"""Steps that are only timers, for load tests: `Jar="sim"`, `Args=["sleep=5", "exit=1"]`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from .steps import Failure, Step
from .timers import Timers


class SimulatedRunner:
    """Runs such steps by the thousand; none has a process.

    Arguments:
        timers: Waits for them.
        starting: `Scheduler.starting`.
        ended: `Scheduler.ended`.
    """

    def __init__(
        self,
        timers: Timers,
        starting: Callable[[Step], bool],
        ended: Callable[[Step, Failure | None], None],
    ) -> None:
        self._timers, self._starting, self._ended = timers, starting, ended

    def start(self, step: Step, log_uri: str | None) -> None:
        """Begin the step's time; it leaves no logs."""
        self._timers.after(0, lambda: self._begin(step))

    def signal(self, step: Step, number: signal.Signals) -> None:
        """End the step now, whatever the signal."""
        self._timers.after(0, lambda: self._ended(step, Failure(f"Killed by {number.name}.")))

    def _begin(self, step: Step) -> None:
        if not self._starting(step):
            return
        try:
            options = _options(step.arguments)
            seconds, code = float(options.get("sleep", 0)), int(options.get("exit", 0))
        except ValueError as error:
            seconds, code, why = 0.0, 1, str(error)
        else:
            why = f"exit code {code}"
        failure = Failure("Unknown Error.", why) if code else None
        # A cancelled step has ended before: the scheduler takes its first end only.
        self._timers.after(seconds, lambda: self._ended(step, failure))


def _options(arguments: Sequence[str]) -> dict[str, str]:
    pairs = (argument.partition("=") for argument in arguments)
    return {name: value for name, _, value in pairs}
