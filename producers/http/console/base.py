"""What all pages of the console share: the blueprint, the headers, and what templates know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from flask import (
    Blueprint,
    Response,
    current_app,
    render_template,
    send_from_directory,
    url_for,
)
from werkzeug.exceptions import HTTPException

from ....models.database import now
from ..identity import Means, caller
from ..security.roles import Role, public
from . import words

#: Every page adds its routes to it; see `routes.py`.
blueprint = Blueprint("console", __name__, template_folder="templates")

_FILES: Final = Path(__file__).parent / "static"

#: Nothing but our own files runs, and no other site frames a page.
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

#: The sections, in the order of the navigation: endpoint and title.
SECTIONS: Final = (
    ("console.overview", "Fleet"),
    ("console.jobs", "Jobs"),
    ("console.clusters", "Clusters"),
    ("console.catalog", "Catalog"),
    ("console.rules", "Rules"),
    ("console.dead_letters", "Dead letters"),
)

blueprint.add_app_template_filter(words.moment, "moment")
blueprint.add_app_template_filter(words.ago, "ago")
blueprint.add_app_template_filter(words.duration, "duration")
blueprint.add_app_template_filter(words.size, "size")
blueprint.add_app_template_filter(words.plural, "plural")
blueprint.add_app_template_filter(words.tone, "tone")


def page(template: str, section: str, /, **data: Any) -> str:
    """A page as HTML.

    Arguments:
        template: Its file among the templates.
        section: The endpoint of the section that it belongs to, without `console.`; empty for none.
        data: What the template is given.
    """
    return render_template(template, section=f"console.{section}", **data)


# Of the whole application: an address that leads nowhere belongs to no blueprint.
@blueprint.app_context_processor
def _known_to_templates() -> dict[str, Any]:
    here = current_app.view_functions
    return {
        **_who(),
        "sections": [each for each in SECTIONS if each[0] in here],
        "now": now(),
        "Role": Role,
        "stream": _stream,
    }


def _who() -> dict[str, Any]:
    found = caller()
    named = found.name is not None
    return {
        "who": found.name,
        "role": str(found.role) if named else None,
        "may": found.may,
        "acts_for": lambda user: (
            found.may(Role.SUBMITTER)
            and (not named or found.name == user or found.may(Role.OPERATOR))
        ),
        "sign_out_url": url_for("console.sign_out") if found.means is Means.SESSION else None,
    }


@blueprint.get("/static/<path:filename>", endpoint="static")
@public
def static(filename: str) -> Response:
    """The console's own files."""
    return send_from_directory(_FILES, filename)


def _stream(path: str) -> str | None:
    """The address of a stream; None where this server has no such stream."""
    try:
        current_app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return None
    return path


@blueprint.after_app_request
def _guard(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        # Without a referrer browsers send forms from no origin, and they would be refused.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        # What a page shows is true for the moment, and for whoever asked.
        response.headers.setdefault("Cache-Control", "no-store")
    return response
