"""The Python client of the public API, synchronous and asyncio."""

from __future__ import annotations

from jacquemart.runtime.client.async_client import AsyncClient
from jacquemart.runtime.client.client import Client
from jacquemart.runtime.client.updates import RollupUpdate, Update

__all__ = ["AsyncClient", "Client", "RollupUpdate", "Update"]
