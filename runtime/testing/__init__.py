"""Testing, as a product: a whole city in one process, and virtual time."""

from __future__ import annotations

from jacquemart.runtime.testing.local_city import LocalCity
from jacquemart.runtime.testing.virtual_time import VirtualClock, VirtualTimeLoop

__all__ = ["LocalCity", "VirtualClock", "VirtualTimeLoop"]
