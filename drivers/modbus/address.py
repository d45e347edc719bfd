"""Where a point lives: unit, table and register, and how its bits become a number.

*Theory.* A Modbus unit has four tables of 65,536 places each: coils and holding registers can
be written, discrete inputs and input registers only read. A template's point says its place
once (``address``) and how far the next device's place is (``step``); a device's index on the
link does the rest. Addresses are those on the wire, from 0 (a manual's "40001" is 0).

*Rules.*

1. ``check_point`` finds what is wrong with a template; ``address_of`` what is wrong with one
   device. Neither does I/O.
2. Two addresses are equal if they are the same place; how it is decoded plays no part, so that
   equality finds devices that stand on each other's registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from jacquemart.drivers.modbus.checking import Wrong, is_int, is_number, unknown_keys, within
from jacquemart.drivers.modbus.codec import FORMATS, WORD_ORDERS, Encoding, encoding_of
from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import ConfigError

Table = Literal["coil", "discrete", "input", "holding"]

TABLES: tuple[Table, ...] = ("coil", "discrete", "input", "holding")
BIT_TABLES: tuple[Table, ...] = ("coil", "discrete")
WRITABLE_TABLES: tuple[Table, ...] = ("coil", "holding")
LAST_ADDRESS = 0xFFFF
LAST_UNIT = 255

#: Bounds of scale and offset: no integer format can leave the range of a float within them.
MAX_SCALE = 1e12
MAX_OFFSET = 1e15

_KEYS = (
    "table", "address", "step", "format", "word_order", "scale", "offset", "bit", "pulse",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RegisterAddress:
    """One place of one unit; hashable, and equal if it is the same place.

    Attributes:
        unit: 1 to 255.
        table: coil, discrete, input or holding.
        address: first place, 0 to 65535.
        count: places that the value takes (registers or bits).
        bit: bit of the register, 0 (lowest) to 15; -1: the whole.
        encoding: how the raw value becomes a number.
        pulse: a write is a pulse: it is sent alone, never as part of a block.
    """

    unit: int
    table: Table
    address: int
    count: int
    bit: int = -1
    encoding: Encoding = field(default=encoding_of("bool"), compare=False)
    pulse: bool = field(default=False, compare=False)

    @property
    def end(self) -> int:
        """Return the first place behind the value."""
        return self.address + self.count

    @property
    def text(self) -> str:
        """Return the form shown to people: ``unit 2, holding 40..41``."""
        place = describe(self.unit, self.table, self.address, self.count)
        return f"{place} bit {self.bit}" if self.bit >= 0 else place


def describe(unit: int, table: str, start: int, count: int) -> str:
    """Return a span of places as text: ``unit 2, holding 40..49``."""
    span = f"{start}..{start + count - 1}" if count > 1 else f"{start}"
    return f"unit {unit}, {table} {span}"


def check_point(point: PointSpec, address: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
    wrong = unknown_keys(address, _KEYS)
    table = address.get("table")
    bits = False
    if not isinstance(table, str) or table not in TABLES:
        wrong.append(("table", table, "one of " + ", ".join(TABLES)))
    else:
        bits = table in BIT_TABLES
        if point.writable and table not in WRITABLE_TABLES:
            wrong.append(("table", table, "coil or holding, since the point is writable"))
    within(wrong, address, "address", 0, LAST_ADDRESS, required=True)
    within(wrong, address, "step", -LAST_ADDRESS, LAST_ADDRESS)
    wrong.extend(_check_encoding(point, address, bits=bits))
    pulse = address.get("pulse", False)
    if not isinstance(pulse, bool):
        wrong.append(("pulse", pulse, "true or false"))
    elif pulse and not point.writable:
        wrong.append(("pulse", pulse, "false, since the point is not writable"))
    return wrong


def _check_encoding(point: PointSpec, address: Mapping[str, Any], *, bits: bool) -> list[Wrong]:
    wrong: list[Wrong] = []
    name = address.get("format", _default_format(address))
    known = isinstance(name, str) and name in FORMATS
    if not known or (bits and name != "bool"):
        wrong.append(("format", name, "bool" if bits else "one of " + ", ".join(FORMATS)))
    order = address.get("word_order", "ABCD")
    if not isinstance(order, str) or order not in WORD_ORDERS:
        wrong.append(("word_order", order, "one of " + ", ".join(WORD_ORDERS)))
    scale = address.get("scale", 1)
    if not is_number(scale) or not 1 / MAX_SCALE <= abs(scale) <= MAX_SCALE:
        wrong.append(("scale", scale, f"a number of size {1 / MAX_SCALE:g} to {MAX_SCALE:g}"))
    offset = address.get("offset", 0)
    if not is_number(offset) or abs(offset) > MAX_OFFSET:
        wrong.append(("offset", offset, f"a number from {-MAX_OFFSET:g} to {MAX_OFFSET:g}"))
    if name == "bool" or "bit" in address:
        for key, plain in (("scale", 1), ("offset", 0)):
            if address.get(key, plain) != plain:
                wrong.append((key, address[key], f"{plain}, or left out: a bit is 0 or 1"))
    if "bit" in address:
        wrong.extend(_check_bit(point, address["bit"], name, bits=bits))
    return wrong


def _check_bit(point: PointSpec, bit: Any, name: Any, *, bits: bool) -> list[Wrong]:
    wrong: list[Wrong] = []
    if bits:
        wrong.append(("bit", bit, "left out: a coil or discrete input is one bit already"))
    elif not is_int(bit) or not 0 <= bit <= 15:
        wrong.append(("bit", bit, "a whole number from 0 (lowest) to 15"))
    if point.writable:
        wrong.append(("bit", bit, "left out: a writable point is written as a whole register"))
    if name not in ("bool", "u16"):
        wrong.append(("format", name, "bool or u16, since one bit of a register is read"))
    return wrong


def _default_format(address: Mapping[str, Any]) -> str:
    return "bool" if address.get("table") in BIT_TABLES or "bit" in address else "u16"


#: Addresses already made, shared by all devices of one template, index and unit: a city has
#: hundreds of cabinets with the same registers. The point is kept so that its id stays its own.
_MADE: dict[tuple[int, int, int], tuple[PointSpec, RegisterAddress]] = {}
_MOST_MADE = 200_000


def address_of(point: PointSpec, device: DeviceSpec) -> RegisterAddress:
    """Return the place of one device's point; the template must have passed ``check_point``.

    Equal places of one template are one object.

    Raises:
        ConfigError: the unit is not 1 to 255, or index * step leads out of the table: the
            operator's fault; a retry cannot help.
    """
    key = (id(point), device.index, device.unit_id)
    made = _MADE.get(key)
    if made is None:
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        made = _MADE[key] = (point, _make(point, device))
    return made[1]


def _make(point: PointSpec, device: DeviceSpec) -> RegisterAddress:
    address = point.address
    if not is_int(device.unit_id) or not 1 <= device.unit_id <= LAST_UNIT:
        raise ConfigError(
            f"unit is {device.unit_id!r}, allowed is 1 to {LAST_UNIT} (0 would be a broadcast)",
            where=f"{device.id}/{point.name}",
        )
    table = cast(Table, address["table"])
    name = str(address.get("format", _default_format(address)))
    count = 1 if table in BIT_TABLES else FORMATS[name].registers
    start = int(address["address"]) + device.index * int(address.get("step", 0))
    if not 0 <= start <= LAST_ADDRESS + 1 - count:
        raise ConfigError(
            f"{table} address is {start} (index {device.index} times step"
            f" {address.get('step', 0)}), allowed is 0 to {LAST_ADDRESS + 1 - count} for {name}",
            where=f"{device.id}/{point.name}",
        )
    return RegisterAddress(
        unit=device.unit_id,
        table=table,
        address=start,
        count=count,
        bit=int(address.get("bit", -1)),
        encoding=encoding_of(
            name,
            str(address.get("word_order", "ABCD")),
            float(address.get("scale", 1)),
            float(address.get("offset", 0)),
        ),
        pulse=point.pulse or bool(address.get("pulse", False)),
    )
