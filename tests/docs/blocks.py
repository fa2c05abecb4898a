"""The code blocks of the documentation, as they stand there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"(?:<!-- (?P<label>[^>]+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)```", re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One block: its language, its text, and the remark above it that says what it is for."""

    language: str
    code: str
    label: str

    @property
    def commands(self) -> list[str]:
        """The commands that a reader would type."""
        return [line.removeprefix("$ ") for line in self.code.splitlines() if line.startswith("$ ")]


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(found["language"], found["code"], found["label"] or "")
        for found in _BLOCK.finditer(text)
    ]


def labelled(page: str, label: str) -> Block:
    """The block of a page that bears this remark."""
    return next(block for block in blocks_of(page) if block.label == label)
