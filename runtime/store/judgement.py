"""What is to be thought of a journal that was just read: kept, cut, or corrupt. Pure.

The database says what it has; the watermark, which lies apart, says what was acknowledged. What
is missing *behind* the watermark was never acknowledged: the torn tail of a crash, which is cut.
What is missing or altered up to the watermark is lost, whatever the database thinks of itself.
"""

from __future__ import annotations

from typing import NamedTuple

from jacquemart.runtime.store.format import Tip
from jacquemart.runtime.store.mark import Mark


class Found(NamedTuple):
    """What reading brought to light."""

    journal: bytes
    """What the database says it is; empty if it says nothing."""
    tip: Tip
    """The last record that can be trusted."""
    broken: str
    """Why the record behind it cannot be trusted; empty if there is none."""
    at_mark: bytes | None
    """The hash of the record that the watermark names; None: it was not read."""
    readable_from: int
    """The number of the first record that was read and could be compared."""


class Verdict(NamedTuple):
    """What to do."""

    corrupt: str = ""
    """Why nothing may be accepted; empty: all that was acknowledged is there."""
    cut: bool = False
    """Whether rows behind the tip are to be removed; they were never acknowledged."""


def judge(found: Found, mark: Mark | None) -> Verdict:
    """Return what to do with a journal."""
    sequence = found.tip.sequence
    if mark is None:
        if sequence or found.broken:
            return Verdict("its watermark is lost, so nobody can tell whether its end is")
        return Verdict()
    if found.journal and mark.journal != found.journal:
        return Verdict("its watermark is that of another journal")
    acknowledged = mark.tip.sequence
    if acknowledged > sequence:
        lost = f"{sequence + 1} to {acknowledged}" if acknowledged > sequence + 1 else acknowledged
        why = f": {found.broken}" if found.broken else ""
        return Verdict(f"acknowledged records are lost or altered: {lost}{why}")
    if found.at_mark is not None and found.at_mark != mark.tip.digest:
        return Verdict(f"acknowledged records up to {acknowledged} are not what was written")
    if found.at_mark is None and acknowledged >= found.readable_from:
        return Verdict(f"record {acknowledged}, which was acknowledged, cannot be found")
    return Verdict(cut=bool(found.broken))
