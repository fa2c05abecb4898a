"""Takes out of a text what must not be read in a log."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"

# The password of an address. Up to the last `@` of the word: a password that was not encoded may hold
# any character, and rather a whole address is lost than a part of a password kept. The scheme's length
# is bounded, or a long word without `://` would be looked at once for each of its letters.
_IN_ADDRESS: Final = re.compile(
    r"(?P<kept>[a-z][a-z0-9+.-]{0,20}://[^\s:/@]*:)\S*(?=@)", re.IGNORECASE
)

# What calls itself a secret, in JSON, in a query, in a setting.
_NAMED: Final = re.compile(
    r"(?P<kept>(?:password|passwd|secret|token|secret_?access_?key|session_?token|signature)"
    r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)[^\s\"',;&]+",
    re.IGNORECASE,
)

# AWS's secret keys are 40 characters of base64 (IAM user guide, "Manage access keys"). So are Git's
# hashes, but those have no upper case, and most paths, which have no digit next to both cases.
_AWS_SECRET_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9/+=])(?=[^\s]{0,39}[a-z])(?=[^\s]{0,39}[A-Z])(?=[^\s]{0,39}[0-9])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)

# AWS's session tokens begin with one of these, by service and region.
_AWS_SESSION_TOKEN: Final = re.compile(r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]+")


def without_secrets(text: str) -> str:
    """The text with passwords in addresses, values that are called secret, and AWS's keys taken out."""
    text = _IN_ADDRESS.sub(rf"\g<kept>{MASK}", text)
    text = _NAMED.sub(rf"\g<kept>{MASK}", text)
    text = _AWS_SESSION_TOKEN.sub(MASK, text)
    return _AWS_SECRET_KEY.sub(MASK, text)
