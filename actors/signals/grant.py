"""What a priority broker was granted; one at a time, and each ends by itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Nothing is granted for longer, whatever is asked for.
LONGEST_GRANT_MS: Final = 120_000


class Kind(Enum):
    """What was granted."""

    HOLD = "hold"
    EARLY = "early"
    INSERT = "insert"


@dataclass(slots=True)
class Grant:
    """One grant. ``until_ms`` is in the time of the controller.

    ``stage`` is the one to hold, to come to, or to insert; of one that was inserted and is on,
    ``on`` is true, and ``stay_ms`` is for how long it stays.
    """

    kind: Kind
    owner: str
    stage: int
    until_ms: int
    stay_ms: int = 0
    on: bool = False
