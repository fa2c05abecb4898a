"""Puts the application together: what is served where, and what every request passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException

from ... import __version__
from ...models.settings import Settings
from ..rules_in_force import RulesInMemory
from . import health, identity, problems, traffic
from .services import Services
from .v3 import routes as v3


class FleetApi(Api):
    """The API whose errors are problem documents."""

    ERROR_SCHEMA = problems.ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer an error of HTTP's own."""
        return problems.of_http(error)


def create_app(settings: Settings) -> Flask:
    """The WSGI application; connects to nothing but what its requests need.

    The process must be connected to MongoDB (see models.database.connect).
    """
    app = Flask("tagfleet.producers.http", static_folder=None)
    app.config.update(_configuration(settings))
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.extensions["tagfleet"] = Services(settings=settings, rules=RulesInMemory(settings))
    traffic.install(app)
    identity.install(app)
    api = FleetApi(app)
    problems.install(app)
    for blueprint in _blueprints():
        api.register_blueprint(blueprint)
    return app


def _blueprints() -> Iterable[Blueprint]:
    """Everything that is served; a new part of the server stands here."""
    yield health.blueprint
    yield from v3.blueprints()


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "API_TITLE": "tagfleet",
        "API_VERSION": __version__,
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/api",
        "OPENAPI_JSON_PATH": "openapi.json",
        # The one view that takes more says so itself.
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "MAX_FORM_MEMORY_SIZE": settings.max_body_bytes,
        "PROPAGATE_EXCEPTIONS": False,
    }
