"""Duty: whether what a device tells of itself may be kept, or must be withheld.

*Theory.* A vehicle is tracked on duty and not otherwise; so is the position of whoever drives it.
Duty is a reading like any other: it may be late, old, or not there. What is not known to be on
duty is withheld. A reading belongs to the time at which the field took it, so one from before the
duty began is withheld too, however late it arrives.

*Rules.* Pure. Times are wall-clock ns; a source time of 0 means that the field gave none, and the
order of arrival counts instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from jacquemart.runtime.model.quality import Quality

#: The smallest value of a duty point that means "on duty"; 0 means "off duty".
ON_DUTY = 1.0


class Duty(Enum):
    """What a reading of a duty point says."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


def duty_of(value: float, quality: int, high: float) -> Duty:
    """Return what a reading of a duty point says; a value outside 0 … ``high`` says nothing."""
    if quality >= Quality.STALE_AGE or not math.isfinite(value) or not 0.0 <= value <= high:
        return Duty.UNKNOWN
    return Duty.ON if value >= ON_DUTY else Duty.OFF


@dataclass(slots=True)
class DutyGate:
    """Lets readings of one device pass while it is known to be on duty.

    Attributes:
        stale_after_ns: so long after the last word of it, duty is unknown; 0: never.
        open: whether readings pass.
    """

    stale_after_ns: int = 0
    open: bool = False
    _since_ns: int = 0
    """Source time of the reading that opened it; what is older is from before the duty."""
    _off_ns: int = 0
    """Newest source time at which it was off duty."""
    _heard_ns: int = 0

    def told(self, duty: Duty, source_ns: int, receive_ns: int) -> None:
        """Take a reading of the duty point."""
        if source_ns > receive_ns:  # a clock that is ahead must not shut out what follows
            source_ns = receive_ns
        if duty is Duty.UNKNOWN:
            self.open = False
        elif duty is Duty.OFF:
            self.open = False
            self._off_ns = source_ns or receive_ns
        elif not source_ns or source_ns > self._off_ns:
            self._heard_ns = receive_ns
            if not self.open:
                self.open = True
                self._since_ns = source_ns or receive_ns

    def copied(self, duty: Duty, receive_ns: int) -> None:
        """Take over what another gate has judged already."""
        self.open = duty is Duty.ON
        self._heard_ns = receive_ns
        self._since_ns = self._off_ns = 0

    def passes(self, source_ns: int, receive_ns: int) -> bool:
        """Return whether a reading may be kept that was taken at ``source_ns``."""
        if self.stale_after_ns and receive_ns - self._heard_ns > self.stale_after_ns:
            self.open = False
        return self.open and (not source_ns or min(source_ns, receive_ns) >= self._since_ns)
