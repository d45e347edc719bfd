"""Buildings: heating, air, meters, doors, intrusion, and fire read-only."""

from __future__ import annotations

from jacquemart.actors.building.building import Building

__all__ = ["Building"]
