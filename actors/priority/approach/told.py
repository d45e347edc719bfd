"""What approach detection tells: a vehicle comes to a stop line, at a time; has passed; is lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jacquemart.actors.priority.approach.arrival import Arrival
from jacquemart.actors.priority.approach.declared import Approach


class Gone(StrEnum):
    """Why a vehicle is on an approach no more. Only the first one is a success."""

    PASSED = "it has passed the stop line"
    LEFT = "it has left the way to the stop line"
    OLD = "its position is too old"
    JUMPED = "its position jumped"
    JUMPING = "its id is in two places"
    BACKWARDS = "it goes backwards"
    STANDS = "it stands still where no stop and no signal is"
    OFF_DUTY = "it is not known to be on duty"
    FORGOTTEN = "too many vehicles are on the way"
    SWITCHED_OFF = "priority is switched off"


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """A vehicle has come onto an approach."""

    vehicle: str
    line: str
    approach: Approach
    arrival: Arrival
    at_ms: int


@dataclass(frozen=True, slots=True)
class Comes:
    """A vehicle on an approach has another time of arrival, or says again that it comes."""

    vehicle: str
    line: str
    approach: Approach
    arrival: Arrival
    at_ms: int


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """A vehicle is on an approach no more."""

    vehicle: str
    approach: Approach
    why: Gone
    at_ms: int


Tidings = CheckedIn | Comes | CheckedOut
