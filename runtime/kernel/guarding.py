"""What the guards of a write say, read again right before it.

*Theory.* What was true when a command was given, or at the last poll, proves nothing about the
moment of the write: a car may stand on the loop by now. So a write with guards is preceded by a
read of them, on the same link, with nothing sent in between. Only what that read itself brought
counts, only if it is good in every respect, and only if it is no older than a second by then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from jacquemart.runtime.model.quality import Quality

#: Longest time from asking for the guards to the write. A slow answer may be old: whatever it
#: says, it was true at an unknown moment since it was asked for.
GUARD_AGE_NS = 1_000_000_000


def look(guards: Iterable[tuple[str, float, int]], asked_ns: int, now_ns: int) -> str | None:
    """Return why a write may not be sent; None if its guards were all read well.

    Args:
        guards: name, value and quality byte of each, as the read has left them.
        asked_ns: boot-time clock when the read began. now_ns: the same, now.
    """
    for name, value, quality in guards:
        if quality != Quality.GOOD:
            return f"{name} is {Quality.from_code(quality).text}"
        if math.isnan(value):
            return f"{name} has no value"
    if now_ns - asked_ns > GUARD_AGE_NS:
        return f"reading its guards took {(now_ns - asked_ns) / 1e9:.1f} s"
    return None
