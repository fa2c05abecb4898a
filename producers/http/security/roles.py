"""Which role each view needs, said where the view is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from flask import Flask

from ....models.roles import Role

__all__ = ["Role", "is_public", "needed_role", "needs", "public", "view_of"]

_View = TypeVar("_View", bound=Callable[..., object])

#: The attributes of a view that say who may call it.
_ROLE: Final = "needed_role"
_PUBLIC: Final = "is_public"


def needs(role: Role) -> Callable[[_View], _View]:
    """Say which role a view needs; it is checked before the request reaches the view."""

    def said(view: _View) -> _View:
        setattr(view, _ROLE, role)
        return view

    return said


def public(view: _View) -> _View:
    """Say that anybody may call a view, and need not say who they are."""
    setattr(view, _PUBLIC, True)
    return view


def needed_role(view: Callable[..., object]) -> Role | None:
    """Which role a view needs; None where nobody has said so."""
    found: Role | None = getattr(view, _ROLE, None)
    return found


def is_public(view: Callable[..., object]) -> bool:
    """Whether anybody may call the view."""
    return bool(getattr(view, _PUBLIC, False))


def view_of(app: Flask, endpoint: str, method: str) -> Callable[..., object]:
    """What answers a method of an endpoint: of a class, the method's own function."""
    view = app.view_functions[endpoint]
    name = "get" if method == "HEAD" else method.lower()
    return getattr(getattr(view, "view_class", None), name, None) or view
