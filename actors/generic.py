"""A device without rules of its own: its points are what its template says."""

from __future__ import annotations

from jacquemart.runtime.actor import DeviceActor


class GenericDevice(DeviceActor):
    """Any device whose points are read and written as they are."""

    __slots__ = ()

    kind = "generic"
    open_points = True
