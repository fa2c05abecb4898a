"""Search patterns: what they mean, in memory and in MongoDB, and that none takes long."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database

from tagfleet.producers.http.patterns import condition, is_like

PATTERNS = [
    "%",
    "a%",
    "%a",
    "%b%",
    "a%c",
    "%a%a%",
    "a%b%c",
    "%%c",
    "a.c",
    "a%.%",
    "aa%a",
    "%^%",
    "%\n%",
]
TEXTS = ["", "a", "aa", "abc", "abcabc", "xbx", "a.c", "a^c", "a\nc", "caa", "A"]


@given(st.text("ab%", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_means_what_a_shell_means_by_a_star(pattern: str, text: str) -> None:
    """Given any pattern and text; then they fit as the same with stars would."""
    assert is_like(pattern, text) == fnmatchcase(text, pattern.replace("%", "*"))


def test_mongodb_finds_what_memory_finds(mongodb: Database[dict[str, Any]]) -> None:
    """Given texts in MongoDB; then each pattern finds those that it fits."""
    mongodb.texts.insert_many([{"text": text} for text in TEXTS])

    for pattern in PATTERNS:
        found = {each["text"] for each in mongodb.texts.find({"text": condition(pattern)})}

        assert found == {text for text in TEXTS if is_like(pattern, text)}, pattern


def test_a_pattern_that_no_database_takes_is_refused(client: FlaskClient) -> None:
    """Given a pattern whose expression is longer than may be, or has a NUL; then it is the client's mistake."""
    for pattern, why in (("a" * 1000 + "%", "too long"), ("%." * 300, "too long"), ("a\0%", "NUL")):
        answer = client.get("/api/v3/jobs", query_string={"name": pattern})

        assert answer.status_code == 400
        assert why in answer.get_json()["detail"]


@pytest.mark.timeout(60)
def test_no_pattern_takes_without_an_end(mongodb: Database[dict[str, Any]]) -> None:
    """Given a pattern that fits in thousands of ways, but for its end; then it is answered all the same."""
    pattern, text = "%a" * 100 + "%b", "a" * 255
    mongodb.texts.insert_one({"text": text})

    assert not is_like(pattern, text)
    assert mongodb.texts.find_one({"text": condition(pattern)}) is None
    assert mongodb.texts.find_one({"text": condition(pattern[:-2])}) is not None
