"""Ray as control plane: where cells live, who starts and replaces them, and how they end.

The only package that imports Ray, and only inside the warden, the cells and Ray tasks: a program
that starts a city with ``City`` never loads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.city import City
    from jacquemart.runtime.cluster.handle import DeviceHandle, device

__all__ = ["City", "DeviceHandle", "device"]

#: Loaded when first asked for: a command that only looks up a running city needs none of them.
_LATE = {
    "City": "jacquemart.runtime.cluster.city",
    "DeviceHandle": "jacquemart.runtime.cluster.handle",
    "device": "jacquemart.runtime.cluster.handle",
}


def __getattr__(name: str) -> Any:
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)
