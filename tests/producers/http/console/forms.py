"""Forms as a browser sends them: what a page has in its hidden fields goes back with them."""

from __future__ import annotations

import html
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_FORM = re.compile(r'<form method="post" action="([^"]+)".*?</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def hidden_fields(page: TestResponse, action: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    for form in _FORM.finditer(page.text):
        if html.unescape(form[1]) == action:
            return {name: html.unescape(value) for name, value in _HIDDEN.findall(form[0])}
    raise AssertionError(f"no form leads to {action}")


def send(client: FlaskClient, path: str, action: str, **fields: Any) -> TestResponse:
    """Load a page, and send one of its forms."""
    hidden = hidden_fields(client.get(path), action)
    return client.post(action, data=hidden | fields)
