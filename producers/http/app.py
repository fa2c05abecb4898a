"""Puts the application together: what is served where, and what every request passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from ...models.settings import Settings
from ..rules_in_force import RulesInMemory
from . import encodings, health, identity, openapi, problems, traffic
from .console import routes as console
from .security import headers
from .services import Services
from .streams import sse
from .v1 import routes as v1
from .v3 import routes as v3


def create_app(settings: Settings, *, most_streams: int = 16) -> Flask:
    """The WSGI application; connects to nothing but what its requests need.

    The process must be connected to MongoDB (see models.database.connect).

    Arguments:
        most_streams: How many streams are served at once.
    """
    app = Flask("tagfleet.producers.http", static_folder=None)
    app.config.update(_configuration(settings))
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    # Two slashes are a path of their own: a redirect would lead to something else.
    app.url_map.merge_slashes = False
    app.extensions["tagfleet"] = Services(settings=settings, rules=RulesInMemory(settings))
    traffic.install(app)
    sse.install(app, most_streams)
    identity.install(app, settings)
    headers.install(app)
    encodings.install(app)
    api = openapi.FleetApi(app)
    problems.install(app)
    for blueprint in _blueprints():
        api.register_blueprint(blueprint)
    # Pages are no part of the API's document.
    app.register_blueprint(console.blueprint)
    return app


def openapi_text() -> str:
    """The OpenAPI document of the whole application, as it is kept in docs/."""
    app = create_app(Settings.from_environ({}))
    api: openapi.FleetApi = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return openapi.as_text(api.document(app))


def _blueprints() -> Iterable[Blueprint]:
    """Everything that is served; a new part of the server stands here."""
    yield health.blueprint
    yield from v3.blueprints()
    yield from v1.blueprints()


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        **openapi.CONFIGURATION,
        # The one view that takes more says so itself.
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "MAX_FORM_MEMORY_SIZE": settings.max_body_bytes,
        "PROPAGATE_EXCEPTIONS": False,
    }
