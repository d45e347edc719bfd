"""Vehicles: buses and the municipality's own."""

from __future__ import annotations

from jacquemart.actors.fleet.bus import Bus
from jacquemart.actors.fleet.service_vehicle import ServiceVehicle

__all__ = ["Bus", "ServiceVehicle"]
