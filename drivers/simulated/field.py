"""The simulated field of one link: its points, its faults, and its own account of both.

It outlives the drivers that speak to it, as a real field does: a link that is lost and opened
again finds the lamps as it left them. A test gets hold of it by the link's id, reads what is
really true, and breaks things while the city runs. Safe to use from any thread.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from jacquemart.drivers.simulated.behaviour import behaviours_of
from jacquemart.drivers.simulated.faults import (
    EVERY_DEVICE,
    Fault,
    FaultBook,
    Verdict,
    judge_device,
    judge_write,
)
from jacquemart.drivers.simulated.options import LinkOptions
from jacquemart.drivers.simulated.plan import SimulatedPlan
from jacquemart.drivers.simulated.street import StreetModel
from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import UnknownPoint, UsageError
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality

_ARRIVALS_KEPT = 10_000


class Arrival(NamedTuple):
    """A write that reached its device (``time`` in seconds of the field's clock)."""

    time: float
    point: str
    value: float
    effect: bool


class Call(NamedTuple):
    """How a call over the link goes: how long it takes, and where the link breaks, if it does.

    ``breaks`` runs from 0 (before the first point) to 1; None: it does not.
    """

    number: int
    wait_s: float
    breaks: float | None
    why: str = ""


class SimulatedField:
    """One simulated field, by name (the id of its link).

    Attributes:
        name: the link's id.
        options: what the link asked for; see :class:`LinkOptions`.
        clock: seconds; the driver's own unless a test sets another one.
        arrivals: the last 10,000 writes that reached a device, whatever became of them.
        opened: how often a driver has opened the link.
        refuse: opens to refuse from now on; True: all.
        hang: nothing answers from now on, until it is False again.
        waiting: how many calls wait just now for a field that hangs.
    """

    _fields: ClassVar[dict[str, SimulatedField]] = {}
    _registry_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, name: str) -> None:
        """Make a field of its own; :meth:`of` finds the one that the driver uses."""
        self.name = name
        self.clock: Callable[[], float] = time.monotonic
        self.arrivals: deque[Arrival] = deque(maxlen=_ARRIVALS_KEPT)
        self.opened = 0
        self._lock = threading.RLock()
        self._links: list[Callable[[], None]] = []
        self._configured = False
        self._start: float | None = None
        self.options = LinkOptions()
        self.refuse: bool | int = False
        self.hang = False
        self.waiting = 0
        self._calls = 0
        self._model = StreetModel()
        self._book = FaultBook()

    @classmethod
    def of(cls, name: str) -> SimulatedField:
        """Return the field of a link in this process; the first to ask makes it."""
        with cls._registry_lock:
            return cls._fields.setdefault(name, cls(name))

    @classmethod
    def forget(cls, name: str) -> None:
        """Let a field go, so that the next driver of this name starts anew."""
        with cls._registry_lock:
            cls._fields.pop(name, None)

    def configure(self, options: LinkOptions) -> None:
        """Set the link's options; other ones than before start the field anew.

        Faults that a test put in before the first time stay.
        """
        with self._lock:
            if self._configured:
                if options == self.options:
                    return
                self._book = FaultBook()
                self.refuse = self.hang = False
            self._configured = True
            self._start = None
            self._calls = 0
            self.options = options
            self.refuse = self.refuse or options.refuse
            self.hang = self.hang or options.hang
            self._model = StreetModel(options.seed, dict(options.driving))
            self._book.seed, self._book.shares = options.seed, dict(options.shares)
            for fault, devices in options.devices:
                self._book.inject(fault, *devices)

    # What a test (or a person) sees and does.

    def value(self, point: str) -> float:
        """Return what a point really holds now, without noise or lies.

        Raises:
            UnknownPoint: the driver has not been asked for it yet; the caller's fault.
        """
        with self._lock:
            self._known(point)
            return self._model.true_value(point, self._now())

    def account(self) -> dict[str, float]:
        """Return what all points really hold now, by ``device/point``."""
        with self._lock:
            now = self._now()
            return {point: self._model.true_value(point, now) for point in self._model}

    def set(self, point: str, value: float) -> None:
        """Let the field itself change: somebody opens a door.

        Raises:
            UnknownPoint: see :meth:`value`. UsageError: the point follows another one.
        """
        with self._lock:
            self._known(point)
            if self._model.follows_another(point):
                raise UsageError("the value follows from other points", where=point)
            self._model.write(point, value, self._now())

    def inject(self, fault: Fault | str, *whom: str) -> None:
        """Give devices (or points, as ``device/point``) a fault; nobody named: every device."""
        with self._lock:
            self._book.inject(Fault(fault), *whom)
            self._settle(Fault(fault), whom)

    def clear(self, fault: Fault | str, *whom: str) -> None:
        """Take a fault away; nobody named: from every device."""
        with self._lock:
            self._book.clear(Fault(fault), *whom)
            self._settle(Fault(fault), whom)

    def has(self, fault: Fault | str, device: str) -> bool:
        """Return whether a device has a lasting fault, by the seed or by hand."""
        with self._lock:
            return self._book.has(Fault(fault), device)

    def cut(self) -> None:
        """Break the link now, with whatever is under way on it; it can be opened again."""
        with self._lock:
            links, self._links = self._links, []
        for lost in links:
            lost()

    @property
    def connections(self) -> int:
        """Return how many drivers have the link open."""
        return len(self._links)

    # What the driver uses.

    def connect(self, lost: Callable[[], None]) -> str:
        """Open the link; ``lost`` is called, from any thread, if it breaks. Return why not."""
        with self._lock:
            if self.refuse:
                if self.refuse is not True:
                    self.refuse -= 1
                return "refused"
            if self._is_down():
                return "the link is down"
            self.opened += 1
            self._links.append(lost)
            return ""

    def disconnect(self, lost: Callable[[], None]) -> None:
        """Close the link; nothing happens if it is not open."""
        with self._lock:
            if lost in self._links:
                self._links.remove(lost)

    @contextlib.contextmanager
    def waiting_call(self) -> Iterator[None]:
        """Count a call that may have to wait for a field that hangs."""
        held = self.hang
        self.waiting += held
        try:
            yield
        finally:
            self.waiting -= held

    def declare(self, runs: Iterable[tuple[DeviceSpec, Sequence[PointSpec]]]) -> None:
        """Make points known, with what their addresses say, all at one time.

        ``runs`` are devices with points of theirs; devices that are alike are quickest with the
        same sequence of points.
        """
        with self._lock:
            now = self._now()
            for points, devices in _alike(runs):
                if not self._book.empty:
                    for device in devices:
                        if not self._model.has_device(device) and self._book.has(
                            Fault.STUCK, device
                        ):
                            self._model.freeze(device, now)
                self._model.declare_many(devices, behaviours_of(points), now)

    def begin_call(self, since_open: int) -> Call:
        """Decide how the next call goes, the ``since_open``-th (from 1) since the link opened."""
        with self._lock:
            self._calls += 1
            options = self.options
            wait_s = options.latency_ms / 1_000.0
            if self._is_down():
                return Call(self._calls, 0.0, 0.0, "the link is down")
            if options.drop_after_n and since_open >= options.drop_after_n:
                return Call(self._calls, wait_s, 0.5, "the link broke")
            return Call(self._calls, wait_s, self._book.breaks(self._calls), "the link broke")

    def judge_read(self, device: str, feeder: str, call: int) -> Verdict:
        """Decide whether a device answers."""
        with self._lock:
            return judge_device(self._book, device, feeder, self._late_is_lost, call)

    def judge_write(self, point: BoundPoint, call: int) -> Verdict:
        """Decide what becomes of a write."""
        device = point.device
        with self._lock:
            return judge_write(
                self._book, device.id, device.fed_by, point.id, self._late_is_lost, call
            )

    @property
    def sound(self) -> bool:
        """Return whether nobody has a fault, or can ever be struck by one as things are."""
        return self._book.empty

    def read(self, device: str, name: str, call: int) -> float | Bad:
        """Return what the field answers for a point whose device answers."""
        with self._lock:
            if not self._model.knows(device, name):
                return Bad(Quality.BAD_UNIT, "not known since the field was started anew")
            point = f"{device}/{name}"
            if self._book.strikes(Fault.BAD_VALUE, device, point, call):
                return Bad(Quality.BAD_VALUE, "not a number")
            return _shown(self._model.reading(point, self._now()))

    def read_all(self, plan: SimulatedPlan) -> list[float | Bad]:
        """Return what a sound field answers for all points of a plan, at one time."""
        with self._lock:
            try:
                values = self._model.readings(plan.ids, plan.names, self._now())
            except KeyError:  # other options started the field anew; its next plan is to come
                return [self.read(device, name, self._calls) for device, name in plan]
        if math.isfinite(sum(values)):
            return list(values)
        return [_shown(value) for value in values]

    def write(self, writes: Sequence[tuple[BoundPoint, float, bool]]) -> None:
        """Let writes arrive at one time: each a point, a value, and whether it has an effect."""
        with self._lock:
            now = self._now()
            for point, value, effect in writes:
                if not self._model.knows(point.device.id, point.spec.name):
                    self.declare([(point.device, (point.spec,))])
                self.arrivals.append(Arrival(now, point.id, value, effect))
                if effect:
                    self._model.write(point.id, value, now)

    @property
    def _late_is_lost(self) -> bool:
        return self.options.late_ms >= self.options.timeout_ms

    def _now(self) -> float:
        now = self.clock()
        if self._start is None:
            self._start = now
        return now

    def _is_down(self) -> bool:
        up, down = self.options.flap_up_s, self.options.flap_down_s
        now = self._now()
        if not up or not down or self._start is None:
            return False
        return (now - self._start) % (up + down) >= up

    def _known(self, point: str) -> None:
        if point not in self._model:
            raise UnknownPoint("the driver has not asked for it yet", where=point)

    def _settle(self, fault: Fault, whom: tuple[str, ...]) -> None:
        """Bring what is stuck in line with the book."""
        if fault is not Fault.STUCK:
            return
        everyone = not whom or EVERY_DEVICE in whom
        for device in self._model.devices() if everyone else filter(self._model.has_device, whom):
            if self._book.has(Fault.STUCK, device):
                self._model.freeze(device, self._now())
            else:
                self._model.thaw(device, self._now())


def _alike(
    runs: Iterable[tuple[DeviceSpec, Sequence[PointSpec]]],
) -> Iterator[tuple[Sequence[PointSpec], list[str]]]:
    """Yield points with the devices in a row that have those very same ones."""
    points: Sequence[PointSpec] = ()
    devices: list[str] = []
    for device, own in runs:
        if own is not points:
            if devices:
                yield points, devices
            points, devices = own, []
        devices.append(device.id)
    if devices:
        yield points, devices


def _shown(value: float) -> float | Bad:
    """Return a value as the field shows it: what is no number is none."""
    return value if math.isfinite(value) else Bad(Quality.BAD_VALUE, "not a number")
