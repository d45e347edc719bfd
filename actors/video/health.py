"""What ails a camera, and what a template of one may say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: Point -> the value that is bad, the event for it, the event for its end, and its severity.
HEALTH: Final[Mapping[str, tuple[bool, str, str, int]]] = {
    "online": (False, "camera_offline", "camera_online", 2),
    "recording": (False, "recording_stopped", "recording_resumed", 2),
    "tampering": (True, "tampering", "tampering_cleared", 2),
}
LONGEST_MOVE_S = 10.0
SHORTEST_MOVE_S = 0.1


def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
    """Return what is wrong with the options of a camera's template."""
    names = ("stream", "move_s")
    wrong = [(key, found, ", ".join(names)) for key, found in options.items() if key not in names]
    stream = options.get("stream", "")
    if not isinstance(stream, str) or not stream.isprintable():
        wrong.append(("stream", stream, "the address of a stream, as text"))
    move_s = options.get("move_s", 1)
    known = isinstance(move_s, int | float) and not isinstance(move_s, bool)
    if not (known and math.isfinite(move_s) and SHORTEST_MOVE_S <= move_s <= LONGEST_MOVE_S):
        allowed = f"seconds, {SHORTEST_MOVE_S:g} to {LONGEST_MOVE_S:g}"
        wrong.append(("move_s", move_s, allowed))
    return wrong
