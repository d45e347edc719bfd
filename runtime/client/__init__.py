"""The Python client of the public API, synchronous and asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jacquemart.runtime.client.client import Client

if TYPE_CHECKING:
    from jacquemart.runtime.client.async_client import AsyncClient
    from jacquemart.runtime.client.updates import RollupUpdate, Update

__all__ = ["AsyncClient", "Client", "RollupUpdate", "Update"]

#: Loaded when first asked for: a command that asks one question needs no asyncio.
_LATE = {
    "AsyncClient": "jacquemart.runtime.client.async_client",
    "RollupUpdate": "jacquemart.runtime.client.updates",
    "Update": "jacquemart.runtime.client.updates",
}


def __getattr__(name: str) -> Any:
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)
