"""What can go wrong in the simulated field, and the pure decisions about what then happens.

*Theory.* A fault strikes in one of three ways: a device (or a point) simply has it, a share of
the devices has it from the seed on, or it strikes a share of the calls. Each decision below
takes what is known and returns a verdict; the driver carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jacquemart.drivers.simulated.chance import chance
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    UnitError,
)

EVERY_DEVICE = "*"


class Fault(StrEnum):
    """What a device can suffer from."""

    DEAD = "dead"
    """Not there, and its gateway says so: reads and writes are unit errors, nothing happens."""
    SILENT = "silent"
    """Never answers: reads are unit errors after the time-out, writes unknown and lost."""
    STUCK = "stuck"
    """Takes writes and acknowledges them, but nothing moves any more."""
    LIE = "lie"
    """Acknowledges writes and throws them away."""
    REFUSED = "refused"
    """Refuses writes by the book."""
    BUSY = "busy"
    """Asks to be left alone, instead of doing what was written."""
    UNKNOWN = "unknown"
    """A write's answer is lost; whether it took effect is left to chance."""
    LATE = "late"
    """Answers only after ``late_ms``; past the time-out that is an answer lost."""
    BAD_VALUE = "bad_value"
    """Answers, but what it says is not a number."""
    LOST = "lost"
    """The link breaks in the middle of a call (a share of calls; never a device's)."""


LASTING = frozenset({Fault.DEAD, Fault.SILENT, Fault.STUCK, Fault.LIE})
"""A share of these is a share of devices; a share of the others is a share of calls."""


@dataclass(slots=True)
class FaultBook:
    """Who suffers from what. ``shares`` go by the seed; the rest is put in and taken out."""

    seed: int = 0
    shares: Mapping[Fault, float] = field(default_factory=dict)
    _having: dict[Fault, set[str]] = field(default_factory=dict)
    _spared: dict[Fault, set[str]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Return whether nobody has anything, and no call can be struck."""
        return not any(self._having.values()) and not any(self.shares.values())

    def inject(self, fault: Fault, *whom: str) -> None:
        """Give devices (or ``device/point``) a fault; nobody named: every device."""
        for name in whom or (EVERY_DEVICE,):
            self._having.setdefault(fault, set()).add(name)
            self._spared.get(fault, set()).discard(name)

    def clear(self, fault: Fault, *whom: str) -> None:
        """Take a fault away; nobody named: from every device."""
        having = self._having.setdefault(fault, set())
        spared = self._spared.setdefault(fault, set())
        if not whom:
            having.clear()
        for name in whom or (EVERY_DEVICE,):
            having.discard(name)
            spared.add(name)

    def has(self, fault: Fault, device: str, point: str = "") -> bool:
        """Return whether a device always has a fault."""
        if fault not in self._having and fault not in self.shares:
            return False
        having = self._having.get(fault)
        if having and (device in having or point in having):
            return True
        spared = self._spared.get(fault)
        if spared and (device in spared or EVERY_DEVICE in spared):
            return False
        if having and EVERY_DEVICE in having:
            return True
        share = self.shares.get(fault, 0.0) if fault in LASTING else 0.0
        return share > 0.0 and chance(self.seed, fault, device) < share

    def strikes(self, fault: Fault, device: str, point: str, call: int) -> bool:
        """Return whether a fault strikes in this call (which one is counted by the caller)."""
        if self.has(fault, device, point):
            return True
        share = 0.0 if fault in LASTING else self.shares.get(fault, 0.0)
        return share > 0.0 and chance(self.seed, fault, point or device, call) < share

    def breaks(self, call: int) -> float | None:
        """Return how far (0 to 1) into this call the link breaks, or None."""
        share = self.shares.get(Fault.LOST, 0.0)
        if share > 0.0 and chance(self.seed, Fault.LOST, call) < share:
            return chance(self.seed, "where", call)
        return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one write, or of reading one device.

    Attributes:
        effect: the write changes the field.
        error: what the driver says; None: all well.
        wait: what is waited for on top of the latency: nothing, the late answer, or the time-out.
    """

    effect: bool = True
    error: DriverError | None = None
    wait: str = ""


def _dead(book: FaultBook, device: str, feeder: str) -> str:
    """Return why nobody is there: the device itself, or what feeds it; empty if alive."""
    if book.has(Fault.DEAD, device):
        return "nobody there"
    if feeder and book.has(Fault.DEAD, feeder):
        return f"nobody there, {feeder} is dead"
    return ""


def judge_device(
    book: FaultBook, device: str, feeder: str, late_is_lost: bool, call: int
) -> Verdict:
    """Decide whether a device answers a read at all."""
    if why := _dead(book, device, feeder):
        return Verdict(error=UnitError(why, where=device))
    if book.has(Fault.SILENT, device):
        return Verdict(error=UnitError("no answer", where=device), wait="timeout")
    if book.strikes(Fault.LATE, device, "", call):
        if late_is_lost:
            return Verdict(error=UnitError("no answer in time", where=device), wait="timeout")
        return Verdict(wait="late")
    return Verdict()


def judge_write(
    book: FaultBook, device: str, feeder: str, point: str, late_is_lost: bool, call: int
) -> Verdict:
    """Decide what becomes of a write to a point."""
    if why := _dead(book, device, feeder):
        return Verdict(False, UnitError(why, where=point))
    if book.has(Fault.SILENT, device):
        return Verdict(False, OutcomeUnknown("no answer to a write", where=point), "timeout")
    if book.strikes(Fault.BUSY, device, point, call):
        return Verdict(False, DeviceBusy("busy", where=point))
    if book.strikes(Fault.REFUSED, device, point, call):
        return Verdict(False, DeviceRefused("refused by the device", where=point))
    if book.strikes(Fault.UNKNOWN, device, point, call):
        effect = chance(book.seed, "effect", point, call) < 0.5
        return Verdict(effect, OutcomeUnknown("the answer was lost", where=point), "timeout")
    if book.has(Fault.LIE, device):
        return Verdict(effect=False)
    if book.strikes(Fault.LATE, device, point, call):
        if late_is_lost:
            return Verdict(True, OutcomeUnknown("no answer in time", where=point), "timeout")
        return Verdict(wait="late")
    return Verdict()
