"""What must not be read in a log is taken out, and the rest stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.monitoring.secrets import MASK, without_secrets

#: Passwords as people choose them, encoded or not.
passwords = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=6, max_size=40).filter(
    lambda word: "*" not in word
)
schemes = st.sampled_from(["amqp", "amqps", "mongodb", "mongodb+srv", "http", "HTTPS", "s3"])
users = st.text(st.characters(categories=["L", "N"], include_characters="._-%"), max_size=20)
texts = st.text(max_size=200)


@given(schemes, users, passwords, texts, texts)
def test_a_password_in_an_address_is_never_kept(
    scheme: str, user: str, password: str, before: str, after: str
) -> None:
    # Given an address with a password, in any surroundings that do not name the password themselves
    surroundings = f"{before} at {scheme}://{user}:@rabbitmq:5672/%2F {after}"
    if password in without_secrets(surroundings):
        return
    # When it is logged
    shown = without_secrets(f"{before} at {scheme}://{user}:{password}@rabbitmq:5672/%2F {after}")
    # Then the password is not
    assert password not in shown


@given(texts)
def test_taking_out_twice_changes_nothing_more(text: str) -> None:
    once = without_secrets(text)
    assert without_secrets(once) == once


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert isinstance(without_secrets(text), str)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "lost amqp://tagfleet:s3cret@rabbitmq:5672/%2F, retrying",
            "lost amqp://tagfleet:***@rabbitmq:5672/%2F, retrying",
        ),
        ("redis://:s3cret@host", "redis://:***@host"),
        ("mongodb://ana:p@ss/w:rd@db:27017/tagfleet", "mongodb://ana:***@db:27017/tagfleet"),
        ("{'password': 's3cret', 'user': 'ana'}", "{'password': '***', 'user': 'ana'}"),
        ("aws_secret_access_key = abc", "aws_secret_access_key = ***"),
        ('"SecretAccessKey": "abc"', '"SecretAccessKey": "***"'),
        ("GET /k?X-Amz-Signature=0a1b2c&x=1", "GET /k?X-Amz-Signature=***&x=1"),
        ("the key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY is bad", "the key *** is bad"),
        ("IQoJb3JpZ2luX2VjEOT///wEaCXVzLWVhc3QtMSJ=", MASK),
    ],
)
def test_a_secret_is_taken_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Submitted as step s-2QPYQK3T6ZKNE.",
        "s3://bucket/prefix/jobs/0b0f7d5e-8c5b-4a6e-9f0e-2f1d0a3b4c5d/stderr.gz",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "http://127.0.0.1:9191/metrics was asked for by ana@example.com",
        "Tokens are counted; the secret is out.",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a1B" * 70_000, "x://y:" * 2_000, "token " * 30_000]
)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    begin = time.process_time()
    without_secrets(text)
    assert time.process_time() - begin < 5
