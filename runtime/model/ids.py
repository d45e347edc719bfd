"""Identifiers: devices, points, commands."""

from __future__ import annotations

import os
import re

from jacquemart.runtime.model.errors import UsageError

#: What an id may be: it stands in topics, file names, terminals and URLs.
WORD_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")
ID_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,62}[A-Za-z0-9])?")


def valid_id(text: str) -> bool:
    """Return whether the text may name a city, zone, link, device, template or point."""
    return ID_PATTERN.fullmatch(text) is not None


def valid_word(text: object) -> bool:
    """Return whether text may be a word of an enumeration: it never looks like a number."""
    return isinstance(text, str) and WORD_PATTERN.fullmatch(text) is not None


def split_point(text: str) -> tuple[str, str]:
    """Split ``device/point``.

    Raises:
        UsageError: not of that form; the caller's fault.
    """
    device, slash, point = text.partition("/")
    if not slash or not device or not point or "/" in point:
        raise UsageError(
            f"{text[:80]!r} is not a point", advice="write it as device/point, e.g. lamp-17/level"
        )
    return device, point


def new_command_id() -> bytes:
    """Return a random 128-bit command id."""
    return os.urandom(16)
