"""Typed stub of the interlock of traffic signals."""

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Final, final

DARK: Final = 0
RED: Final = 1
RED_YELLOW: Final = 2
GREEN: Final = 3
YIELD: Final = 4
YELLOW: Final = 5
FLASH: Final = 6

ALLOWED: Final = 0
MEANINGLESS: Final = 1
NOT_KNOWN: Final = 2
MIXED: Final = 3
STARTING: Final = 4
SEQUENCE: Final = 5
CONFLICT: Final = 6
INTERGREEN: Final = 7
MIN_GREEN: Final = 8
SHORT_YELLOW: Final = 9
SHORT_RED_YELLOW: Final = 10

class Rule(IntEnum):
    """What the interlock looks at, by name; for tests. Nothing in Python can take one out."""

    BY_SEQUENCE = 1
    BY_CONFLICT = 2
    BY_RED_YELLOW_CONFLICT = 4
    BY_INTERGREEN = 8
    BY_YIELD_END = 16
    BY_MIN_GREEN = 32
    BY_YELLOW = 64
    BY_RED_YELLOW = 128
    BY_START_SEQUENCE = 256
    BY_START_RED = 512
    BY_WHOLE = 1024
    BY_KNOWN = 2048
    BY_SHOWN = 4096
    BY_BACKWARD = 8192
    BY_LONG_STEP = 16384
    BY_RED_YELLOW_CLEAR = 32768
    BY_RAISED = 65536
    BY_YIELD_START = 131072
    BY_YIELDED = 262144
    ALL = 524287

@final
class Cleared:
    """Aspects that the interlock let out; nothing else can make one, so an output takes only it.

    Attributes:
        aspects: one byte a signal group.
        at_ms: the caller's clock when they were allowed.
        number: counts up from 1; an output that sees a lower one than the last has an old one.
        fallback: what was proposed was refused, and these are the safe fallback.
    """

    @property
    def aspects(self) -> bytes: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def fallback(self) -> bool: ...

class Interlock:
    """What one intersection may show, and what it has shown for how long. One thread.

    It begins knowing nothing: only the fallback (or all dark) may be shown, and from there the
    start-up sequence. It must be told what is shown at least every ``longest_step`` (``write``,
    also of what has not changed): time between two writes that is longer, or negative, counts as
    none.
    """

    def __init__(
        self,
        *,
        intergreen: Sequence[Sequence[int | None]],
        yields: Sequence[Collection[int]],
        min_green: Sequence[int],
        yellow: Sequence[int],
        red_yellow: Sequence[int],
        in_flash: Sequence[int],
        start_red: int,
        longest_step: int,
    ) -> None:
        """Take the matrices; all times are whole ms from 0 to one hour.

        Args:
            intergreen: from the end of green of the row's group to the start of green of the
                column's, yielding or not; None: the two do not conflict.
            yields: for each group, which it may go together with, since it shows YIELD. It may
                start so while that one goes; once that one has ended, it waits as everybody does.
            min_green: from the start of green (or yielding green) to its end.
            yellow: 0: a group without yellow, which goes from green to red.
            red_yellow: 0: a group without.
            in_flash: FLASH or DARK: what it shows in the fallback.
            start_red: how long all are red before the first green after a start.
            longest_step: longer times between two writes are not believed.

        Raises:
            ValueError: the matrices contradict themselves, or are of more than 64 groups.
        """

    fallback: Final[bytes]
    """The safe fallback: flashing yellow, or dark for the groups that do not flash."""

    @property
    def count(self) -> int:
        """Return the number of signal groups."""
    @property
    def longest_step(self) -> int:
        """Return the longest time between two writes that is believed, in ms."""
    @property
    def shown(self) -> bytes | None:
        """Return what was written last; None: nothing was, since the start."""
    @property
    def starting(self) -> bool:
        """Return whether the start-up sequence is not over."""
    @property
    def finding(self) -> tuple[int, int, int, int, int]:
        """Return what the last look found: why, group, other group, needed and found ms (or -1)."""
    def look(self, proposed: object, now: object, seen: object = None) -> bool:
        """Return whether these aspects may be shown now. Changes nothing; raises nothing.

        Args:
            proposed: one byte a group. Anything else is not allowed.
            now: ms of a clock that does not jump, as int. Anything else is not allowed.
            seen: what the lamps show, where that is read back; None: what was written last.
        """
    def write(self, proposed: object, now: object, seen: object = None) -> Cleared:
        """Look for the last time and return what may go out, as shown from now on.

        That is what was proposed, or the fallback, which may be shown at any time. Raises nothing.
        """
    def forget(self) -> None:
        """Know nothing any more of what is shown, as after a restart."""
