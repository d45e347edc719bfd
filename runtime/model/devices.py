"""Devices as columns, for cells that only look them up: a tenth of what records take.

A device cell has a record and an actor for each device. A zone cell needs ids and templates for
its tables and shows the rest seldom; a gateway or centre needs the ids and no more. Ten times a
city is hundreds of thousands of devices in each of these cells.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, overload

from jacquemart.native.prototype import Prototype
from jacquemart.runtime.model.city import NO_PARAMETERS, DeviceSpec
from jacquemart.runtime.model.columns import Texts, Words, whole_numbers

T = TypeVar("T")
NAN = math.nan
#: Frozen slots of plain values, which nothing but the class's own ``__init__`` fills.
_RECORDS = Prototype(DeviceSpec("", "", "", ""), [field.name for field in fields(DeviceSpec)])


class _Same(Sequence[T]):
    """One value, so many times."""

    __slots__ = ("_count", "_value")

    def __init__(self, value: T, count: int) -> None:
        self._value = value
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        found = range(self._count)[index]
        return [self._value] * len(found) if isinstance(found, range) else self._value


class DeviceColumns(Sequence[DeviceSpec]):
    """An immutable sequence of devices. Each look makes a new record, equal to the one given.

    Attributes:
        ids: their ids, in order.
        templates: the names of their templates.
        links: the ids of their links.
    """

    __slots__ = (
        "_feeders", "_indices", "_lats", "_lons", "_names", "_parameters", "_units", "_zones",
        "ids", "links", "templates",
    )  # fmt: skip

    def __init__(self, devices: Iterable[DeviceSpec] = ()) -> None:
        """Take the devices over."""
        given = devices if isinstance(devices, Sequence) else list(devices)
        self.ids: Sequence[str] = Texts(one.id for one in given)
        self.templates: Sequence[str] = Words(one.template for one in given)
        self.links: Sequence[str] = Words(one.link for one in given)
        self._zones: Sequence[str] = Words(one.zone for one in given)
        self._names: Sequence[str] = Texts(one.name for one in given)
        self._feeders: Sequence[str] = Words(one.fed_by for one in given)
        self._indices = whole_numbers(one.index for one in given)
        self._units = whole_numbers(one.unit_id for one in given)
        self._lats: Sequence[float] = array("d", [_degrees(one.lat) for one in given])
        self._lons: Sequence[float] = array("d", [_degrees(one.lon) for one in given])
        self._parameters: Mapping[int, Mapping[str, Any]] = {
            at: one.parameters for at, one in enumerate(given) if one.parameters
        }

    def lean(self) -> DeviceColumns:
        """Return the devices with ids, templates and zones alone: what a gateway needs of them."""
        lean = DeviceColumns()
        nothing, zero, nowhere = _Same("", len(self)), _Same(0, len(self)), _Same(NAN, len(self))
        lean.ids, lean.templates, lean._zones = self.ids, self.templates, self._zones
        lean.links = lean._names = lean._feeders = nothing
        lean._indices = lean._units = zero
        lean._lats = lean._lons = nowhere
        return lean

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> DeviceSpec: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[DeviceSpec, ...]: ...
    def __getitem__(self, index: int | slice) -> DeviceSpec | tuple[DeviceSpec, ...]:
        """Return one device, or some."""
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        at = range(len(self))[index]
        return DeviceSpec(
            self.ids[at], self.templates[at], self._zones[at], self.links[at], self._names[at],
            self._indices[at], self._units[at], self._feeders[at], _place(self._lats[at]),
            _place(self._lons[at]), self._parameters.get(at, NO_PARAMETERS),
        )  # fmt: skip

    def __iter__(self) -> Iterator[DeviceSpec]:
        parameters: list[Mapping[str, Any]] = [NO_PARAMETERS] * len(self)
        for at, own in self._parameters.items():
            parameters[at] = own
        lats, lons = ([_place(one) for one in column] for column in (self._lats, self._lons))
        return iter(
            records_of(
                self.ids, self.templates, self._zones, self.links, self._names, self._indices,
                self._units, self._feeders, lats, lons, parameters,
            )
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Compare as a tuple of the devices would."""
        if isinstance(other, (DeviceColumns, tuple)):
            return tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.ids))


def records_of(*columns: Iterable[Any]) -> list[DeviceSpec]:
    """Return a record for each row of columns, one for each field of ``DeviceSpec`` in its order.

    A tenth of what the class takes to make them.

    Raises:
        ValueError: not one column a field, or one of another length.
    """
    return _RECORDS.make(*columns)


def ids_of(devices: Sequence[DeviceSpec]) -> Iterable[str]:
    """Return the ids of devices, without making records of columns."""
    return devices.ids if isinstance(devices, DeviceColumns) else [one.id for one in devices]


def templates_of(devices: Sequence[DeviceSpec]) -> Iterable[str]:
    """Return the names of devices' templates, without making records of columns."""
    if isinstance(devices, DeviceColumns):
        return devices.templates
    return [one.template for one in devices]


def _degrees(place: float | None) -> float:
    return NAN if place is None else place


def _place(degrees: float) -> float | None:
    return None if degrees != degrees else degrees  # NaN
