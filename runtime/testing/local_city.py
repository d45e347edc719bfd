"""A whole city in this process: every cell on a thread of its own, real sockets, no Ray.

For tests of kinds, drivers and clients. What it leaves out is what Ray does: processes,
placement on nodes, and the replacement of lost cells.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.city import load_city
from jacquemart.runtime.client import Client
from jacquemart.runtime.cluster.placement import place
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory, Role, ShardSpec
from jacquemart.runtime.model.errors import StartError, UsageError


class LocalCity:
    """``with LocalCity("city.toml") as city: city.client().set("lamp-1/setpoint", 80)``."""

    def __init__(self, city: CitySpec | str | Path, *, cells: int = 1, epoch: int = 1) -> None:
        """Take a city file or a validated city. Ports are free ones, whatever the file says.

        Raises:
            ConfigError: the city file is wrong.
        """
        spec = city if isinstance(city, CitySpec) else load_city(Path(city))
        gateway = replace(spec.gateway, port=0, stream_port=0)
        self.spec = replace(spec, gateway=gateway)
        self.api = ""
        self.hosts: dict[str, CellHost] = {}
        self.directory = Directory(0, {}, {}, {})
        self._clients: list[Client] = []
        self._plans = place(self.spec, cells, {}).cells
        self._epoch = epoch

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = 30.0) -> Self:
        """Start all cells and wait until they are ready.

        Raises:
            StartError: a cell did not get ready in time.
        """
        shards = tuple(shard for plan in self._plans for shard in plan.shards)
        addresses: dict[str, CellAddress] = {}
        for plan in self._plans:
            addresses[plan.name] = self._host(plan.name, "device", plan.shards)
        addresses["zone-0"] = self._host("zone-0", "zone", shards)
        addresses["centre-0"] = self._host("centre-0", "centre", shards)
        addresses["gateway-0"] = self._host("gateway-0", "gateway", shards)
        self.directory = Directory(
            1,
            addresses,
            {shard.id: plan.name for plan in self._plans for shard in plan.shards},
            {zone.id: "zone-0" for zone in self.spec.zones},
        )
        self.api = addresses["gateway-0"].commands
        for host in self.hosts.values():
            host.connect(self.directory)
        self.wait_ready(timeout_s)
        return self

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until every cell says that it is ready.

        Raises:
            StartError: not in time.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            waiting = {
                name: found["detail"]
                for name, host in self.hosts.items()
                if not (found := host.progress())["ready"]
            }
            if not waiting:
                return
            if time.monotonic() > give_up:
                raise StartError(f"not ready after {timeout_s:g} s: {waiting}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop all cells; idempotent."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        for name in sorted(self.hosts, key=lambda name: not name.startswith("gateway")):
            self.hosts[name].stop(2.0)
        self.hosts.clear()

    # Faults ----------------------------------------------------------------------------------

    def lose(self, name: str) -> None:
        """End one cell, as if its process had died; nobody is told, and nothing replaces it.

        Raises:
            UsageError: there is no such cell; ``hosts`` has those there are.
        """
        self._known(name).stop(0.5)

    def freeze(self, name: str, seconds: float) -> None:
        """Hold a cell's loop up for a while: its sockets stay open, and nothing is answered.

        Raises:
            UsageError: there is no such cell.
        """
        self._known(name).hold(seconds)

    def replace(self, name: str) -> None:
        """End a cell and start its successor with a higher epoch; tell all others.

        Raises:
            UsageError: there is no such cell. StartError: the successor does not start.
        """
        lost = self._known(name)
        lost.stop(0.5)
        config = replace(lost.config, epoch=lost.config.epoch + 1)
        host = self.hosts[name] = CellHost(config)
        cells = {**self.directory.cells, name: host.start()}
        self.directory = replace(self.directory, version=self.directory.version + 1, cells=cells)
        for other in self.hosts.values():
            other.connect(self.directory)

    def _known(self, name: str) -> CellHost:
        host = self.hosts.get(name)
        if host is None:
            raise UsageError(f"no cell {name!r}", advice=f"there are {', '.join(self.hosts)}")
        return host

    def client(self, **options: Any) -> Client:
        """Return a client of this city; it is closed with the city."""
        client = Client(self.api, **options)
        self._clients.append(client)
        return client

    def _host(self, name: str, role: Role, shards: tuple[ShardSpec, ...]) -> CellAddress:
        spec = self.spec
        config = CellConfig(
            spec.id, spec.name, name, role, self._epoch, spec.tick_ms, spec.zones,
            spec.templates, shards, spec.gateway,
        )  # fmt: skip
        host = self.hosts[name] = CellHost(config)
        return host.start()
