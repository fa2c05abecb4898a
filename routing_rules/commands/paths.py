"""Which rule files a command means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...models.settings import Settings


def rule_paths(given: Sequence[Path]) -> Sequence[Path]:
    """The paths that were given, or those of TAGFLEET_RULES; none stand for the built-in rules.

    Raises:
        BadSetting: A setting cannot be used.
    """
    if given:
        return given
    rules = Settings.from_environ().rules
    return [rules] if rules else []
