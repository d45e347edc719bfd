"""Commands that are sent again, and how they say so.

*Theory.* Zones remember journalled commands. What becomes of a volatile one only its cell knows,
and that may be lost with its host; its successor would take a repeat for a new command, and
execute it a second time. So a repeat carries when the command was sent first (``first_ns`` of a
COMMAND): a cell that does not know what was done to the device then answers INDETERMINATE.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from jacquemart.native import frames

#: So many identities that callers have chosen themselves are known again.
KEPT = 10_000
#: How the frame of a command begins that is no repeat: an array of 12, version 1, kind 1.
_FIRST = bytes((0x9C, frames.VERSION, frames.COMMAND))
_REPEAT = bytes((0x9D, frames.VERSION, frames.COMMAND))
_U64 = b"\xcf"


def marked(frame: bytes, first_ns: int) -> bytes:
    """Return the frame of a command as it is sent again.

    Whatever is no command, or is marked already, stays as it is.

    Args:
        frame: as our own writer makes it.
        first_ns: when it was sent first, on its gateway's boot-time clock, and not too late.
    """
    if not frame.startswith(_FIRST):
        return frame
    return _REPEAT + frame[len(_FIRST) :] + _U64 + max(first_ns, 1).to_bytes(8, "big")


class Repeats:
    """Which identities a client was told to use before."""

    def __init__(self) -> None:
        """Know none."""
        self._first: dict[bytes, int] = {}

    def first_ns(self, id: bytes | None, now_ns: int) -> int:
        """Return when an identity was used first; 0: it is new, or not the caller's own.

        Args:
            id: what the caller has given; None: each command gets another one.
            now_ns: on the gateway's boot-time clock, and not too late.
        """
        if id is None:
            return 0
        known = self._first.get(id)
        if known is not None:
            return known
        self._first[id] = max(now_ns, 1)
        if len(self._first) > KEPT:
            del self._first[next(iter(self._first))]
        return 0
