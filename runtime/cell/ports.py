"""What the runtime asks of a driver, as a protocol: the layers below know no driver class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import DriverError
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.last_look import LastLook


class DriverPort(Protocol):
    """One driver object for one link; ``drivers.contract.Driver`` is its author's face."""

    blocking: bool
    last_look: LastLook

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        """Return the driver's form of a point's address."""
        ...

    def plan(self, points: Sequence[BoundPoint]) -> Any:
        """Prepare a read."""
        ...

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Take note of all points that the link has from now on."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def read(self, plan: Any) -> Sequence[float | Bad]:
        """Read the points of a plan."""
        ...

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write values."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
