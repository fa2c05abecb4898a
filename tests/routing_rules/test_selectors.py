"""The chain of selectors."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from tagfleet.routing_rules.selectors import Answer, Choice, ask, is_pick, seeded_random

from .samples import cluster, request

CHOICE = Choice(
    kind="cluster", candidates=(cluster("k1"), cluster("k2")), request=request(), seed=7
)


def fails(choice: Choice) -> str:
    raise RuntimeError("no route to host")


def declines(choice: Choice) -> None:
    return None


def picks_k2(choice: Choice) -> str:
    return "k2"


def picks_k9(choice: Choice) -> str:
    return "k9"


def picks_a_number(choice: Choice) -> Any:
    return 2


def test_the_first_pick_of_a_candidate_ends_the_chain(caplog: pytest.LogCaptureFixture) -> None:
    chain = [fails, declines, picks_k9, picks_a_number, picks_k2, picks_k9]
    with caplog.at_level(logging.WARNING):
        answers = ask(chain, CHOICE)
    failed = "it failed: RuntimeError: no route to host"
    outside = "it named 'k9', which is not a candidate"
    number = "it named 2, which is not a candidate"
    assert answers == (
        Answer(kind="cluster", selector="fails", problem=failed),
        Answer(kind="cluster", selector="declines"),
        Answer(kind="cluster", selector="picks_k9", picked="k9", problem=outside),
        Answer(kind="cluster", selector="picks_a_number", problem=number),
        Answer(kind="cluster", selector="picks_k2", picked="k2"),
    )
    assert [is_pick(answer) for answer in answers] == [False, False, False, False, True]
    assert len(caplog.records) == 3
    assert "job job-1: it failed" in caplog.text


def test_nobody_picks() -> None:
    assert ask([], CHOICE) == ()
    assert not is_pick(ask([declines], CHOICE)[-1])


def test_a_choice_by_the_seed_is_the_same_for_good() -> None:
    # Stored decisions are replayed: a change here is a change of the contract.
    picks = {
        seed: seeded_random(replace(CHOICE, seed=seed)) for seed in ("job-1", "job-2", 0, 1, 2, 3)
    }
    assert picks == {"job-1": "k2", "job-2": "k2", 0: "k1", 1: "k2", 2: "k1", 3: "k1"}
