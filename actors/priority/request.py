"""A request for signal priority, in the words of RSMP: what is asked, and what becomes of it.

*Theory.* RSMP splits priority in two. The supervisor asks (``M0022 requestPriority``: new, update,
cancel) and the site answers with the list of requests it knows (``S0033``). So whether to ask, and
how urgently, is the city's; queue, activation and end are the site's. Both sides speak these types.

*Rules.* Pure data. Source: RSMP SXL for traffic lights 1.2.1, M0022 and S0033.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jacquemart.runtime.model.errors import UsageError

#: The highest level (M0022 ``level``: 0 lowest, 14 highest).
HIGHEST_LEVEL: Final = 14
#: The longest time of arrival that can be said, in seconds (M0022 ``eta``).
LONGEST_ETA_S: Final = 255
#: The most seconds that S0033 can report as given (``e``, ``d``).
MOST_GIVEN_S: Final = 255
#: Characters of a request's id that we accept; RSMP itself sets no limit.
LONGEST_ID: Final = 128


class State(StrEnum):
    """Where a request stands (S0033 ``s``)."""

    RECEIVED = "received"
    QUEUED = "queued"
    ACTIVATED = "activated"
    COMPLETED = "completed"
    TIMEOUT = "timeout"
    REJECTED = "rejected"
    COOLDOWN = "cooldown"
    STALE = "stale"


#: Which state may follow which: the table of S0033.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.RECEIVED: frozenset({State.QUEUED, State.ACTIVATED, State.REJECTED, State.COOLDOWN}),
    State.QUEUED: frozenset({State.ACTIVATED, State.TIMEOUT}),
    State.ACTIVATED: frozenset({State.COMPLETED, State.STALE}),
    State.COMPLETED: frozenset(),
    State.TIMEOUT: frozenset(),
    State.REJECTED: frozenset(),
    State.COOLDOWN: frozenset(),
    State.STALE: frozenset(),
}
#: States that nothing follows; told once, then forgotten.
ENDS: Final = frozenset(state for state, after in TRANSITIONS.items() if not after)


class Verb(StrEnum):
    """What is asked (M0022 ``type``)."""

    NEW = "new"
    UPDATE = "update"
    CANCEL = "cancel"


class VehicleType(StrEnum):
    """Who asks (M0022 ``vehicleType``)."""

    PEDESTRIAN = "pedestrian"
    BICYCLE = "bicycle"
    MOTORCYCLE = "motorcycle"
    CAR = "car"
    BUS = "bus"
    LIGHT_TRUCK = "lightTruck"
    HEAVY_TRUCK = "heavyTruck"
    TRAM = "tram"
    EMERGENCY = "emergency"
    SAFETY_CAR = "safetyCar"
    SPECIAL_TRANSPORT = "specialTransport"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Ask:
    """One M0022. The movement (``group``: signalGroupId) and the vehicle type go with ``new`` only.

    Raises:
        UsageError: a value is out of its range, or given where M0022 allows none; the caller's
            bug, a retry cannot help.
    """

    request: str
    verb: Verb
    level: int = 0
    """0 lowest … 14 highest."""
    eta_s: int | None = None
    """Seconds to the stop line, 0 … 255; None: not said."""
    group: str = ""
    vehicle_type: VehicleType | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.request) <= LONGEST_ID:
            raise _wrong("requestId", self.request, f"1 to {LONGEST_ID} characters")
        if not 0 <= self.level <= HIGHEST_LEVEL:
            raise _wrong("level", self.level, f"0 to {HIGHEST_LEVEL}")
        if self.eta_s is not None and not 0 <= self.eta_s <= LONGEST_ETA_S:
            raise _wrong("eta", self.eta_s, f"0 to {LONGEST_ETA_S} s")
        if self.verb is Verb.NEW:
            if not self.group:
                raise _wrong("signalGroupId", self.group, "a signal group, with a new request")
        elif self.group:
            raise _wrong("signalGroupId", self.group, "nothing: only a new request has a movement")
        elif self.vehicle_type is not None:
            raise _wrong("vehicleType", self.vehicle_type, "nothing: it cannot be changed")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of S0033: a request, its state, and since when.

    ``extended_s`` (``e``) and ``reduced_s`` (``d``) are given with ``completed`` only.
    """

    request: str
    state: State
    since_ms: int
    extended_s: int | None = None
    reduced_s: int | None = None


def _wrong(what: str, found: object, allowed: str) -> UsageError:
    return UsageError(f"found {found!r}; allowed: {allowed}", where=f"M0022 {what}")
