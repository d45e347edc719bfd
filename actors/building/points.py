"""The points of a building, by family: a template names the members that its building has."""

from __future__ import annotations

from typing import Final

from jacquemart.actors.building.intrusion import STATES
from jacquemart.runtime.actor.declare import Point

SLOW_MS: Final = 60_000
FAST_MS: Final = 5_000
ORDERS_MS: Final = 300_000
MASK: Final = 0xFFFF
"""Detectors left out are bits of one register: detector 101 is bit 0, 116 is bit 15."""

FIRE_WORDS: Final = ("absent", "quiet", "disablement", "fault", "alarm")
INTRUSION_WORDS: Final = ("absent", *STATES)


def _measure(name: str, about: str, unit: str, low: float, high: float) -> Point:
    return Point(name, about, "number", unit, low, high, required=False, poll_ms=SLOW_MS)


def _order(name: str, about: str, unit: str, low: float, high: float, near: float) -> Point:
    return Point(
        name, about, "number", unit, low, high, writable=True, required=False, tolerance=near,
        settle_ms=2_000, poll_ms=ORDERS_MS,
    )  # fmt: skip


def _switch(name: str, about: str, feedback: str) -> Point:
    return Point(
        name, about, "flag", writable=True, required=False, feedback=feedback, settle_ms=5_000,
        poll_ms=ORDERS_MS,
    )  # fmt: skip


def _mask(name: str, about: str, feedback: str = "") -> Point:
    return Point(
        name, about, "count", low=0, high=MASK, writable=bool(feedback), required=False,
        feedback=feedback, settle_ms=2_000, poll_ms=ORDERS_MS if feedback else FAST_MS,
        urgent=not feedback,
    )  # fmt: skip


def _signal(name: str, about: str, *, protected: bool = False) -> Point:
    return Point(
        name, about, "flag", required=False, poll_ms=FAST_MS, urgent=True, protected=protected
    )


HEATING: Final = (
    _order("heating_setpoint_*", "room temperature wanted", "°C", 5.0, 30.0, 0.05),
    _switch("heating_plant_*", "boiler or pump wanted on", "heating_running_*"),
    _signal("heating_running_*", "boiler or pump really runs"),
    _measure("heating_temperature_*", "temperature of a room", "°C", -30.0, 60.0),
    _measure("heating_outside_*", "temperature outside", "°C", -50.0, 60.0),
    _measure("heating_flow_*", "water that leaves the boiler", "°C", -20.0, 120.0),
    _measure("heating_return_*", "water that comes back", "°C", -20.0, 120.0),
    _measure("heating_pressure_*", "pressure of the water", "bar", 0.0, 16.0),
)
AIR: Final = (
    _order("air_setpoint_*", "flow of air wanted", "%", 0.0, 100.0, 0.5),
    _switch("air_plant_*", "fan wanted on", "air_running_*"),
    _signal("air_running_*", "fan really runs"),
    _measure("air_temperature_*", "temperature of the supplied air", "°C", -30.0, 60.0),
    _measure("air_flow_*", "flow of air", "%", 0.0, 100.0),
    _measure("air_co2_*", "carbon dioxide in a room", "ppm", 0.0, 10_000.0),
    _measure("air_humidity_*", "relative humidity of a room", "%", 0.0, 100.0),
)
METERS: Final = (
    _measure("meter_energy_*", "electricity used since the meter was made", "kWh", 0.0, 1e9),
    _measure("meter_heat_*", "heat used since the meter was made", "kWh", 0.0, 1e9),
    _measure("meter_gas_*", "gas used since the meter was made", "m3", 0.0, 1e9),
    _measure("meter_water_*", "water used since the meter was made", "m3", 0.0, 1e9),
    _measure("meter_power_*", "electric power now", "kW", -100_000.0, 100_000.0),
)
COUNTERS: Final = ("meter_energy_", "meter_heat_", "meter_gas_", "meter_water_")
"""Meters that only count up."""
DOORS: Final = (
    _signal("door_open_*", "door stands open"),
    _signal("door_forced_*", "door was forced, as its controller says"),
    _signal("door_locked_*", "bolt is thrown"),
    _switch("door_lock_*", "door to be locked", "door_locked_*"),
)
INTRUSION: Final = (
    Point(
        "intrusion_zone_*", "what an intrusion zone shows, as this runtime knows it", "enumeration",
        words=STATES, derived=True, required=False, urgent=True,
    ),
    Point(
        "intrusion_state_*", "what the panel shows for an intrusion zone", "enumeration",
        words=STATES, required=False, poll_ms=FAST_MS, urgent=True,
    ),
    Point(
        "intrusion_arm_*", "intrusion zone to be armed", "flag", writable=True, required=False,
        feedback="intrusion_set_*", settle_ms=3_000, poll_ms=ORDERS_MS,
    ),
    _signal("intrusion_set_*", "panel has taken the order to arm: from the exit time on"),
    _signal("intrusion_detector_*", "detector sees something; 101 is the first one of zone 1"),
    _signal("intrusion_tamper_*", "somebody tampers with an intrusion zone"),
    _signal("intrusion_fault_*", "panel says that an intrusion zone is faulty"),
    _mask("intrusion_inhibit_*", "detectors to be left out until disarmed, as bits",
          "intrusion_inhibited_*"),
    _mask("intrusion_inhibited_*", "detectors that the panel leaves out until disarmed"),
    _mask("intrusion_isolate_*", "detectors to be left out until restored, as bits",
          "intrusion_isolated_*"),
    _mask("intrusion_isolated_*", "detectors that the panel leaves out until restored"),
)  # fmt: skip
FIRE: Final = (
    _signal("fire_alarm_*", "fire in a fire zone", protected=True),
    _signal("fire_fault_*", "fire system is faulty", protected=True),
    _signal("fire_disablement_*", "part of the fire system is switched off", protected=True),
    Point("fire_*", "anything else of the fire system", required=False, poll_ms=FAST_MS,
          urgent=True, protected=True),
)  # fmt: skip
SUMMARY: Final = (
    Point("fire", "worst of the fire system", "enumeration", words=FIRE_WORDS, derived=True,
          urgent=True),
    Point("intrusion", "worst of all intrusion zones", "enumeration", words=INTRUSION_WORDS,
          derived=True, urgent=True),
    Point("doors_open", "doors that stand open", "count", low=0, derived=True, urgent=True),
)  # fmt: skip

POINTS: Final = (*HEATING, *AIR, *METERS, *DOORS, *INTRUSION, *FIRE, *SUMMARY)
