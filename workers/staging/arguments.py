"""Texts of users as words of a bash script."""

from __future__ import annotations

import re
import shlex
from typing import Final

#: What is expanded in an executable: a variable, and nothing that runs or computes.
_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*")

#: What means something between double quotes.
_SPECIAL: Final = re.compile(r'[\\"$`]')


def literal(text: str) -> str:
    """The text as one word that bash takes as it is.

    Raises:
        ValueError: No program can be given this text.
    """
    return shlex.quote(_possible(text))


def expanding(text: str) -> str:
    """The text as one word in which bash expands `$NAME` and `${NAME}`, and nothing else.

    Raises:
        ValueError: No program can be given this text.
    """
    parts, end = [], 0
    for variable in _VARIABLE.finditer(_possible(text)):
        parts += [_escaped(text[end : variable.start()]), variable[0]]
        end = variable.end()
    return '"' + "".join([*parts, _escaped(text[end:])]) + '"'


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _possible(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which no program can be given")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it holds half of a surrogate pair, which is no character") from error
    return text
