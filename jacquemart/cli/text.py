"""Text for terminals: data never moves a cursor, and columns stay aligned."""

from __future__ import annotations

import unicodedata


def escape(text: str) -> str:
    """Return the text with everything escaped that could move a cursor or break a line.

    Names come from inventories and details from the field; a newline, an ANSI sequence or a
    change of writing direction in them must not act on the operator's terminal.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def width(text: str) -> int:
    """Return how many terminal cells an escaped text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def shorten(text: str, cells: int) -> str:
    """Cut an escaped text to a number of cells, with an ellipsis where something is missing."""
    if width(text) <= cells:
        return text
    kept: list[str] = []
    room = cells - 1
    for character in text:
        room -= width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"
