"""Dead letters: which there are and why, and what is done about them."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import request

from ....models.dead_letters import Letter
from ... import dead_letters as letters
from ...dead_letters import NoRabbitMq, NoSuchLetter, Outcome, Selection
from ..actions import note_settled
from ..security.roles import Role, needs
from ..services import services
from .base import blueprint, page

#: How many of the oldest are looked at.
MOST: Final = 200

#: How much of a letter's body a page shows, in characters.
_MOST_TEXT: Final = 100_000


@blueprint.get("/dead-letters", endpoint="dead_letters")
@needs(Role.READER)
def dead_letters() -> str:
    """The dead letters, the oldest first."""
    reason = request.args.get("reason", "").strip()
    found: list[Letter] = []
    why_none = ""
    try:
        found = letters.listed(services().settings, Selection(reason=reason or None), MOST)
    except NoRabbitMq as error:
        why_none = str(error)
    return page(
        "dead_letters.html",
        "dead_letters",
        letters=found,
        reason=reason,
        most=MOST,
        why_none=why_none,
    )


@blueprint.get("/dead-letters/<string:letter_id>", endpoint="dead_letter")
@needs(Role.READER)
def dead_letter(letter_id: str) -> str:
    """A letter with what it holds."""
    found = _letter(letter_id)
    text = _body_of(found)
    return page(
        "dead_letter.html",
        "dead_letters",
        letter=found,
        headers=found.whole()["headers"],
        text=text[:_MOST_TEXT],
        is_cut=len(text) > _MOST_TEXT,
    )


@blueprint.get("/dead-letters/<string:letter_id>/replay", endpoint="ask_replay")
@needs(Role.OPERATOR)
def ask_replay(letter_id: str) -> str:
    """Whether a letter is to be sent back to where it came from."""
    return page("dead_letter_ask.html", "dead_letters", letter=_letter(letter_id), drops=False)


@blueprint.post("/dead-letters/<string:letter_id>/replay", endpoint="replay")
@needs(Role.OPERATOR)
def replay(letter_id: str) -> tuple[str, int]:
    """Send a letter back to where it came from."""
    new_id = request.form.get("new_id") == "yes"
    return _told(letter_id, letters.replay(services().settings, _one(letter_id), new_id=new_id))


@blueprint.get("/dead-letters/<string:letter_id>/drop", endpoint="ask_drop")
@needs(Role.OPERATOR)
def ask_drop(letter_id: str) -> str:
    """Whether a letter is to be deleted."""
    return page("dead_letter_ask.html", "dead_letters", letter=_letter(letter_id), drops=True)


@blueprint.post("/dead-letters/<string:letter_id>/drop", endpoint="drop")
@needs(Role.OPERATOR)
def drop(letter_id: str) -> tuple[str, int]:
    """Delete a letter."""
    return _told(letter_id, letters.drop(services().settings, _one(letter_id)))


def _told(letter_id: str, outcomes: list[Outcome]) -> tuple[str, int]:
    """What became of a letter; one that stays is a conflict."""
    note_settled(outcomes)
    if not outcomes:
        raise NoSuchLetter(letter_id)
    outcome = outcomes[0]
    status = 409 if outcome.result == "kept" else 200
    return page("dead_letter_done.html", "dead_letters", outcome=outcome), status


def _letter(letter_id: str) -> Letter:
    return letters.show(services().settings, letter_id)


def _one(letter_id: str) -> Selection:
    return Selection(frozenset([letter_id]))


def _body_of(letter: Letter) -> str:
    """What a letter holds, to be read: JSON on lines of its own."""
    whole = letter.whole()
    text: str = whole.get("body") or whole.get("bodyBase64", "")
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(data, indent=2, ensure_ascii=False) if isinstance(data, dict) else text
