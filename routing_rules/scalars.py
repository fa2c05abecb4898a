"""What an unquoted word in a file means: YAML 1.2's core rules, and numbers that keep their text."""

from __future__ import annotations

import math
import re
from typing import Final

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_CONSTANTS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
#: A longer one is not meant as a number: it is kept as text.
_MOST_DIGITS: Final = 300


class WrittenInt(int):
    """A whole number that remembers how it was written."""

    text: str

    def __new__(cls, text: str | int) -> WrittenInt:
        number = super().__new__(cls, text)
        number.text = str(text)
        return number


class WrittenFloat(float):
    """A number that remembers how it was written: `3.10` is also "3.10"."""

    text: str

    def __new__(cls, text: str | float) -> WrittenFloat:
        number = super().__new__(cls, text)
        number.text = str(text)
        return number


def plain_scalar(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar: `yes`, `on`, `012`, `1:30` and dates are text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return whole_number(text)
    # A leading zero marks a code or a date, not a number: 012, 007.5.
    if _FLOAT.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return real_number(text)
    return text


def whole_number(text: str) -> WrittenInt | str:
    """The number; the text itself if it is absurdly long."""
    return WrittenInt(text) if len(text) <= _MOST_DIGITS else text


def real_number(text: str) -> WrittenFloat | str:
    """The number; the text itself if it is too large for one."""
    number = WrittenFloat(text)
    return number if math.isfinite(number) else text
