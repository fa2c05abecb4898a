"""The OpenAPI document: what flask-smorest gathers from views and schemas, completed and made exact."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from flask import Flask, Response, current_app, request
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from ... import __version__
from . import openapi_errors, openapi_fields, problems
from .security import session
from .security.roles import Role, is_public, needed_role, public, view_of

DOCUMENT_PATH: Final = "/api/openapi.json"

#: What flask-smorest is told; for the application's configuration.
CONFIGURATION: Final[dict[str, Any]] = {
    "API_TITLE": "tagfleet",
    "API_VERSION": __version__,
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": (
                "The front door of a tagfleet: jobs by tags, each once, on the right cluster.\n\n"
                "`/api/v3` is Genie's REST API, for its clients as they are; `/api/v1` is what Genie lacks. "
                "Every error is a problem document (RFC 9457)."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "servers": [{"url": "/", "description": "This server."}],
    },
}

_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `tagfleet token create`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": session.COOKIE,
        "description": "Who has signed in to the console; for requests of its own pages.",
    },
}

#: The parts of the document, as one reads them.
_ORDER: Final = ("openapi", "info", "servers", "security", "tags", "paths", "components")

_OPERATION_ORDER: Final = (
    "tags", "summary", "description", "operationId", "x-needed-role", "security", "parameters",
    "requestBody", "responses",
)  # fmt: skip

#: What each parameter of a path is.
_PATH_PARAMETERS: Final = {
    "entry_id": "The id of the entry.",
    "job_id": "The id of the job.",
    "command_id": "The id of the command.",
    "application_id": "The id of the application.",
    "tag": "The tag; it may have slashes in it, though not at its beginning.",
    "path": "The path of the file, or of a folder, among the job's files.",
}

_PARAMETER: Final = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class FleetApi(Api):
    """The API whose errors are problem documents, and whose document is complete."""

    ERROR_SCHEMA = problems.ProblemSchema

    def init_app(self, app: Flask, **options: Any) -> None:
        """Called once with the application, before any view is registered."""
        super().init_app(app, **options)
        openapi_fields.teach(self.ma_plugin.converter)
        self._text: str | None = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer an error of HTTP's own."""
        return problems.of_http(error)

    def document(self, app: Flask) -> dict[str, Any]:
        """The whole document as JSON data, for the views that are registered by now."""
        # A copy of plain dicts and lists: the specification's own is never changed.
        return _completed(json.loads(json.dumps(self.spec.to_dict())), app)

    @public
    def _openapi_json(self) -> Response:
        """The OpenAPI document of this API."""
        if self._text is None:
            self._text = as_text(self.document(current_app))
        answer = Response(self._text, mimetype="application/json")
        answer.set_etag(hashlib.sha256(self._text.encode()).hexdigest()[:32])
        return answer.make_conditional(request)  # type: ignore[return-value]


def as_text(document: dict[str, Any]) -> str:
    """The document as it is served, and kept in docs/."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _completed(document: dict[str, Any], app: Flask) -> dict[str, Any]:
    components = document["components"]
    components["securitySchemes"] = _SECURITY_SCHEMES
    components["responses"] = openapi_errors.responses()
    # Of flask-smorest's own paging, which nothing here uses.
    components["schemas"].pop("PaginationMetadata", None)
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    document["paths"][DOCUMENT_PATH] = copy.deepcopy(_OWN_PATH)
    for path, method, view in operations(app):
        if operation := document["paths"].get(path, {}).get(method):
            _complete(operation, path, view)
    for each in document["paths"].values():
        for parameter in each.get("parameters", ()):
            _describe_path_parameter(parameter)
    return {name: document[name] for name in _ORDER if name in document}


def operations(app: Flask) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """What is served but pages: paths in OpenAPI's form, methods in small letters, and their views."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console."):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            view = view_of(app, rule.endpoint, method)
            yield _PARAMETER.sub(r"{\1}", rule.rule), method.lower(), view


def _complete(operation: dict[str, Any], path: str, view: Callable[..., Any]) -> None:
    operation.setdefault("description", _told(view))
    answers = operation["responses"]
    # webargs' own code for what is answered 400 here, and flask-smorest's for anything.
    answers.pop("422", None)
    answers.pop("default", None)
    if is_public(view):
        operation["security"] = []
    else:
        # Where nobody has said what a view needs, it needs all.
        _say_role(operation, needed_role(view) or Role.ADMIN)
    errors = openapi_errors.expected(
        public=is_public(view),
        has_parts="{" in path,
        has_body="requestBody" in operation,
    )
    openapi_errors.add(answers, errors)
    operation["responses"] = dict(sorted(answers.items()))
    ordered: dict[str, Any] = {
        name: operation[name] for name in _OPERATION_ORDER if name in operation
    }
    operation.clear()
    operation.update(ordered)


def _say_role(operation: dict[str, Any], role: Role) -> None:
    operation["x-needed-role"] = str(role)
    operation["description"] += f"\n\nNeeds the role `{role}`."


def _told(view: Callable[..., Any]) -> str:
    """What a view's docstring tells its callers: all but what it tells programmers."""
    text = inspect.getdoc(view) or ""
    return re.split(r"\n\n(?:Arguments|Returns|Raises):\n", text)[0].strip()


def _describe_path_parameter(parameter: dict[str, Any]) -> None:
    if parameter.get("in") != "path":
        return
    if text := _PATH_PARAMETERS.get(parameter["name"]):
        parameter.setdefault("description", text)
    parameter["schema"].setdefault("minLength", 1)


_OWN_PATH: Final = {
    "get": {
        "summary": "Get this document",
        "description": "The OpenAPI document of this API.",
        "operationId": "get_openapi",
        "tags": ["health"],
        "security": [],
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "304": {"description": "The client has it already (`If-None-Match`)."},
        },
    }
}
