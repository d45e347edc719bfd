"""The dearest looks of the interlock that we know: 32 groups of which every two conflict.

Each gives way to all before it, so that all may go at once; all had green less than a minute ago,
and one intergreen is that long, so that of none it is known at a glance that it has cleared.
"""

from __future__ import annotations

from typing import Any

GROUPS = 32
RED, RED_YELLOW, GREEN, YIELD, YELLOW, FLASH = 1, 2, 3, 4, 5, 6


def crowd(kind: Any, red_yellow: int) -> Any:
    """Return such an interlock (or its twin); the last group waits longest for the others."""
    groups = range(GROUPS)
    return kind(
        intergreen=[
            [None if a == b else 60_000 if b == GROUPS - 1 else 5_000 + 100 * (a % 9)
             for b in groups]
            for a in groups
        ],
        yields=[tuple(range(a)) for a in groups],
        min_green=[5_000] * GROUPS, yellow=[3_000] * GROUPS, red_yellow=[red_yellow] * GROUPS,
        in_flash=[6] * GROUPS, start_red=3_000, longest_step=1_000,
    )  # fmt: skip


def shown(*counts: tuple[int, int]) -> bytes:
    """Return what groups show: so many of this, then so many of that."""
    return b"".join(bytes([aspect] * count) for count, aspect in counts)


FIRST, ALL_BUT_ONE, HALF = 1, GROUPS - 1, GROUPS // 2
GO = shown((FIRST, GREEN), (ALL_BUT_ONE - 1, YIELD), (1, RED))
STOPPED = (
    (GO, 6), (shown((ALL_BUT_ONE, YELLOW), (1, RED)), 4), (shown((GROUPS, RED)), 4),
)  # fmt: skip
#: By name: red-yellow in ms, what was shown before and for how many s, and what is asked then.
DEAR: dict[str, tuple[int, tuple[tuple[bytes, int], ...], bytes]] = {
    "all get ready at once": (
        1_000, ((shown((ALL_BUT_ONE, RED_YELLOW), (1, RED)), 1), *STOPPED),
        shown((ALL_BUT_ONE, RED_YELLOW), (1, RED)),
    ),
    "all go at once": (0, STOPPED, GO),
    "half of all go beside the others": (
        0, (*STOPPED, (shown((HALF, RED), (HALF - 1, YIELD), (1, RED)), 9)), GO,
    ),
    "half of all go behind the others": (
        0, (*STOPPED, (shown((FIRST, GREEN), (HALF - 1, YIELD), (HALF, RED)), 9)), GO,
    ),
}  # fmt: skip


def dear(kind: Any, name: str) -> tuple[Any, bytes, int]:
    """Return an interlock, what is asked of it, and when."""
    red_yellow, story, asked = DEAR[name]
    lock, now = crowd(kind, red_yellow), 0
    start = ((shown((GROUPS, 6)), 1), (shown((GROUPS, YELLOW)), 4), (shown((GROUPS, RED)), 62))
    for aspects, seconds in (*start, *story):
        for _ in range(seconds):
            lock.write(aspects, now)
            now += 1_000
    return lock, asked, now
