"""What each exception code means here: a table, and nothing else decides it.

MODBUS Application Protocol Specification V1.1b3, §7. By the book, codes 1 to 3 come before
anything is carried out, 10 before anything is sent on; 4, 5 and 8 come while or after. Code 6
asks for the request again later. Code 11 comes from a gateway that passed the request on and
heard nothing: a write may have happened, so only a read-back can tell.
"""

from __future__ import annotations

from typing import NamedTuple

from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.model.quality import Quality


class Meaning(NamedTuple):
    """What an exception code makes of a read and of a write."""

    name: str
    quality: Quality
    """Of the points of a read."""
    error: type[DriverError]
    """Of a write."""
    advice: str = ""
    splits: bool = False
    """A refused block may be tried again in smaller pieces: nothing of it took effect."""
    unit_down: bool = False
    """The unit does not answer behind its gateway; nothing more is asked of it in this call."""


_CITY_FILE = "see the point's address in the city file"

MEANINGS: dict[int, Meaning] = {
    1: Meaning("illegal function", Quality.BAD_CONFIG, DeviceRefused, _CITY_FILE, splits=True),
    2: Meaning("illegal data address", Quality.BAD_CONFIG, DeviceRefused, _CITY_FILE, splits=True),
    3: Meaning("illegal data value", Quality.BAD_CONFIG, DeviceRefused, _CITY_FILE, splits=True),
    4: Meaning("device failure", Quality.BAD_DEVICE, OutcomeUnknown, "see the device"),
    5: Meaning("acknowledge: it takes long", Quality.BAD_DEVICE, OutcomeUnknown),
    6: Meaning("busy", Quality.BAD_DEVICE, DeviceBusy),
    7: Meaning("negative acknowledge", Quality.BAD_DEVICE, DeviceRefused),
    8: Meaning("memory parity error", Quality.BAD_DEVICE, OutcomeUnknown, "see the device"),
    10: Meaning("gateway path unavailable", Quality.BAD_UNIT, UnitError, unit_down=True),
    11: Meaning("gateway target does not answer", Quality.BAD_UNIT, OutcomeUnknown, unit_down=True),
}
#: A code that the specification does not know says "no", but not when.
UNASSIGNED = Meaning("unassigned code", Quality.BAD_DEVICE, OutcomeUnknown)


def meaning(code: int) -> Meaning:
    """Return what an exception code, 0 to 255, means."""
    return MEANINGS.get(code, UNASSIGNED)


def exception_text(code: int) -> str:
    """Return a code as shown to people: ``exception 2 (illegal data address)``."""
    return f"exception {code} ({meaning(code).name})"
