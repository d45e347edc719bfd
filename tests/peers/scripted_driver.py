"""A driver that does what a script says, over a field that writes down what reached it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock

S = 1_000_000_000
LATE_S = 0.7
"""When a write takes effect that the script calls ``unknown_late``."""


@dataclass(frozen=True)
class Do:
    """What one call of the driver does, and how long it takes before it does anything."""

    what: str = "ok"
    seconds: float = 0.0


@dataclass
class Send:
    """A write as it left for the field."""

    time_ns: int
    point: str
    value: float
    busy: bool


class ScriptedField:
    """What is really true. A ``setpoint`` moves its device's ``level``, in ``ramp_s``."""

    def __init__(self, clock: VirtualClock, ramp_s: float = 0.0) -> None:
        self.clock = clock
        self.ramp_s = ramp_s
        self.sends: list[Send] = []
        self._points: dict[str, _Point] = {}

    def write(self, point: str, value: float, after_s: float = 0.0) -> None:
        """Let a point move to a value, from now on or a little later."""
        at = self.clock.boot_ns() + int(after_s * S)
        self._point(point).moves.append((at, value))
        if point.endswith("/setpoint"):
            self._point(point.replace("setpoint", "level")).moves.append((at, value))

    def truth(self, point: str) -> float:
        """Return what a point really holds now."""
        return self._point(point).at(self.clock.boot_ns())

    def _point(self, point: str) -> _Point:
        ramp_ns = self.ramp_s * S if point.endswith("/level") else 0.0
        return self._points.setdefault(point, _Point(ramp_ns))


@dataclass
class _Point:
    ramp_ns: float
    value: float = 0.0
    target: float = 0.0
    since: int = 0
    moves: list[tuple[int, float]] = field(default_factory=list)

    def at(self, now: int) -> float:
        for at, aim in sorted(move for move in self.moves if move[0] <= now):
            self.value, self.target, self.since = self._between(at), aim, at
        self.moves = [move for move in self.moves if move[0] > now]
        return self._between(now)

    def _between(self, now: int) -> float:
        elapsed = now - self.since
        if elapsed >= self.ramp_ns:
            return self.target
        return self.value + (self.target - self.value) * elapsed / self.ramp_ns


class ScriptedDriver:
    """Implements the driver's port; ``opens``, ``reads``, ``writes``, ``closes`` are its script.

    When a script has ended, its ``always`` goes on.
    """

    blocking = False

    def __init__(self, field: ScriptedField) -> None:
        self.field = field
        self.clock = field.clock
        self.scripts: dict[str, deque[Do]] = {
            name: deque() for name in ("open", "read", "write", "close")
        }
        self.always: dict[str, Do] = {name: Do() for name in self.scripts}
        self.calls: list[tuple[int, str]] = []
        self.batches: list[int] = []
        self.overlaps = 0
        self.retained: list[str] = []
        self._inside = 0

    @classmethod
    def address_of(cls, point: Any, device: Any) -> Any:
        return f"{device.id}/{point.name}"

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[BoundPoint]:
        return tuple(points)

    def retain(self, points: Sequence[BoundPoint]) -> None:
        self.retained = [point.id for point in points]

    def then(self, call: str, *dos: Do | str) -> None:
        """Add to a script."""
        self.scripts[call].extend(Do(do) if isinstance(do, str) else do for do in dos)

    async def open(self) -> None:
        async with _Turn(self, "open") as do:
            self._break(do, "open")

    async def close(self) -> None:
        async with _Turn(self, "close") as do:
            self._break(do, "close")

    async def read(self, plan: Sequence[BoundPoint]) -> Any:
        async with _Turn(self, "read") as do:
            self._break(do, "read")
            if do.what == "unit":
                raise UnitError("nobody there")
            if do.what == "bad_unit":
                return [Bad(Quality.BAD_UNIT, "silent") for _ in plan]
            if do.what == "half":
                return [
                    self.field.truth(p.id) if p.spec.name == "level" else Bad(Quality.BAD_CONFIG)
                    for p in plan
                ]
            values: list[Any] = [self.field.truth(point.id) for point in plan]
            odd = {"short": values[:-1], "long": [*values, 1.0], "none": None,
                   "text": ["80"] * len(plan), "nan": [math.nan] * len(plan)}  # fmt: skip
            return odd.get(do.what, values)

    async def write(self, writes: Sequence[tuple[BoundPoint, float]]) -> Any:
        async with _Turn(self, "write") as do:
            if do.what == "link":
                raise LinkError("not sent")
            if do.what == "unit":
                return [UnitError("nobody there") for _ in writes]
            if do.what not in ("crash_unsent", "hang", "cancel"):
                self._send(do.what, writes)
            self.batches.append(len(writes))
            self._break(do, "write")
            await self._hang(do.what in ("sent_hang", "hang"))
            answers: dict[str, DriverError] = {
                "busy": DeviceBusy("later"),
                "refuse": DeviceRefused("exception 2"),
                "unknown_done": OutcomeUnknown("time-out"),
                "unknown_lost": OutcomeUnknown("time-out"),
                "unknown_late": OutcomeUnknown("time-out"),
            }
            answer = answers.get(do.what)
            if do.what == "raise_unknown":
                raise OutcomeUnknown("time-out of all")
            return [answer for _ in writes][: len(writes) - (do.what == "short")]

    def _send(self, what: str, writes: Sequence[tuple[BoundPoint, float]]) -> None:
        now = self.clock.boot_ns()
        for point, value in writes:
            self.field.sends.append(Send(now, point.id, value, what == "busy"))
            if what not in ("busy", "refuse", "lie", "unknown_lost"):
                self.field.write(point.id, value, LATE_S if what == "unknown_late" else 0.0)

    def _break(self, do: Do, call: str) -> None:
        errors: dict[str, BaseException] = {
            "link": LinkError(f"{call} refused"),
            "protocol": RemoteProtocolError("another transaction"),
            "crash": ZeroDivisionError(call),
            "crash_unsent": ZeroDivisionError(call),
            "exit": SystemExit(call),
            "cancel": asyncio.CancelledError(),
            "timeout": TimeoutError(f"{call}'s own"),
            "odd_text": LinkError("Latin-1 \udce9 in it"),
        }
        if do.what in errors:
            raise errors[do.what]

    async def _hang(self, hang: bool) -> None:
        if hang:
            await asyncio.sleep(1e6)


class _Turn:
    """One call: written down, and alone."""

    def __init__(self, driver: ScriptedDriver, call: str) -> None:
        self.driver, self.call = driver, call

    async def __aenter__(self) -> Do:
        driver = self.driver
        script = driver.scripts[self.call]
        do = script.popleft() if script else driver.always[self.call]
        driver.calls.append((driver.clock.boot_ns(), self.call))
        driver.overlaps += driver._inside > 0
        driver._inside += 1
        try:
            await asyncio.sleep(do.seconds)
            await driver._hang(do.what == "hang")
        except BaseException:
            driver._inside -= 1
            raise
        return do

    async def __aexit__(self, *_: object) -> None:
        self.driver._inside -= 1
