"""What drivers of made fields share: a point's address is its name, and everything is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.field import BoundPoint


class NamedPoints:
    """The part of a driver that has nothing to check and nothing to put together."""

    blocking: ClassVar[bool] = False

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Allow everything."""
        return ()

    @classmethod
    def check_point(
        cls, point: PointSpec, address: Mapping[str, Any]
    ) -> Sequence[tuple[str, Any, str]]:
        """Allow everything."""
        return ()

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        """Return a point's name: it is its address."""
        return point.name

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[BoundPoint]:
        """Return the points as they are."""
        return list(points)

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Keep nothing."""
