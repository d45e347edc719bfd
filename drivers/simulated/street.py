"""The whole model of a simulated field: what stands in it, and what drives through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.model import FieldModel
from jacquemart.drivers.simulated.traffic import Traffic
from jacquemart.runtime.model.errors import ConfigError


class StreetModel(FieldModel):
    """A :class:`FieldModel` some of whose points drive. As pure as that."""

    def __init__(self, seed: int = 0, driving: Mapping[str, float] | None = None) -> None:
        """Make an empty field; ``driving`` is the link's option of that name."""
        super().__init__(seed)
        self._traffic = Traffic(seed, driving)
        self._begun = 0.0

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        yield from self._traffic

    def devices(self) -> list[str]:
        """Return the devices that have points here, vehicles last."""
        return list(dict.fromkeys((*super().devices(), *self._traffic.devices())))

    def has_device(self, device: str) -> bool:
        """Return whether a device has points here."""
        return super().has_device(device) or device in self._traffic.devices()

    def knows(self, device: str, name: str) -> bool:
        """Return whether a point was declared."""
        return f"{device}/{name}" in self._traffic or super().knows(device, name)

    def declare(self, device: str, name: str, behaviour: Behaviour, now: float) -> None:
        """Add a point; a second time changes nothing.

        Raises:
            ConfigError: it follows a point that drives, which has no course that could be
                followed; or as FieldModel has it. The operator's fault.
        """
        if not len(self._traffic):
            self._begun = self._advance(now)
        point = f"{device}/{name}"
        followed = f"{device}/{behaviour.follows}"
        if (behaviour.course and self.is_followed(device, name)) or followed in self._traffic:
            where = point if behaviour.course else followed
            raise ConfigError("a point follows this one, which drives", where=where)
        if behaviour.course is None:
            super().declare(device, name, behaviour, now)
        elif point not in self._traffic:
            self._traffic.declare(device, name, behaviour.course)

    def declare_all(
        self, device: str, points: tuple[tuple[str, Behaviour], ...], now: float
    ) -> None:
        """Add points of a device: those that drive, and the others as FieldModel has it."""
        if len(self._traffic) or any(how.course is not None for _, how in points):
            for name, behaviour in points:
                self.declare(device, name, behaviour, now)
        else:
            super().declare_all(device, points, now)

    def declare_many(
        self, devices: Sequence[str], points: tuple[tuple[str, Behaviour], ...], now: float
    ) -> None:
        """Add points to each device, as ``declare_all`` does to one."""
        if len(self._traffic) or any(how.course is not None for _, how in points):
            for device in devices:
                self.declare_all(device, points, now)
        else:
            super().declare_many(devices, points, now)

    def follows_another(self, point: str) -> bool:
        """Return whether a point's value cannot be set from outside."""
        return point in self._traffic or super().follows_another(point)

    def true_value(self, point: str, now: float) -> float:
        """Return what the point really holds."""
        if point in self._traffic:
            return self._traffic.value(point, self._advance(now) - self._begun)
        return super().true_value(point, now)

    def reading(self, point: str, now: float) -> float:
        """Return what a reading shows."""
        if point in self._traffic:
            return self._traffic.reading(point, self._advance(now) - self._begun)
        return super().reading(point, now)

    def readings(
        self, devices: Sequence[str], names: Sequence[Sequence[str]], now: float
    ) -> list[float]:
        """Return what readings of devices show: of each device the points named beside it."""
        if not len(self._traffic):
            return super().readings(devices, names, now)
        return [
            self.reading(f"{device}/{name}", now)
            for device, wanted in zip(devices, names, strict=True)
            for name in wanted
        ]

    def freeze(self, device: str, now: float) -> None:
        """Make a device stuck: nothing of it moves any more."""
        self._traffic.freeze(device, self._advance(now) - self._begun if self._traffic else 0.0)
        super().freeze(device, now)

    def thaw(self, device: str, now: float) -> None:
        """Let a stuck device go on."""
        self._traffic.thaw(device)
        super().thaw(device, now)
