"""Quality of a value: a severity and a reason, packed in one byte.

The two high bits are the severity and the six low bits the reason, so that the worst of
several qualities is their numerical maximum. Values travel in this form on the wire and stand
in the native point table (see docs/protocol.md, "Quality").
"""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """How far a value may be trusted, from best to worst."""

    GOOD = 0
    UNCERTAIN = 1
    STALE = 2
    BAD = 3


class Quality(IntEnum):
    """Severity and reason of a value; compare with ``max`` to find the worst."""

    GOOD = 0x00
    GOOD_SUBSTITUTED = 0x01

    UNCERTAIN = 0x40
    UNCERTAIN_CLOCK = 0x41
    """The source time lay in the future and was replaced by the receive time."""
    UNCERTAIN_RANGE = 0x42
    """The value lies outside the point's declared range."""

    STALE_AGE = 0x80
    """No new reading within the point's ``stale_after_ms``."""
    STALE_GAP = 0x81
    """The stream has a gap that is not healed yet."""

    BAD = 0xC0
    BAD_NEVER_READ = 0xC1
    BAD_COMM = 0xC2
    """The link is down."""
    BAD_UNIT = 0xC3
    """The link is up, but this device does not answer on it."""
    BAD_FED_BY = 0xC4
    """Unreachable by what feeds it (a lamp behind a dead cabinet); not a fault of its own."""
    BAD_CONFIG = 0xC5
    """The field refuses the address; the city file is wrong."""
    BAD_DEVICE = 0xC6
    """The device itself says that the value is faulty."""
    BAD_VALUE = 0xC7
    """Not a number, or an answer that cannot be decoded."""
    BAD_CELL = 0xC8
    """The cell that owns the device does not answer."""
    BAD_WITHHELD = 0xC9
    """Nobody may know it: the device is off duty, or nobody knows that it is on duty."""
    BAD_REMOVED = 0xCA
    """The point is no longer in the city."""

    @property
    def severity(self) -> Severity:
        """Return the severity without the reason."""
        return Severity(self >> 6)

    @property
    def usable(self) -> bool:
        """Return whether the value may be used for control (GOOD or UNCERTAIN)."""
        return self < Quality.STALE_AGE

    @property
    def text(self) -> str:
        """Return the form shown to people: ``GOOD``, ``BAD(comm)``."""
        severity, _, reason = self.name.partition("_")
        return f"{severity}({reason.lower()})" if reason else severity

    @classmethod
    def from_code(cls, code: int) -> Quality:
        """Return the quality of a byte; an unknown reason falls back to its bare severity."""
        try:
            return cls(code)
        except ValueError:
            return (cls.GOOD, cls.UNCERTAIN, cls.STALE_AGE, cls.BAD)[(code >> 6) & 3]
