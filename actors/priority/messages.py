"""What vehicles, brokers and signals say to each other: texts of commands. Pure.

*Theory.* A command carries one value. Where that is more than a number it is a JSON object of at
most 1,024 characters with the keys below and no others, so that anybody can say the same from a
command line. Whoever reads one trusts nothing in it.

*Rules.* ``read`` raises UsageError with what was found and what is allowed; ``text`` is its
inverse.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from jacquemart.actors.priority.request import (
    HIGHEST_LEVEL,
    LONGEST_ETA_S,
    LONGEST_ID,
    State,
    VehicleType,
    Verb,
)
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.ids import valid_id

#: Characters of a command's text (docs/protocol.md).
LONGEST_TEXT: Final = 1_024
#: The verbs: of brokers, of signals, of brokers, and of vehicles.
POSITION: Final = "position"
PRIORITY: Final = "priority"
REQUEST_STATE: Final = "request_state"
PRIORITY_TOLD: Final = "priority_told"
_TYPES: Final = tuple(VehicleType)
#: A position that is older is not even said.
OLDEST_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Position:
    """Where a vehicle is, as it tells a broker; None: not known.

    Attributes:
        duty: whether it may be followed. False: forget it; nothing else is said then.
        age_ms: how long ago it was there.
        heading: degrees from north. accuracy: metres. speed: m/s.
        late: seconds. load: per cent.
        trip: of the timetable.
    """

    duty: bool
    age_ms: int = 0
    lat: float | None = None
    lon: float | None = None
    speed: float | None = None
    heading: float | None = None
    accuracy: float | None = None
    door: bool | None = None
    type: VehicleType = VehicleType.BUS
    line: str = ""
    late: float | None = None
    load: float | None = None
    trip: str = ""

    def text(self) -> str:
        """Return it as the value of ``position``."""
        if not self.duty:
            return '{"duty":false}'
        said: dict[str, Any] = {"duty": True, "age_ms": self.age_ms, "type": self.type.value}
        for name in _POSITION_REST:
            value = getattr(self, name)
            if value is not None and value != "":
                said[name] = value
        return _dumps(said)

    @classmethod
    def read(cls, text: str) -> Position:
        """Read the value of ``position``."""
        said = _object(text, ("duty", "age_ms", "type", *_POSITION_REST))
        if not _flag(said, "duty", default=True):
            return cls(duty=False)
        lat, lon = _real(said, "lat", -90, 90), _real(said, "lon", -180, 180)
        if lat is None or lon is None:
            raise _wrong("lat" if lat is None else "lon", None, "a number, on duty")
        return cls(
            True, _whole(said, "age_ms", 0, OLDEST_MS) or 0, lat, lon,
            _real(said, "speed", 0, 100), _real(said, "heading", 0, 360),
            _real(said, "accuracy", 0, 10_000),
            _flag(said, "door", default=None), _type(said) or VehicleType.BUS,
            _text(said, "line", 32), _real(said, "late", -36_000, 36_000),
            _real(said, "load", 0, 1_000), _text(said, "trip", 64),
        )  # fmt: skip


_POSITION_REST: Final = (
    "lat", "lon", "speed", "heading", "accuracy", "door", "line", "late", "load", "trip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What a signal shall ask its site for, or take back.

    Attributes:
        id: of the request; 1 to 128 characters. Its sender's, and another one for each request.
        group: number of the signal group, 1 to 255. With an update too: a signal that was
            restarted meanwhile asks anew.
        vehicle: who comes, for people. answer: the device that shall hear what becomes of it.
    """

    id: str
    verb: Verb
    group: int = 0
    level: int = 0
    eta_s: int | None = None
    type: VehicleType | None = None
    vehicle: str = ""
    answer: str = ""

    def text(self) -> str:
        """Return it as the value of ``priority``."""
        said: dict[str, Any] = {"request": self.id, "ask": self.verb.value}
        if self.verb is not Verb.CANCEL:
            said |= {"group": self.group, "level": self.level}
            if self.eta_s is not None:
                said["eta"] = self.eta_s
            for name, value in (("type", self.type), ("vehicle", self.vehicle)):
                if value:
                    said[name] = value
        if self.answer:
            said["answer"] = self.answer
        return _dumps(said)

    @classmethod
    def read(cls, text: str) -> Request:
        """Read the value of ``priority``."""
        keys = ("request", "ask", "group", "level", "eta", "type", "vehicle", "answer")
        said = _object(text, keys)
        id = _text(said, "request", LONGEST_ID)
        if not id:
            raise _wrong("request", said.get("request"), f"1 to {LONGEST_ID} characters")
        verb = _word(said, "ask", Verb)
        if verb is None:
            raise _wrong("ask", said.get("ask"), ", ".join(Verb))
        answer = _text(said, "answer", 64)
        if answer and not valid_id(answer):
            raise _wrong("answer", answer, "the id of a device")
        if verb is Verb.CANCEL:
            return cls(id, verb, answer=answer)
        group, level = _whole(said, "group", 1, 255), _whole(said, "level", 0, HIGHEST_LEVEL)
        if group is None or level is None:
            what = "group" if group is None else "level"
            raise _wrong(what, None, "a whole number, unless it is cancelled")
        eta = _whole(said, "eta", 0, LONGEST_ETA_S)
        vehicle = _text(said, "vehicle", 64)
        return cls(id, verb, group, level, eta, _type(said), vehicle, answer)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a request at its site."""

    id: str
    state: State

    def text(self) -> str:
        """Return it as the value of ``request_state``."""
        return _dumps({"request": self.id, "state": self.state.value})

    @classmethod
    def read(cls, text: str) -> Told:
        """Read the value of ``request_state``."""
        said = _object(text, ("request", "state"))
        id, state = _text(said, "request", LONGEST_ID), _word(said, "state", State)
        if not id:
            raise _wrong("request", said.get("request"), f"1 to {LONGEST_ID} characters")
        if state is None:
            raise _wrong("state", said.get("state"), ", ".join(State))
        return cls(id, state)


# Inside ------------------------------------------------------------------------------------


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


# Made once: `json.dumps` and `json.loads` make new ones for every call with other arguments.
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_loads = json.JSONDecoder(parse_constant=_no_number).decode


def _object(text: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        found = _loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"found no JSON: {str(error)[:80]}; allowed: a JSON object") from error
    if not isinstance(found, dict):
        raise UsageError(f"found {type(found).__name__}; allowed: a JSON object")
    for key in found:
        if key not in keys:
            raise _wrong(key[:40], "an unknown key", ", ".join(keys))
    return found


def _real(said: Mapping[str, Any], key: str, low: float, high: float) -> float | None:
    found = said.get(key)
    if found is None:
        return None
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    if not number or not low <= found <= high or not math.isfinite(found):
        raise _wrong(key, found, f"a number from {low:g} to {high:g}")
    return float(found)


def _whole(said: Mapping[str, Any], key: str, low: int, high: int) -> int | None:
    found = said.get(key)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise _wrong(key, found, f"a whole number from {low:,} to {high:,}")
    return found


def _flag(said: Mapping[str, Any], key: str, *, default: bool | None) -> bool | None:
    found = said.get(key, default)
    if found is not None and not isinstance(found, bool):
        raise _wrong(key, found, "true or false")
    return found


def _text(said: Mapping[str, Any], key: str, most: int) -> str:
    found = said.get(key, "")
    if not isinstance(found, str) or len(found) > most:
        raise _wrong(key, found, f"a text of {most} characters at most")
    return found


def _word(said: Mapping[str, Any], key: str, words: Any) -> Any:
    found = said.get(key)
    return words(found) if isinstance(found, str) and found in list(words) else None


def _type(said: Mapping[str, Any]) -> VehicleType | None:
    if said.get("type") is None:
        return None
    found = _word(said, "type", VehicleType)
    if found is None:
        raise _wrong("type", said["type"], ", ".join(VehicleType))
    kind: VehicleType = found
    return kind


def _wrong(what: str, found: object, allowed: str) -> UsageError:
    shown = "nothing" if found is None else repr(found)[:60]
    return UsageError(f"{what}: found {shown}; allowed: {allowed}")


# A request in a number -----------------------------------------------------------------------

#: An ETA that is not known, in a code.
NO_ETA: Final = 999
#: The largest code there is.
HIGHEST_CODE: Final = 12_255_15_999


def code_of(request: Request) -> int:
    """Return a request as the number that a signal's slot is set to.

    By its decimal digits, from the right: three of the ETA (999: not known), two of the level and
    1, three of the group, two of the vehicle type (its place in ``VehicleType`` and 1; 0: not
    said). 0 is no request.
    """
    vehicle = _TYPES.index(request.type) + 1 if request.type is not None else 0
    eta = NO_ETA if request.eta_s is None else request.eta_s
    return ((vehicle * 1_000 + request.group) * 100 + request.level + 1) * 1_000 + eta
