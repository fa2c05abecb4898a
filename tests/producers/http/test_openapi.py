"""The OpenAPI document: valid, complete, the one in docs/, and about everything that is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from tagfleet.models.settings import Settings
from tagfleet.producers.http import openapi
from tagfleet.producers.http.app import create_app
from tagfleet.producers.http.security.roles import is_public, needed_role

KEPT = Path(__file__).resolve().parents[3] / "docs/openapi.json"


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application; nothing that the document says needs a database."""
    return create_app(Settings.from_environ({}))


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """The document as a client reads it."""
    found: dict[str, Any] = app.test_client().get(openapi.DOCUMENT_PATH).get_json()
    return found


def test_it_is_valid(document: dict[str, Any]) -> None:
    """Given the document; then it is one by the rules of OpenAPI."""
    validate(document)  # type: ignore[arg-type]


def test_it_is_the_one_in_the_docs(app: Flask) -> None:
    """Given the document that is kept; then it is the one that is served."""
    served = app.test_client().get(openapi.DOCUMENT_PATH).get_data(as_text=True)

    assert KEPT.read_text() == served, "run scripts/document"


def test_it_knows_all_that_is_served(app: Flask, document: dict[str, Any]) -> None:
    """Given the routes of the API; then each is described, and nothing else is."""
    served = {(path, method) for path, method, _ in openapi.operations(app)}

    described = {(path, method) for path, method, _ in _operations(document)}

    assert described == served


def test_each_operation_is_told_in_full(document: dict[str, Any]) -> None:
    """Given each operation; then it has a name of its own, and says what it does and what it takes."""
    incomplete = [
        f"{method} {path}: {lack}"
        for path, method, operation in _operations(document)
        for lack in _lacks(operation, document["paths"][path].get("parameters", []))
    ]
    names = [operation.get("operationId") for _, _, operation in _operations(document)]

    assert not incomplete
    assert len(names) == len(set(names))


def test_each_field_says_what_it_is(document: dict[str, Any]) -> None:
    """Given the schemas; then each of their fields is told, there or where it leads."""
    untold = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, found in schema.get("properties", {}).items()
        if "description" not in found and "$ref" not in found
    ]

    assert not untold


def test_each_error_has_an_example_of_its_own_status(document: dict[str, Any]) -> None:
    """Given the errors of the application; then each is a problem document, whose example has its status."""
    statuses = {
        name: found["content"]["application/problem+json"]["example"]["status"]
        for name, found in document["components"]["responses"].items()
        if name != "UriTooLong"  # the server's own, in HTML
    }

    named = {
        (int(status), answer["$ref"].rpartition("/")[2])
        for _, _, operation in _operations(document)
        for status, answer in operation["responses"].items()
        if "$ref" in answer and status != "414"
    }

    assert named
    assert all(statuses[name] == status for status, name in named)


def test_what_no_operation_does_is_not_possible(app: Flask, document: dict[str, Any]) -> None:
    """Given methods that a path does not have; then each is refused, with those that it has."""
    client = app.test_client()
    for path, item in document["paths"].items():
        there = {method.upper() for method in item if method != "parameters"}
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "TRACE"} - there:
            answer = client.open(re.sub(r"{\w+}", "x", path), method=method)

            assert answer.status_code == 405, f"{method} {path}"
            assert answer.mimetype == "application/problem+json"
            assert set(answer.allow) - {"HEAD", "OPTIONS"} == there


def test_what_anybody_may_ask_for_says_so(document: dict[str, Any]) -> None:
    """Given the security of each operation; then only what is public needs none."""
    open_to_all = {
        path for path, _, operation in _operations(document) if operation.get("security") == []
    }

    assert open_to_all == {"/healthz", "/readyz", "/metrics", openapi.DOCUMENT_PATH}
    assert document["security"] == [{"bearer": []}, {"session": []}]


def test_who_does_not_say_who_they_are_reads_what_is_documented(document: dict[str, Any]) -> None:
    """Given a server that asks who calls; then it refuses all that is not public as its document says."""
    asking = create_app(Settings.from_environ({"TAGFLEET_HTTP_AUTH": "tokens"})).test_client()
    for path, method, operation in _operations(document):
        if operation.get("security") != []:
            answer = asking.open(re.sub(r"{\w+}", "x", path), method=method)

            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.mimetype == "application/problem+json"


def test_it_says_which_role_each_operation_needs(app: Flask, document: dict[str, Any]) -> None:
    """Given the views; then each operation says the role that its view asks for."""
    for path, method, view in openapi.operations(app):
        if not is_public(view):
            role, operation = needed_role(view), document["paths"][path][method]

            assert role is not None, f"nobody has said which role {method} {path} needs"
            assert operation["x-needed-role"] == str(role)
            assert f"the role `{role}`" in operation["description"]


def test_a_client_that_has_it_is_not_sent_it_again(app: Flask) -> None:
    """Given a client that has the document; when it asks again with its tag; then nothing is sent."""
    client = app.test_client()
    tag = client.get(openapi.DOCUMENT_PATH).headers["ETag"]

    answer = client.get(openapi.DOCUMENT_PATH, headers={"If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def _lacks(operation: dict[str, Any], in_path: list[dict[str, Any]]) -> Iterator[str]:
    yield from (
        name
        for name in ("operationId", "summary", "description", "tags")
        if not operation.get(name)
    )
    for parameter in [*in_path, *operation.get("parameters", [])]:
        if not parameter.get("description"):
            yield f"what {parameter['name']} is"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if "example" not in content and "examples" not in content:
            yield f"an example as {media}"
    for status, answer in operation["responses"].items():
        if status == "default":
            yield "its errors one by one"
        for content in answer.get("content", {}).values():
            if not content.get("schema"):
                yield f"what {status} holds"
