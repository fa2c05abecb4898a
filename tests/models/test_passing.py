"""The table of what passes: each row names something real, and each error finds its row."""

from __future__ import annotations

import random

import botocore.exceptions
import botocore.parsers
import pymongo.errors
import pytest

from tagfleet.models.passing import (
    AWS,
    BOTO3,
    EMR,
    HTTP,
    MONGODB,
    PASSING,
    TABLE,
    Kind,
    Said,
    kind_of,
    pause,
    rows,
)

LIBRARIES = {
    BOTO3: [botocore.exceptions, botocore.parsers],
    MONGODB: [pymongo.errors],
}


@pytest.mark.parametrize("service", LIBRARIES)
def test_every_exception_of_the_table_exists(service: str) -> None:
    names = {name for row in TABLE if row.service == service for name in row.names}
    unknown = {
        name
        for name in names
        if not name.isdigit() and not any(hasattr(found, name) for found in LIBRARIES[service])
    }
    assert unknown == set()


@pytest.mark.parametrize(
    ("code", "status", "text", "kind"),
    [
        ("ThrottlingException", 400, "Rate exceeded", Kind.THROTTLED),
        ("Unknown", 429, "", Kind.THROTTLED),
        ("InternalServerError", 500, "", Kind.IN_DOUBT),
        ("InternalFailure", 400, "", Kind.IN_DOUBT),
        ("Unknown", 503, "", Kind.IN_DOUBT),
        ("ValidationException", 400, "Maximum number of active steps(State = ...", Kind.FULL),
        (
            "ValidationException",
            400,
            "A job flow that is shutting down, terminated, or finished may not be modified.",
            Kind.GONE,
        ),
        ("InvalidRequestException", 400, "Cluster id 'j-1' is not valid.", Kind.ABSENT),
        ("ValidationException", 400, "Args too long", Kind.LASTS),
        ("AccessDeniedException", 400, "not authorized", Kind.PASSES),
        ("ExpiredTokenException", 400, "", Kind.PASSES),
    ],
)
def test_what_emr_says_has_its_row(code: str, status: int, text: str, kind: Kind) -> None:
    assert kind_of(Said([code], status, text), EMR, AWS) is kind


def test_a_status_goes_before_a_text() -> None:
    # A failing service may say anything: that no step was added cannot be taken from it.
    assert kind_of(Said(["x"], 500, "Maximum number of active steps"), EMR, AWS) is Kind.IN_DOUBT


def test_what_is_refused_by_s3_is_refused_for_good() -> None:
    assert kind_of(Said(["AccessDenied"], 403), AWS) is Kind.LASTS


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 503, 599])
def test_a_status_of_the_web_that_passes(status: int) -> None:
    assert kind_of(Said(status=status), HTTP) in PASSING


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 424, 600])
def test_a_status_of_the_web_that_lasts(status: int) -> None:
    assert kind_of(Said(status=status), HTTP) is Kind.LASTS


def test_no_row_is_hidden_by_one_above_it() -> None:
    for number, row in enumerate(TABLE):
        above = [each for each in TABLE[:number] if each.service == row.service]
        assert not any(each.shown in ("any other", row.shown) for each in above), row


def test_the_documentation_is_given_every_row() -> None:
    shown = list(rows())
    assert len(shown) == len(TABLE)
    assert (
        "EMR",
        '"maximum number of active steps"',
        "256 steps are active",
        "waits for a slot",
    ) in shown
    assert all("|" not in cell for row in shown for cell in row)


def test_pauses_grow_to_a_bound_and_differ() -> None:
    random.seed(7)
    longest = [max(pause(attempt, first=1, longest=60) for _ in range(200)) for attempt in range(9)]
    # The bound doubles, and ends; no two workers that failed together come back together.
    for found, bound in zip(longest, [1, 1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert bound * 0.9 < found <= bound
    assert len({pause(5) for _ in range(100)}) == 100
    assert 0 <= pause(10**9) <= 60
