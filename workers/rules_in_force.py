"""The rules that this process goes by: what was applied last, taken up within a second."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Final

from ..models import rule_sets
from ..models.errors import InvalidInput, NotFound
from ..monitoring import recorder
from ..routing_rules.in_force import RulesNow

log = logging.getLogger(__name__)

#: How old the rules in memory may be, in seconds, before it is looked whether others were applied.
RULES_SECONDS: Final = 1.0


class RulesInForce:
    """The rules in memory; one whole set at any moment, also while another is taken up.

    Where none was ever applied, the files hold that are named by TAGFLEET_RULES, or the built-in rules.

    Arguments:
        path: The rule files, read once.

    Raises:
        InvalidInput: The files cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._current = RulesNow.from_files(path)
        self._seen = 0
        self._looked = float("-inf")
        recorder.record_rules(0, taken_up=True)

    def now(self) -> RulesNow:
        """The set in force, at most RULES_SECONDS old."""
        with self._lock:
            if time.monotonic() - self._looked > RULES_SECONDS:
                self._look()
                self._looked = time.monotonic()
            return self._current

    def _look(self) -> None:
        version = rule_sets.version_in_force()
        if version == self._seen:
            return
        try:
            texts = rule_sets.get(version).texts()
            self._current = RulesNow.of(texts, version)
        except (InvalidInput, NotFound) as error:
            # A newer fleet's grammar, for one: what was in force stays so, here.
            recorder.record_rules(self._current.version or 0, taken_up=False)
            log.error(
                f"Version {version} of the rules cannot be used here, and the set before it stays in "
                f"force: {error}",
                extra={"action": "rules-refused"},
            )
        else:
            recorder.record_rules(version, taken_up=True)
            log.info(
                f"Version {version} of the rules is in force.",
                extra={"action": "rules-taken-up", "digest": self._current.digest[:12]},
            )
        self._seen = version
