"""Whatever a rule file holds, it is read as rules or refused with places; nothing else comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tagfleet.models.errors import InvalidInput
from tagfleet.routing_rules.rule_files.reader import read_rule_texts

EXAMPLE = Path(__file__).parents[2] / "examples/rules/rules.yaml"
VALID = EXAMPLE.read_text()

#: The words of the grammar, wherever they stand.
WORDS = sorted(set(re.findall(r"[a-z_]+", VALID)))
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
    | st.sampled_from(
        ["*", "$bots", "600/min", "5 %", "09:00-17:00", "Europe/Berlin", "[a", "-1/s"]
    )
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
SECTIONS = st.sampled_from(
    ["sets", "windows", "queues", "pools", "deny", "defaults", "overrides", "routes", "limits"]
)
FILES = st.dictionaries(SECTIONS | KEYS, VALUES, max_size=6).map(
    lambda found: {"version": 1, **found}
)


def read(text: bytes) -> None:
    """Read it; the only error that may come is one that tells where each problem is."""
    problems = _problems_of(text)
    # What all files together lack has no place in one of them.
    assert all(problem.startswith(("a.yaml:", "rules: ")) for problem in problems), problems


def _problems_of(text: bytes) -> tuple[str, ...]:
    try:
        read_rule_texts({"a.yaml": text})
    except InvalidInput as error:
        return tuple(error.problems) or ("it does not say what is wrong",)
    return ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_any_data_is_read_or_refused_with_its_place(data: dict[str, Any]) -> None:
    read(json.dumps(data).encode())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_file_with_a_part_torn_out_or_written_over_is_read_or_refused(
    data: st.DataObject,
) -> None:
    begin = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(begin, min(len(VALID), begin + 60)))
    instead = data.draw(
        st.text(max_size=10) | st.sampled_from(["{", "- ", "&a ", "*a", "!!x ", "\t"])
    )
    read((VALID[:begin] + instead + VALID[end:]).encode())


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"a: &a [*a]")
@example(b"? [1, 2]\n: x")
@example(b"<<: 1")
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    read(text)


def test_the_file_that_is_torn_here_can_be_read() -> None:
    read_rule_texts({"a.yaml": VALID.encode()})


@pytest.mark.parametrize("depth", [50, 100_000])
def test_nesting_without_end_is_refused(depth: int) -> None:
    with pytest.raises(InvalidInput):
        read_rule_texts({"a.yaml": b"sets: " + b"[" * depth + b"]" * depth})
