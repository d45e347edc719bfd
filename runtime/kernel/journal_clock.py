"""What time it is for a journal: the boot-time clock while its host runs, the wall clock between.

*Theory.* A lease is a duration, and somebody may set the wall clock while it runs. The boot-time
clock nobody sets, but it begins anew with each start of the host. So within one start, known by
its id, boot-time alone decides, and the wall clock is only for people. From one start to the next
there is nothing but the wall clock: what lay so far ahead by the old clock lies so much less far
ahead by the new one, as the wall clock has gone on between the last record that tells both clocks
and the new start. Where it has gone back, nobody knows how long the host was off: then it counts
as no time at all, so that of nothing more is left than there was when the clocks were last told.

Pure: it knows what records tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class JournalClock:
    """The clocks of the host that a journal is written on."""

    __slots__ = ("began_ns", "boot_id", "jump_ns", "seen_ns")

    def __init__(self) -> None:
        """Know nothing."""
        self.boot_id = ""
        """Of the start of the host that boot-times are of."""
        self.began_ns = 0
        """POSIX ns of the boot-time clock's zero, by the last record that tells both clocks."""
        self.seen_ns = 0
        """The latest boot-time that such a record has told."""
        self.jump_ns = 0
        """How far the wall clock was set before the journal was opened the last time, as far as
        that can be told; below 0: back."""

    def boot_of(self, wall_ns: int) -> int:
        """Return the boot-time of a moment that a record tells by the wall clock."""
        return wall_ns - self.began_ns

    def told(self, boot_ns: int, wall_ns: int) -> None:
        """Take what both clocks showed in one moment."""
        self.began_ns = wall_ns - boot_ns
        self.seen_ns = max(self.seen_ns, boot_ns)

    def opened(self, boot_id: str, boot_ns: int, wall_ns: int) -> int | None:
        """Take that the journal was opened; return what must be added to boot-times of before.

        None if the host was not started anew, as far as is known; ``boot_id`` is empty where
        nobody can tell.
        """
        offset_ns, self.jump_ns = None, 0
        if not boot_id:
            return None
        if self.boot_id == boot_id:
            self.jump_ns = wall_ns - boot_ns - self.began_ns
        elif self.boot_id:
            offset_ns = self.began_ns - (wall_ns - boot_ns)
            self.jump_ns = min(0, boot_ns - (self.seen_ns + offset_ns))
            offset_ns += self.jump_ns
            self.seen_ns = 0
        self.boot_id = boot_id
        self.told(boot_ns, wall_ns)
        return offset_ns

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for a snapshot."""
        return {"boot_id": self.boot_id, "began_ns": self.began_ns, "seen_ns": self.seen_ns}

    def take(self, values: Mapping[str, Any]) -> None:
        """Take back what ``plain`` gave; what is missing is as at the beginning."""
        self.boot_id = values.get("boot_id", "")
        self.began_ns = values.get("began_ns", 0)
        self.seen_ns = values.get("seen_ns", 0)
