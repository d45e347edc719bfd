"""Jacquemart: a real-time control runtime for cities.

>>> import jacquemart
>>> with jacquemart.City("city.toml") as city, city.client() as client:  # doctest: +SKIP
...     client.set("lamp-1/setpoint", 80)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading

if TYPE_CHECKING:
    from jacquemart.runtime.city import load_city
    from jacquemart.runtime.client import AsyncClient, Client
    from jacquemart.runtime.cluster import City, device

__all__ = [
    "AsyncClient",
    "BulkOutcome",
    "City",
    "Client",
    "Event",
    "JacquemartError",
    "Outcome",
    "Quality",
    "Reading",
    "Status",
    "device",
    "load_city",
]

__version__ = "0.1.0"

#: Loaded when first asked for: a driver author needs no Ray, a client no city loader.
_LATE = {
    "AsyncClient": "jacquemart.runtime.client",
    "City": "jacquemart.runtime.cluster",
    "Client": "jacquemart.runtime.client",
    "device": "jacquemart.runtime.cluster",
    "load_city": "jacquemart.runtime.city",
}


def __getattr__(name: str) -> Any:
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module 'jacquemart' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)
