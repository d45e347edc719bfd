"""The points of a bollard, as its PLC must have them."""

from __future__ import annotations

from typing import Final

from jacquemart.runtime.actor import Point

RAISE: Final = "raise_pulse"
LOWER: Final = "lower_pulse"
LOOP: Final = "loop_occupied"
UP: Final = "up_limit"
DOWN: Final = "down_limit"
FAULT: Final = "fault"
LOCAL: Final = "local_mode"
#: What is read again right before it is raised.
GUARDS: Final = (LOOP, UP, DOWN, FAULT, LOCAL)

POINTS: Final = (
    Point(
        RAISE, "raises it: 1 is the only value, and each write is a pulse", low=1, high=1,
        writable=True, feedback=UP, settle_ms=8_000, poll_ms=0, pulse=True, guards=GUARDS,
    ),
    Point(
        LOWER, "lowers it: 1 is the only value, and each write is a pulse", low=1, high=1,
        writable=True, feedback=DOWN, settle_ms=8_000, poll_ms=0, pulse=True,
    ),
    Point(LOOP, "a vehicle stands on the loop", "flag", keep="every", urgent=True),
    Point(UP, "upper limit switch: it is fully raised", "flag", urgent=True),
    Point(DOWN, "lower limit switch: it is flush with the road", "flag", urgent=True),
    Point(FAULT, "its PLC reports a fault", "flag", urgent=True),
    Point(LOCAL, "somebody works it on the spot; nothing is taken from here", "flag", urgent=True),
    Point(
        "position", "what its limit switches say", "enumeration", derived=True, urgent=True,
        words=("lowered", "raised", "moving", "unknown", "fault"),
    ),
    Point("loop_stuck", "the loop has been occupied for too long", "flag", derived=True),
)  # fmt: skip
