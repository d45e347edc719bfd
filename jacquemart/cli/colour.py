"""Colour, only where a person looks at a terminal that wants it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

PLAIN = ""
BOLD = "bold"
DIM = "dim"
RED = "red"
YELLOW = "yellow"
GREEN = "green"

_CODES = {BOLD: "1", DIM: "2", RED: "31", GREEN: "32", YELLOW: "33"}
#: Styles of the four severities of a quality, best first; rich knows the same words.
SEVERITY_STYLES = (PLAIN, YELLOW, YELLOW, RED)
#: Styles of the severities of an event: information, warning, fault.
EVENT_STYLES = (PLAIN, YELLOW, RED)


class Paint:
    """Wraps text in ANSI styles, or leaves it as it is."""

    def __init__(self, enabled: bool) -> None:
        """Paint, or never."""
        self.enabled = enabled

    def __call__(self, text: str, style: str) -> str:
        """Return the text in a style."""
        if not self.enabled or not style:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def paint_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Paint:
    """Return the paint for a stream: a terminal, without ``NO_COLOR``, and not a dumb one."""
    wanted = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Paint(wanted and stream.isatty())


def quality_style(code: int) -> str:
    """Return the style of a quality byte."""
    return SEVERITY_STYLES[(code >> 6) & 3]


def event_style(severity: int) -> str:
    """Return the style of an event's severity."""
    return EVENT_STYLES[min(max(severity, 0), len(EVENT_STYLES) - 1)]
