"""Points, drivers and values for Modbus tests, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.drivers.modbus.address import RegisterAddress
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.field import Bad, BoundPoint


def nothing(*_: object) -> None:
    """Publish nowhere."""


def point(name: str = "level", *, writable: bool = True, **address: Any) -> PointSpec:
    """Return a point spec; its address must be a good one."""
    spec = PointSpec(name, writable=writable, address=address)
    assert ModbusDriver.check_point(spec, address) == []
    return spec


def bound(spec: PointSpec, *, unit: int = 1, index: int = 0) -> BoundPoint:
    """Return the point of the device ``dev-<unit>-<index>``."""
    device = DeviceSpec(
        f"dev-{unit}-{index}", "template", "zone", "link", index=index, unit_id=unit
    )
    return BoundPoint(index, device, spec, ModbusDriver.address_of(spec, device))


def address(table: str, start: int, *, unit: int = 1, **more: Any) -> RegisterAddress:
    """Return one address."""
    writable = table in ("coil", "holding") and "bit" not in more
    found = bound(point(writable=writable, table=table, address=start, **more), unit=unit).address
    assert isinstance(found, RegisterAddress)
    return found


def levels(
    count: int, *, table: str = "holding", start: int = 0, unit: int = 1, step: int = 1
) -> list[BoundPoint]:
    """Return the same point of several devices in a row."""
    writable = table in ("coil", "holding")
    spec = point(writable=writable, table=table, address=start, step=step)
    return [bound(spec, unit=unit, index=index) for index in range(count)]


def driver(port: int, link: str = "cab-7", **options: Any) -> ModbusDriver:
    """Return a driver for a server on this machine, with a short time-out."""
    chosen = {"host": "127.0.0.1", "port": port, "timeout_ms": 150, **options}
    assert ModbusDriver.check_link(chosen) == []
    return ModbusDriver(LinkSpec(link, "modbus", "zone", chosen), nothing)


def numbers(values: Sequence[float | Bad]) -> list[float]:
    """Return values none of which may be bad."""
    bad = [value for value in values if isinstance(value, Bad)]
    assert not bad, bad
    return [float(value) for value in values if not isinstance(value, Bad)]
