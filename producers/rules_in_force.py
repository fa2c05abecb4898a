"""The rules that the fleet goes by, as a command sees them once."""

from __future__ import annotations

from ..models import rule_sets
from ..models.settings import Settings
from ..routing_rules.in_force import RulesNow


def rules_in_force(settings: Settings) -> RulesNow:
    """What was applied last; or else the files of TAGFLEET_RULES, or the built-in rules.

    Raises:
        InvalidInput: They cannot be used.
    """
    applied = rule_sets.in_force()
    if applied is None:
        return RulesNow.from_files(settings.rules)
    return RulesNow.of(applied.texts(), applied.version)
