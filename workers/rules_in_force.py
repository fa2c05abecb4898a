"""The rules that this process goes by: what was applied last, taken up within a second."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Final

from ..models import rule_sets
from ..models.errors import InvalidInput
from ..monitoring import recorder
from ..routing_rules.in_force import RulesNow

log = logging.getLogger(__name__)

#: How old the rules in memory may be, in seconds, before it is looked whether others were applied.
RULES_SECONDS: Final = 1.0


class RulesInForce:
    """The rules in memory; one whole set at any moment, also while another is taken up.

    Where none was ever applied, the files hold that TAGFLEET_RULES names, read once, or the built-in rules.

    Arguments:
        path: The rule files.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._current: RulesNow | None = None
        #: The version that was looked at last, whether it could be used or not.
        self._seen = 0
        self._looked = float("-inf")

    def now(self) -> RulesNow:
        """The set in force, at most RULES_SECONDS old.

        Raises:
            InvalidInput: At the first call alone: nothing there is can be used.
        """
        current = self._current
        if current and time.monotonic() - self._looked <= RULES_SECONDS:
            return current
        # One looks, the others need not wait for that.
        if not self._lock.acquire(blocking=current is None) and current:
            return current
        try:
            self._current = self._look(self._current)
            self._looked = time.monotonic()
            return self._current
        finally:
            self._lock.release()

    @property
    def is_current(self) -> bool:
        """Whether what was applied last is gone by; not so where this process cannot use it."""
        return (self.now().version or 0) == self._seen

    def _look(self, current: RulesNow | None) -> RulesNow:
        version = rule_sets.version_in_force()
        if current and version == self._seen:
            return current
        try:
            found = (
                RulesNow.of(rule_sets.get(version).texts(), version)
                if version
                else RulesNow.from_files(self._path)
            )
        except (InvalidInput, rule_sets.NoRuleSet) as error:
            # A newer fleet's grammar, for one: what was in force stays so, here.
            found = current or _newest_usable(version, error)
            log.error(
                f"Version {version} of the rules cannot be used here; {_called(found)} stays in force: {error}",
                extra={"action": "rules-refused"},
            )
            _record(current, found, taken_up=False)
        else:
            log.info(
                f"The rules in force: {_called(found)}.",
                extra={"action": "rules-taken-up", "digest": found.digest},
            )
            _record(current, found, taken_up=True)
        self._seen = version
        return found


def _newest_usable(version: int, error: Exception) -> RulesNow:
    """What a process starts with that cannot use the version in force."""
    for earlier in rule_sets.history():
        if earlier.version < version:
            try:
                return RulesNow.of(rule_sets.get(earlier.version).texts(), earlier.version)
            except (InvalidInput, rule_sets.NoRuleSet):
                continue
    # Files that nobody applied would be anybody's guess.
    raise error


def _record(before: RulesNow | None, found: RulesNow, *, taken_up: bool) -> None:
    recorder.record_rules(found.digest, before=before.digest if before else None, taken_up=taken_up)


def _called(found: RulesNow) -> str:
    what = (
        f"version {found.version}" if found.version else "rules that were not applied, from files"
    )
    return f"{what} ({found.digest[:12]})"
