"""The index finds what a look at every rule would find."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from tagfleet.routing_rules.matching import Facts, Match, OneOf, Tags
from tagfleet.routing_rules.patterns import Patterns
from tagfleet.routing_rules.rule_index import RuleIndex
from tagfleet.routing_rules.rules import Rule

from .rule_samples import NOON
from .samples import request
from .test_matching import FACTS, MATCHES

RULES = st.lists(MATCHES, max_size=6).map(
    lambda matches: [Rule(name=str(at), match=match) for at, match in enumerate(matches)]
)


@given(RULES, FACTS)
def test_it_finds_what_a_look_at_all_would_find(rules: list[Rule], facts: Facts) -> None:
    found = list(RuleIndex(rules).applying(facts, NOON))
    assert found == [rule for rule in rules if rule.applies(facts, NOON)]


class Untouched(Rule):
    """A rule that must not be asked."""

    def applies(self, facts: Facts, moment: datetime) -> bool:
        """It fails."""
        raise AssertionError(f"{self.name} was asked")


def test_rules_that_cannot_apply_are_not_asked() -> None:
    others = [
        Untouched(name="user", match=Match(user=OneOf(any=Patterns(("bo", "cas"))))),
        Untouched(name="tag", match=Match(cluster_tags=Tags(all=(Patterns(("x",)),)))),
        Untouched(name="any", match=Match(command_tags=Tags(any=Patterns(("x", "y"))))),
    ]
    mine = Rule(name="mine", match=Match(user=OneOf(any=Patterns(("ali*",)))))
    found = RuleIndex([*others, mine]).applying(Facts.of(request(user="alice")), NOON)
    assert list(found) == [mine]
