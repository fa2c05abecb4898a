"""The rules that the fleet goes by, as commands and the HTTP server see them."""

from __future__ import annotations

import logging
import threading

from ..models import rule_sets
from ..models.errors import InvalidInput
from ..models.settings import Settings
from ..routing_rules.in_force import RulesNow

log = logging.getLogger(__name__)


def rules_in_force(settings: Settings) -> RulesNow:
    """What was applied last; or else the files of TAGFLEET_RULES, or the built-in rules.

    Raises:
        InvalidInput: They cannot be used.
    """
    applied = rule_sets.in_force()
    if applied is None:
        return RulesNow.from_files(settings.rules)
    return RulesNow.of(applied.texts(), applied.version)


class RulesInMemory:
    """The rules in force, for a process that asks all the time; one whole set at any moment.

    Files that nobody applied are read once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._current: RulesNow | None = None
        self._seen = -1

    def now(self) -> RulesNow:
        """The set in force; where it cannot be used here, the one that was before it.

        Raises:
            InvalidInput: There is none before it.
        """
        with self._lock:
            version = rule_sets.version_in_force()
            if self._current is None or version != self._seen:
                self._current, self._seen = self._read(), version
            return self._current

    def _read(self) -> RulesNow:
        try:
            return rules_in_force(self._settings)
        except (InvalidInput, rule_sets.NoRuleSet) as error:
            if self._current is None:
                raise
            # A newer fleet's grammar, for one.
            log.error(
                f"The rules that were applied cannot be used here; the ones before stay in force: {error}",
                extra={"action": "rules-refused"},
            )
            return self._current
