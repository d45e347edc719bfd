"""Versions of the core and of the signal exchange list, and what differs between them.

Core 3.1.2 to 3.2.2 and the traffic-light SXL 1.1.0 to 1.2.1 are spoken (the JSON schemas of
RSMP Nordic for them are what the tests validate against).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

Version = tuple[int, int, int]

_FORM: Final = re.compile(r"\s*(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?\s*", re.ASCII)
#: Versions of the core that are spoken, oldest first.
CORE: Final = ("3.1.2", "3.1.3", "3.1.4", "3.1.5", "3.2.0", "3.2.1", "3.2.2")
#: Versions of the traffic-light SXL that are spoken, oldest first.
SXL: Final = ("1.1.0", "1.2.0", "1.2.1")


def parse(text: object) -> Version | None:
    """Return a version as three numbers (``1.1`` is ``1.1.0``), or None if it is none."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    major, minor, patch = found.groups()
    return int(major), int(minor), int(patch or 0)


def normal(text: object) -> str:
    """Return a version with its three numbers, or nothing if it is none."""
    version = parse(text)
    return ".".join(map(str, version)) if version else ""


def latest_shared(ours: Sequence[str], theirs: Iterable[object]) -> str:
    """Return the latest version of ``ours`` that is also in ``theirs``; empty if there is none.

    Both sides choose so by themselves, from the two Version messages (core 3.2.2, "RSMP/SXL
    Version"); unknown and broken versions in the list are no fault.
    """
    offered = {parse(one) for one in theirs} - {None}
    common = [one for one in ours if parse(one) in offered]
    return max(common, key=lambda one: parse(one) or (0, 0, 0), default="")


class Core:
    """What a negotiated version of the core has."""

    __slots__ = (
        "aggregated_request",
        "alarm_request",
        "arrays",
        "booleans",
        "send_on_change",
        "text",
        "undefined",
    )  # fmt: skip

    def __init__(self, version: str) -> None:
        """Look up a version of :data:`CORE`."""
        number = parse(version) or (0, 0, 0)
        self.text = version
        self.booleans = number >= (3, 1, 3)
        """The aggregated status is of booleans; before, of text."""
        self.undefined = number >= (3, 1, 3)
        """A status may be ``undefined``, without a value; before, only ``unknown``, with ''."""
        self.send_on_change = number >= (3, 1, 5)
        """A subscription says ``sOc``; before, an interval of 0 meant it."""
        self.aggregated_request = self.alarm_request = number >= (3, 1, 5)
        self.arrays = number >= (3, 2, 0)
        """A status may be an array (S0033); before, everything is text."""
