"""A whole city in this process: every cell on a thread of its own, real sockets, no Ray.

For tests of kinds, drivers and clients. What it leaves out is what Ray does: processes,
placement on nodes, and the replacement of lost cells.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.city import load_city
from jacquemart.runtime.client import Client
from jacquemart.runtime.cluster.placement import place, replan
from jacquemart.runtime.model.city import CitySpec, GatewaySpec
from jacquemart.runtime.model.directory import (
    CellAddress,
    CellConfig,
    Directory,
    Placement,
    Role,
    ShardSpec,
)
from jacquemart.runtime.model.errors import JacquemartError, StartError, UsageError
from jacquemart.runtime.store.folder import absolute_state

_ROLES: tuple[Role, ...] = ("zone", "centre", "gateway")


class LocalCity:
    """``with LocalCity("city.toml") as city: city.client().set("lamp-1/setpoint", 80)``."""

    def __init__(
        self,
        city: CitySpec | str | Path,
        *,
        cells: int = 1,
        epoch: int = 1,
        state: str | Path = "",
    ) -> None:
        """Take a city file or a validated city. Ports are free ones, whatever the file says.

        ``state`` is the folder of its journals; empty: they are in memory.

        Raises:
            ConfigError: the city file is wrong.
        """
        spec = city if isinstance(city, CitySpec) else load_city(Path(city))
        gateway = replace(spec.gateway, port=0, stream_port=0)
        self.spec = replace(spec, gateway=gateway)
        self.api = ""
        self.hosts: dict[str, CellHost] = {}
        self.fenced: dict[str, int] = {}
        """Cells that were told that somebody else has their shards, and the epoch they need."""
        self.directory = Directory(0, {}, {}, {})
        self._clients: list[Client] = []
        self.placement = place(self.spec, cells, {})
        self._epoch = epoch
        self._state = absolute_state(state)
        self._ledgers: tempfile.TemporaryDirectory[str] | None = None

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
        cells = {
            config.name: self._start(config) for config in self._configs(self.placement).values()
        }
        self.api = cells["gateway-0"].commands
        self._publish(cells)
        self.wait_ready(timeout_s)
        return self

    def apply(self, city: CitySpec | str | Path, timeout_s: float = 30.0) -> None:
        """Change the running city to another one, without touching what does not change.

        Returns when the new links have been looked at.

        Raises:
            ConfigError: the city file is wrong; nothing was changed.
            UsageError: a setting differs that only a restart can change; likewise.
            JacquemartError: a cell cannot take it. The city is what it was, but devices that were
                to change may have been without a reading for a while.
            StartError: something new did not get ready in time; the city is the new one.
        """
        spec = city if isinstance(city, CitySpec) else load_city(Path(city))
        spec = replace(spec, gateway=self.spec.gateway)
        before = self.placement
        try:
            self._take(replan(before, spec, {}))
        except JacquemartError:
            if self.placement is not before:
                self._take(replan(self.placement, before.city, {}))
            raise
        self.wait_ready(timeout_s)

    def _take(self, placement: Placement) -> None:
        """Have all cells take a placement, in the order that leaves no gap."""
        configs = self._configs(placement)
        cells = dict(self.directory.cells)
        for name in _in_order(configs):
            host, config = self.hosts.get(name), configs[name]
            if host is None:
                cells[name] = self._start(config)
            else:
                host.change(replace(config, epoch=host.config.epoch))
            self.placement, self.spec = placement, placement.city
        gone = [name for name in self.hosts if name not in configs]
        self._publish({name: cell for name, cell in cells.items() if name not in gone})
        gateway = self.hosts["gateway-0"]
        gateway.change(replace(configs["gateway-0"], epoch=gateway.config.epoch))
        for name in gone:
            self.hosts.pop(name).stop(2.0)

    def _publish(self, cells: Mapping[str, CellAddress]) -> None:
        """Tell every cell where everything is now."""
        plans = self.placement.cells
        self.directory = Directory(
            self.directory.version + 1,
            cells,
            {shard.id: plan.name for plan in plans for shard in plan.shards},
            {zone.id: "zone-0" for zone in self.spec.zones},
        )
        for host in self.hosts.values():
            host.connect(self.directory)

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until every cell says that it is ready.

        Raises:
            StartError: not in time.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            waiting: dict[str, str] = {}
            for name, host in list(self.hosts.items()):
                found = host.progress()
                if found.get("least_epoch"):  # the journal knows of a higher one than its own
                    self.replace(name, least_epoch=found["least_epoch"])
                if not found["ready"]:
                    waiting[name] = found["detail"]
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
        for name in sorted(self.hosts, key=lambda name: name.startswith("gateway")):
            self.hosts[name].stop(2.0)
        self.hosts.clear()
        if self._ledgers is not None:
            self._ledgers.cleanup()
            self._ledgers = None

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

    def replace(self, name: str, *, least_epoch: int = 0) -> None:
        """End a cell and start its successor with a higher epoch; tell all others.

        Raises:
            UsageError: there is no such cell. StartError: the successor does not start.
        """
        lost = self._known(name)
        lost.stop(0.5)
        config = replace(lost.config, epoch=max(lost.config.epoch + 1, least_epoch))
        config = replace(config, inherits=self.directory.cells[name].ledger)
        if config.role == "gateway":  # its clients find the successor where it was
            config = replace(config, gateway=self._same_ports(config.gateway, name))
        cells = {**self.directory.cells, name: self._start(config)}
        self.directory = replace(self.directory, version=self.directory.version + 1, cells=cells)
        for other in self.hosts.values():
            other.connect(self.directory)

    def _same_ports(self, gateway: GatewaySpec, name: str) -> GatewaySpec:
        before = self.directory.cells[name]
        port, stream = (int(at.rpartition(":")[2]) for at in (before.commands, before.stream))
        return replace(gateway, port=port, stream_port=stream)

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

    def _configs(self, placement: Placement) -> dict[str, CellConfig]:
        """Return the configuration of each cell, device cells first."""
        city = placement.city
        shards = tuple(shard for plan in placement.cells for shard in plan.shards)

        def config(name: str, role: Role, shards: tuple[ShardSpec, ...]) -> CellConfig:
            return CellConfig(
                city.id, city.name, name, role, self._epoch, city.tick_ms, city.zones,
                city.templates, shards, city.gateway, state=self._state,
                warden_pid=os.getpid(),  # who replaces a cell here stops the old one first
            )  # fmt: skip

        found = [config(plan.name, "device", plan.shards) for plan in placement.cells]
        found += [config(f"{role}-0", role, shards) for role in _ROLES]
        return {one.name: one for one in found}

    def _start(self, config: CellConfig) -> CellAddress:
        if config.role == "device":
            config = replace(config, ledger=self._new_ledger(config))
        host = self.hosts[config.name] = CellHost(config)
        host.on_fenced = lambda why, least_epoch: self.fenced.update({config.name: least_epoch})
        return host.start()

    def _new_ledger(self, config: CellConfig) -> str:
        """Return a path for an incarnation's ledger, in a folder that goes with the city."""
        if self._ledgers is None:
            self._ledgers = tempfile.TemporaryDirectory(prefix="jacquemart-ledgers-")
        return f"{self._ledgers.name}/{config.name}-{config.epoch}"


def _in_order(configs: Mapping[str, CellConfig]) -> list[str]:
    """Return the cells in the order of a change; the gateway comes last, on its own."""
    first = [name for name, config in configs.items() if config.role in ("zone", "centre")]
    return first + [name for name, config in configs.items() if config.role == "device"]
