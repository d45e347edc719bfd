"""The field itself: what every simulated point holds at a time.

*Theory.* A device's points form a small graph: a written register feeds its feedback point, a
power follows a level, a burn-hour counter runs while a lamp burns. Each point owns a
:class:`Track`, laid down when something upstream changes; counters integrate the track of what
they follow. Devices to which the same happened at the same times share one
:class:`DeviceModel`, until something happens to one of them alone.

*Rules.* Pure: no I/O, no clock, no state outside. ``now`` is in seconds of the caller's clock and
never runs backwards here (an earlier one counts as the latest seen). The same calls with the
same seed give the same values. What depends on a device's name (noise) is added to what the
shared model says, and never kept in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.chance import chance
from jacquemart.drivers.simulated.device import DeviceModel

_Step = tuple[Any, ...]


class FieldModel:
    """All points of one simulated link. Unknown ids are KeyErrors: the caller declares first."""

    def __init__(self, seed: int = 0) -> None:
        """Make an empty field; the seed decides its noise."""
        self.seed = seed
        self._devices: dict[str, DeviceModel] = {}
        self._stuck: set[str] = set()
        self._now = float("-inf")
        # What was done to whom at this very time, and what came of it: who does the same to
        # the same model now gets the same model.
        self._steps: dict[_Step, tuple[DeviceModel, Any]] = {}
        self._pinned: set[DeviceModel] = set()

    def __contains__(self, point: str) -> bool:
        device, _, name = point.partition("/")
        return self.knows(device, name)

    def __iter__(self) -> Iterator[str]:
        return (
            f"{device}/{name}"
            for device, model in self._devices.items()
            for name, node in model.nodes.items()
            if node.declared
        )

    @property
    def models(self) -> int:
        """Return how many device models there are: at most one a device."""
        return len(set(self._devices.values()))

    def devices(self) -> list[str]:
        """Return the devices that have points here."""
        return list(self._devices)

    def has_device(self, device: str) -> bool:
        """Return whether a device has points here."""
        return device in self._devices

    def knows(self, device: str, name: str) -> bool:
        """Return whether a point was declared."""
        model = self._devices.get(device)
        return model is not None and model.has(name)

    def declare(self, device: str, name: str, behaviour: Behaviour, now: float) -> None:
        """Add a point; a second time changes nothing.

        Raises:
            ConfigError: it follows a counter, or itself through others; the operator's fault.
        """
        now = self._advance(now)
        if FieldModel.knows(self, device, name):
            return
        stuck = device in self._stuck
        self._step(
            device,
            ("declare", name, id(behaviour), stuck),
            lambda model: model.declare(device, name, behaviour, now, stuck=stuck),
            behaviour,
        )

    def declare_all(
        self, device: str, points: tuple[tuple[str, Behaviour], ...], now: float
    ) -> None:
        """Add points of a device; devices that get the same tuple at the same time are quickest.

        Raises:
            ConfigError: see :meth:`declare`.
        """
        now = self._advance(now)
        stuck = device in self._stuck

        def do(model: DeviceModel) -> None:
            for name, behaviour in points:
                model.declare(device, name, behaviour, now, stuck=stuck)

        model = self._devices.get(device)
        if model is None or not all(model.has(name) for name, _ in points):
            self._step(device, ("declare", id(points), stuck), do, points)

    def declare_many(
        self, devices: Sequence[str], points: tuple[tuple[str, Behaviour], ...], now: float
    ) -> None:
        """Add points to each device; whoever had the same model as the one before, goes with it.

        A model whose devices are all among them is not copied for that.

        Raises:
            ConfigError: see :meth:`declare`.
        """
        now = self._advance(now)
        known, stuck = self._devices, self._stuck
        members = Counter(map(known.get, set(devices)))  # each counts once
        before: DeviceModel | None = None
        after: DeviceModel | None = None
        for device in devices:
            own = known.get(device)
            if after is None or own is not before or stuck:
                before = own
                if own is None or stuck or own in self._pinned or members[own] != own.devices:
                    self.declare_all(device, points, now)
                else:
                    for name, behaviour in points:
                        own.declare(device, name, behaviour, now, stuck=False)
                after = known[device]
            elif own is not after:
                if own is not None:
                    own.devices -= 1
                after.devices += 1
                known[device] = after

    def is_followed(self, device: str, name: str) -> bool:
        """Return whether a point of the device follows this one."""
        model = self._devices.get(device)
        node = None if model is None else model.nodes.get(name)
        return node is not None and bool(node.followers)

    def write(self, point: str, value: float, now: float) -> None:
        """Give a point a value: it, and what follows it, starts to move.

        What follows another point goes on following it and takes no notice.
        """
        now = self._advance(now)
        device, _, name = point.partition("/")
        self._step(device, ("write", name, value), lambda model: model.write(name, value, now))

    def follows_another(self, point: str) -> bool:
        """Return whether a point's value comes from another point or from counting."""
        device, _, name = point.partition("/")
        node = self._devices[device].nodes[name]
        return node.source is not None or node.is_counter

    def true_value(self, point: str, now: float) -> float:
        """Return what the point really holds."""
        now = self._advance(now)
        device, _, name = point.partition("/")
        return self._devices[device].true_value(name, now)

    def reading(self, point: str, now: float) -> float:
        """Return what a reading shows: the true value with noise and drift."""
        now = self._advance(now)
        device, _, name = point.partition("/")
        return self._reading(device, self._devices[device], name, now)

    def readings(
        self, devices: Sequence[str], names: Sequence[Sequence[str]], now: float
    ) -> list[float]:
        """Return what readings of devices show: of each device the points named beside it."""
        now = self._advance(now)
        found: list[float] = []
        last: DeviceModel | None = None
        asked: Sequence[str] = ()
        values: list[float] | None = None
        for device, wanted in zip(devices, names, strict=True):
            model = self._devices[device]
            if values is None or model is not last or wanted is not asked:
                last, asked = model, wanted
                noisy = any(model.nodes[name].behaviour.noise for name in wanted)
                values = [self._reading(device, model, name, now) for name in wanted]
                found += values
                if noisy:  # each device its own
                    values = None
            else:
                found += values
        return found

    def freeze(self, device: str, now: float) -> None:
        """Make a device stuck: registers take writes, and nothing moves any more."""
        now = self._advance(now)
        self._stuck.add(device)
        if device in self._devices:
            self._step(device, ("freeze",), lambda model: model.freeze(now))

    def thaw(self, device: str, now: float) -> None:
        """Let a stuck device go on, from where it stands to where it should be."""
        now = self._advance(now)
        self._stuck.discard(device)
        if device in self._devices:
            self._step(device, ("thaw",), lambda model: model.thaw(now))

    def _reading(self, device: str, model: DeviceModel, name: str, now: float) -> float:
        value = model.true_value(name, now)
        node = model.nodes[name]
        if node.behaviour.drift_per_s:
            value += node.behaviour.drift_per_s * (now - node.born)
        if node.behaviour.noise:
            # Drawn by time and not by turn, so that it does not depend on who else reads.
            draw = chance(self.seed, "noise", f"{device}/{name}", f"{now - node.born:.3f}")
            value += node.behaviour.noise * (2.0 * draw - 1.0)
        return float(math.floor(value)) if node.behaviour.whole else value

    def _advance(self, now: float) -> float:
        if now > self._now:
            self._now = now
            if self._steps:
                self._steps.clear()
                self._pinned.clear()
        return self._now

    def _step(
        self, device: str, deed: _Step, do: Callable[[DeviceModel], None], keep: object = None
    ) -> None:
        """Do something to a device: to its model if that is its alone, else to a copy.

        ``keep`` stays alive as long as the step is known.
        """
        before = self._devices.get(device)
        known = self._steps.get((before, *deed))
        if known is not None:
            after = known[0]
        elif before is not None and before.devices == 1 and before not in self._pinned:
            do(before)
            return
        else:
            after = DeviceModel() if before is None else before.copy()
            do(after)
            self._steps[(before, *deed)] = (after, keep)
            self._pinned.add(after)
            if before is not None:
                self._pinned.add(before)
        if before is not None:
            before.devices -= 1
        after.devices += 1
        self._devices[device] = after
