"""What the link shell and a driver say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.quality import Quality


@dataclass(frozen=True, slots=True)
class Bad:
    """A value that could not be read, in the place of a number."""

    quality: Quality
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class BoundPoint:
    """A point of one device, bound to its slot in the shard's table and its address."""

    slot: int
    device: DeviceSpec
    spec: PointSpec
    address: Any

    @property
    def id(self) -> str:
        """Return ``device/point``."""
        return f"{self.device.id}/{self.spec.name}"
