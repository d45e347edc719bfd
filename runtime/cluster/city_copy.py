"""A loaded city as bytes and back, exactly: for a warden that takes over from itself, and for the
process that reads a changed city file for it.

Only the records named here can come out; nothing in the bytes is executed. Fields are only added
at the end of a record, with defaults: a version that does not know one leaves it out.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.model.city import (
    NO_PARAMETERS,
    CitySpec,
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)

_TUPLE = 1
#: A tuple of devices, of which there are hundreds of thousands: rows, and no record each.
_DEVICES = 100
_RECORDS = dict(
    enumerate(
        (CitySpec, DeviceSpec, GatewaySpec, LinkSpec, PointSpec, TemplateSpec, ZoneSpec),
        start=_TUPLE + 1,
    )
)
_CODES = {kind: code for code, kind in _RECORDS.items()}
_NAMES = {kind: tuple(one.name for one in fields(kind)) for kind in _CODES}
_PARAMETERS = _NAMES[DeviceSpec].index("parameters")
_row = operator.attrgetter(*_NAMES[DeviceSpec])


def pack(city: CitySpec) -> bytes:
    """Return a city as bytes.

    Raises:
        TypeError: a driver's options hold something that no city file can say.
    """
    return _pack(city)


def unpack(content: bytes) -> CitySpec:
    """Return the city that was packed.

    Raises:
        ValueError: the bytes are not what ``pack`` made.
    """
    try:
        city = _unpack(content)
    except (msgpack.UnpackException, ValueError, TypeError, LookupError) as error:
        raise ValueError(f"no packed city: {error}") from error
    if not isinstance(city, CitySpec):
        raise ValueError("no packed city")
    return city


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=_encode, strict_types=True, datetime=True)
    return packed


def _encode(value: Any) -> Any:
    code = _CODES.get(type(value))
    if code is not None:
        row = [getattr(value, name) for name in _NAMES[type(value)]]
        return msgpack.ExtType(code, _pack(row))
    if isinstance(value, tuple) and value and all(type(one) is DeviceSpec for one in value):
        return msgpack.ExtType(_DEVICES, _pack([list(_row(device)) for device in value]))
    if isinstance(value, tuple):
        return msgpack.ExtType(_TUPLE, _pack(list(value)))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"cannot keep a {type(value).__name__}")


def _unpack(content: bytes) -> Any:
    return msgpack.unpackb(content, ext_hook=_decode, strict_map_key=False, timestamp=3)


def _decode(code: int, content: bytes) -> Any:
    row = _unpack(content)
    if code == _TUPLE:
        return tuple(row)
    if code == _DEVICES:
        return tuple(_device(one) for one in row)
    kind = _RECORDS[code]
    return _device(row) if kind is DeviceSpec else kind(*row[: len(_NAMES[kind])])


def _device(row: list[Any]) -> DeviceSpec:
    if not row[_PARAMETERS]:
        row[_PARAMETERS] = NO_PARAMETERS  # one for all that have none
    return DeviceSpec(*row[: len(_NAMES[DeviceSpec])])
