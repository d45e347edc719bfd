"""Traffic: signal controllers and the sensors that count vehicles."""

from __future__ import annotations

from jacquemart.actors.traffic.signal_controller import SignalController
from jacquemart.actors.traffic.traffic_sensor import TrafficSensor

__all__ = ["SignalController", "TrafficSensor"]
