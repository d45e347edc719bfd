"""A whole city in one process, in virtual time: the real cells on a simulated machine."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from jacquemart.runtime.cell.assembly import Parts, find_parts
from jacquemart.runtime.city import load_city
from jacquemart.runtime.cluster.placement import place
from jacquemart.runtime.model.city import CitySpec, GatewaySpec
from jacquemart.runtime.model.directory import (
    CellAddress,
    CellConfig,
    Directory,
    Role,
    ShardSpec,
)
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.testing.simulation.cell import SimulatedCell
from jacquemart.runtime.testing.simulation.client import SimulatedClient
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk
from jacquemart.runtime.testing.simulation.driver import FieldDriver
from jacquemart.runtime.testing.simulation.field import SimulatedField
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.network import Network
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.reality import REALITY
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.testing.simulation.sockets import SimulatedContext
from jacquemart.runtime.testing.simulation.warden import SimulatedWarden

T = TypeVar("T")
API = "tcp://127.0.0.1:4747"
_ROLES: tuple[Role, ...] = ("zone", "centre", "gateway")


class SimulatedCity:
    """``SimulatedCity("city.toml", seed=7).run(story)``; a story is ``async def story(city)``.

    Everything in a story happens in virtual time and, for a seed, in one and the same order.
    """

    def __init__(
        self,
        city: CitySpec | str | Path,
        seed: int = 0,
        *,
        cells: int = 2,
        kinds: Mapping[str, type[Any]] | None = None,
        drivers: Mapping[str, type[Any]] | None = None,
        supervisors: Mapping[str, type[Any]] | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        """Take a city file or a validated city.

        Args:
            city: the city; its links lead to the simulated field, whatever their driver.
            seed: decides everything that the story does not.
            cells: device cells.
            kinds: classes by kind; those that are missing are found as a real city finds them.
            drivers: classes by name, for drivers that take their time from the loop and touch no
                socket, file or thread.
            hosts: addresses of cells that are on other hosts (``{"device-2": "10.0.0.2"}``).
            supervisors: ``zone`` and ``centre``; None: those that are installed.

        Raises:
            ConfigError: the city file is wrong.
        """
        spec = city if isinstance(city, CitySpec) else load_city(Path(city))
        self.spec = replace(spec, gateway=GatewaySpec())
        self.seed = seed
        self.scheduler = Scheduler(seed)
        self.history = History()
        self.network = Network(self.scheduler)
        self.disk = SimulatedDisk(self.scheduler)
        self.field = SimulatedField(self.scheduler)
        self.warden = SimulatedWarden(self.scheduler, self.history, self._make, self._directory)
        self.clients: list[SimulatedClient] = []
        self.left_over: list[str] = []
        """What was still there when everything had stopped."""
        self._placement = place(self.spec, cells, {})
        self._kinds = kinds or {}
        self._drivers = drivers or {}
        self._supervisors = supervisors or {}
        self._hosts = hosts or {}
        self._folder = ""
        self._story = SimulatedProcess(self.scheduler, "story")

    # Running -------------------------------------------------------------------------------

    def run(self, story: Callable[[SimulatedCity], Coroutine[Any, Any, T]]) -> T:
        """Start the city, run the story to its end, and stop the city.

        Raises:
            Stalled: the story waits for something that cannot happen any more.
            StartError: the city does not get ready.
            Exception: what the story raised.
        """
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="simulation-", dir=_MEMORY)
            self._folder = stack.enter_context(folder)
            stack.enter_context(_quiet())
            stack.enter_context(_collected_once())
            self.scheduler.open_journal = self.disk.open
            stack.enter_context(REALITY)
            stack.callback(self._bury)
            FieldDriver.field = self.field
            work = self._story.inside(lambda: self._story.loop.create_task(self._run(story)))
            self.scheduler.run(work.done)
            result: T = work.result()
            return result

    async def _run(self, story: Callable[[SimulatedCity], Coroutine[Any, Any, T]]) -> T:
        self.warden.start(self._configs())
        await self.wait_ready()
        try:
            return await story(self)
        finally:
            await self.stop()

    async def wait_ready(self, within_s: float = 30.0) -> None:
        """Wait until every cell is ready.

        Raises:
            StartError: not in time.
        """
        until = self.scheduler.now_ns + int(within_s * 1e9)
        while waiting := {
            name: found["detail"]
            for name, cell in self.warden.cells.items()
            if not (found := cell.progress())["ready"]
        }:
            if self.scheduler.now_ns > until:
                raise StartError(f"not ready after {within_s:g} s: {waiting}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop clients and cells in order; what is left over is in ``left_over``."""
        self.warden.watching = False
        for client in self.clients:
            client.close()
        for name in sorted(self.warden.cells, key=lambda name: not name.startswith("gateway")):
            cell = self.warden.cells[name]
            cell.process.resume()
            self.left_over += await cell.stop()

    def digest(self) -> str:
        """Return the hash of everything that has happened."""
        return self.history.digest(
            self.field.log, self.scheduler.now_ns, self.scheduler.turns, self.network.messages,
            self.network.trace, self.disk.flushes,
        )  # fmt: skip

    # Parts -----------------------------------------------------------------------------------

    def client(self, name: str = "") -> SimulatedClient:
        """Return a new client, in a process of its own; its name is its principal."""
        process = SimulatedProcess(self.scheduler, name or f"client-{len(self.clients) + 1}")
        context = SimulatedContext(self.network, process)
        self.network.outside.add(process.name)
        made = SimulatedClient(process, context, API, self.history)
        self.clients.append(made)
        return made

    @property
    def has_other_hosts(self) -> bool:
        """Whether some cells are on other hosts, where nobody can read their ledgers."""
        return bool(self._hosts)

    def cell(self, name: str) -> SimulatedCell:
        """Return the incarnation of a cell that is there now."""
        return self.warden.cells[name]

    def note_fault(self, who: str, *what: Any) -> None:
        """Write into the history that something was broken or mended."""
        self.history.note(self.scheduler.now_ns, "fault", who, *what)

    def kill(self, name: str) -> None:
        """Kill a cell's process; the warden will replace it."""
        self.note_fault(name, "kill")
        self.cell(name).process.kill()

    def freeze(self, name: str, seconds: float) -> None:
        """Freeze a cell's process for a while; if it takes too long, the warden replaces it."""
        process = self.cell(name).process
        self.note_fault(name, "freeze", seconds)
        process.freeze()
        self.scheduler.after(seconds, process.resume)

    def _make(self, config: CellConfig) -> SimulatedCell:
        parts = _parts(self.spec.source, config.role, config)
        kinds = {**parts.kinds, **self._kinds}
        drivers = {
            link.driver: self._drivers.get(link.driver, FieldDriver)
            for shard in config.shards
            for link in shard.links
        }
        supervisor = self._supervisors.get(config.role, parts.supervisor)
        ledger = ""
        if config.role == "device":
            ledger = f"{self._folder}/{config.name}-{config.epoch}"
        config = replace(config, ledger=ledger)
        return SimulatedCell(config, self.network, Parts(kinds, drivers, supervisor))

    def _configs(self) -> dict[str, CellConfig]:
        city, shards = self.spec, tuple(s for p in self._placement.cells for s in p.shards)

        def config(name: str, role: Role, shards: tuple[ShardSpec, ...]) -> CellConfig:
            return CellConfig(
                city.id, city.name, name, role, 1, city.tick_ms, city.zones,
                city.templates, shards, city.gateway, warden_pid=self._story.pid,
                host=self._hosts.get(name, "127.0.0.1"),
            )  # fmt: skip

        found = [config(plan.name, "device", plan.shards) for plan in self._placement.cells]
        found += [config(f"{role}-0", role, shards) for role in _ROLES]
        return {one.name: one for one in found}

    def _directory(self, cells: dict[str, CellAddress], version: int) -> Directory:
        plans = self._placement.cells
        return Directory(
            version,
            cells,
            {shard.id: plan.name for plan in plans for shard in plan.shards},
            {zone.id: "zone-0" for zone in self.spec.zones},
        )

    def _bury(self) -> None:
        for process in self.scheduler.processes.values():
            process.kill()
            process.bury()


#: Where ledgers are kept: nobody wants them after the end of the run.
_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
_PARTS: dict[tuple[str, ...], Parts] = {}


def _parts(source: str, role: str, config: CellConfig) -> Parts:
    """Find the classes of a cell as a real city does, once a process: looking takes a while."""
    kinds = {template.kind for template in config.templates.values()}
    key = (source, role, *sorted(kinds))
    if key not in _PARTS:
        links = tuple(replace(shard, links=()) for shard in config.shards)
        _PARTS[key] = find_parts(replace(config, shards=links))
    return _PARTS[key]


@contextmanager
def _collected_once() -> Iterator[None]:
    """Collect what is garbage when the city has ended, and not a hundred times meanwhile."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _quiet:  # noqa: N801 - used as a function
    """Keeps the log of the cells still: their failures are wanted here, and are in the history."""

    def __enter__(self) -> None:
        self._log = logging.getLogger("jacquemart")
        self._before = self._log.level
        self._log.setLevel(logging.CRITICAL + 1)

    def __exit__(self, *_: object) -> None:
        self._log.setLevel(self._before)
