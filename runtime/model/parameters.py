"""Points whose addresses depend on what a device has of its own.

A template's address may have texts such as ``"{base} + 3"``; the parameters stand in
``DeviceSpec.parameters``. ``resolved`` puts them in, and gives every other point back as it is:
most devices have no parameters, and pay one look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.expressions import Expression, expression

#: Resolved points that are kept, so that devices with the same parameters share one. Each keeps
#: what it was made of, so that no other object can get the ids of its key.
_MADE: dict[tuple[int, int], tuple[PointSpec, Mapping[str, Any], PointSpec]] = {}
_MOST_MADE = 65_536


def resolved(point: PointSpec, device: DeviceSpec) -> PointSpec:
    """Return the point as this device has it: the same object where no parameter is in it.

    Raises:
        ConfigError: a parameter is missing or its text cannot be computed. The loader has found
            that out before; the operator's fault.
    """
    parameters = device.parameters
    if not parameters:
        return point
    key = (id(point), id(parameters))
    made = _MADE.get(key)
    if made is None:
        address = _filled(point.address, parameters)
        made = (point, parameters, point)
        if address is not point.address:
            made = (point, parameters, replace(point, address=address))
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        _MADE[key] = made
    return made[2]


def filled(options: Mapping[str, Any], parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return options with the parameters put in; the same object where none is in them.

    Raises:
        ConfigError: as ``resolved``.
    """
    found: Mapping[str, Any] = _filled(options, parameters)
    return found


def expressions(value: Any) -> Iterator[Expression]:
    """Yield the texts with parameters in a value of an address, however deep."""
    if isinstance(value, str):
        found = expression(value) if "{" in value else None
        if found is not None:
            yield found
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from expressions(item)


def _filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        found = expression(value) if "{" in value else None
        return value if found is None else found.value(parameters)
    if isinstance(value, Mapping):
        made = {key: _filled(item, parameters) for key, item in value.items()}
        same = all(made[key] is item for key, item in value.items())
        return value if same else made
    if isinstance(value, list | tuple):
        items = [_filled(item, parameters) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value
