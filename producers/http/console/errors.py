"""Errors as pages that say what to do next."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import Response, request
from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from ....models.database_errors import is_away
from ....models.errors import TagfleetError
from .. import problems
from .base import blueprint, page

log = logging.getLogger(__name__)

#: Below these no person looks for a page.
_NOT_PAGES = ("/api/", "/healthz", "/readyz", "/metrics")


@blueprint.app_errorhandler(404)
@blueprint.app_errorhandler(405)
def _nothing_here(error: HTTPException) -> Response | tuple[str, int]:
    wants_page = request.accept_mimetypes.best_match(("application/json", "text/html"))
    if request.path.startswith(_NOT_PAGES) or wants_page != "text/html":
        return problems.of_http(error)
    return _page(error.code or 404, f"There is no page at {request.path}.")


@blueprint.errorhandler(problems.Problem)
def _problem(error: problems.Problem) -> tuple[str, int]:
    return _page(error.status, str(error), error.errors)


@blueprint.errorhandler(TagfleetError)
def _ours(error: TagfleetError) -> tuple[str, int]:
    status = next((code for kind, code in problems.STATUS if isinstance(error, kind)), 500)
    return _unforeseen(error) if status == 500 else _page(status, str(error))


@blueprint.errorhandler(PyMongoError)
@blueprint.errorhandler(OperationError)
def _database(error: Exception) -> tuple[str, int]:
    if not is_away(error):
        return _unforeseen(error)
    log.warning(f"MongoDB cannot be reached: {error}", extra={"action": "unavailable"})
    return _page(503, "MongoDB cannot be reached for now. Load the page again in a moment.")


@blueprint.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response | tuple[str, int]:
    if isinstance(error.response, Response):
        return error.response
    return _page(error.code or 500, error.description or "")


@blueprint.errorhandler(Exception)
def _unforeseen(error: Exception) -> tuple[str, int]:
    log.error("A page failed.", exc_info=error, extra={"action": "request-failed"})
    return _page(500, "The server made a mistake; its log says which.")


def _page(status: int, detail: str, errors: tuple[tuple[str, str], ...] = ()) -> tuple[str, int]:
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    return page("error.html", "", title=title, status=status, detail=detail, errors=errors), status
