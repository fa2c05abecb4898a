"""Whatever is sent to the API, its answer is one that the OpenAPI document knows, and never a 500."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from tagfleet.producers.http.v3 import examples

#: For each operation; set to thousands for a long run (see CONTRIBUTING).
EXAMPLES = int(os.environ.get("TAGFLEET_TEST_FUZZ_EXAMPLES", "2"))
SEED = int(os.environ.get("TAGFLEET_TEST_FUZZ_SEED", "1"))

#: What such a path answers has no end: it is tested elsewhere.
ENDLESS = ("/events", "/logs/")

#: Ids of what is there: most that is made up leads nowhere.
KNOWN = {
    "job_id": examples.JOB["id"],
    "command_id": examples.COMMAND["id"],
    "application_id": examples.APPLICATION["id"],
    "tag": "type:yarn",
    "path": "stdout",
}
ENTRY_IDS = {kind: entry["id"] for kind, entry in examples.ENTRIES.items()}

_CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


def test_every_answer_is_documented(make_app: Callable[..., Flask]) -> None:
    """Given requests of every operation, right and wrong; then each answer is one that is described."""
    app = make_app()
    wrong: list[str] = []

    for operation in _operations(app):
        _fill(app.test_client())
        try:
            _send_many(operation)
        except (Failure, FailureGroup) as failure:
            wrong.append(f"{operation.label}: {_told(failure)}")

    assert not wrong, "\n\n".join(wrong)


def _operations(app: Flask) -> Iterator[Any]:
    found = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    for each in found.get_all_operations():
        operation = each.ok()
        if not any(part in operation.path for part in ENDLESS):
            yield operation


def _send_many(operation: Any) -> None:
    modes = schemathesis.GenerationMode
    case = st.one_of(
        operation.as_strategy(generation_mode=modes.POSITIVE),
        operation.as_strategy(generation_mode=modes.NEGATIVE),
    )

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(case, st.integers(0, 2))
    def send(case: Any, what: int) -> None:
        if what:
            _aim(case)
        case.call_and_validate(checks=_CHECKS)

    send()


def _aim(case: Any) -> None:
    """Let the path of a request lead to something."""
    for name in case.path_parameters:
        kind = case.path.split("/")[3]
        found = ENTRY_IDS.get(kind) if name == "entry_id" else KNOWN.get(name)
        if found:
            case.path_parameters[name] = found


def _fill(client: FlaskClient) -> None:
    """The entries and the job of the examples."""
    for kind, entry in examples.ENTRIES.items():
        client.post(f"/api/v3/{kind}", json=entry)
    client.post("/api/v3/jobs", json=examples.JOB)


def _told(failure: Failure | FailureGroup) -> str:
    found = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
    notes = "\n".join(getattr(failure, "__notes__", ()))
    return "\n".join(f"{each!r}: {each}" for each in found) + notes


@pytest.mark.parametrize("kind", examples.ENTRIES)
def test_the_examples_of_entries_work(client: FlaskClient, kind: str) -> None:
    """Given the document's example of an entry; when it is created, replaced, patched; then it is done."""
    entry = examples.ENTRIES[kind]

    created = client.post(f"/api/v3/{kind}", json=entry)
    replaced = client.put(f"/api/v3/{kind}/{entry['id']}", json=examples.replacement(kind))
    patched = client.patch(f"/api/v3/{kind}/{entry['id']}", json=examples.PATCH)

    assert [created.status_code, replaced.status_code, patched.status_code] == [201, 204, 204]


def test_the_example_of_a_job_works(client: FlaskClient) -> None:
    """Given the catalog of the examples; when their job is submitted; then it is taken on."""
    _fill(client)

    assert client.get(f"/api/v3/jobs/{examples.JOB['id']}/status").get_json() == {
        "status": "RESERVED"
    }
