"""The cells of one city as Ray actors: started, asked, told, and ended. Blocks only where said."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jacquemart.runtime.cluster import parcel, processes
from jacquemart.runtime.cluster.blueprint import NAMESPACE, CellBlueprint, actor_name
from jacquemart.runtime.cluster.pulse import Pulse
from jacquemart.runtime.cluster.ray_cell import CELL_CLASS, Arrival, actor_class
from jacquemart.runtime.model.directory import Directory, ShardSpec
from jacquemart.runtime.model.errors import CellUnreachable, JacquemartError, StartError

log = logging.getLogger("jacquemart.warden")

KILL_S = 2.0


class NameTaken(Exception):
    """Ray still knows an actor of that name."""


@dataclass(slots=True)
class LiveCell:
    """One incarnation of a cell, and the calls to it that are under way."""

    blueprint: CellBlueprint
    epoch: int
    actor: Any
    pulse: Pulse
    arrival: Arrival | None = None
    calls: dict[str, Any] = field(default_factory=dict)
    """Object references by kind of call; at most one of a kind."""

    @property
    def local_pid(self) -> int:
        """Return the pid if the cell is on this host, else 0."""
        if self.arrival is None or self.arrival.host_id != processes.host_id():
            return 0
        return self.arrival.address.pid


class Cells:
    """All cells of a city, by name."""

    def __init__(
        self,
        city: str,
        plan: Sequence[CellBlueprint],
        shards: Sequence[ShardSpec],
        folder: Path,
        *,
        cell_class: str = CELL_CLASS,
        free_placement: bool = True,
        on_network: bool = False,
    ) -> None:
        """Start no cell yet, but hand Ray what several of them will want.

        Args:
            city: the city's id.
            plan: the cells to be.
            shards: all shards of the city.
            folder: where cells on this host stamp their pulses.
            cell_class: see ``RayCell``.
            free_placement: Ray may choose the node (a cluster); False: there is but one, which
                is meant to reach every link.
            on_network: cells bind to their node's address, since they are on several.
        """
        self.city = city
        self.plan = {blueprint.name: blueprint for blueprint in plan}
        self.live: dict[str, LiveCell] = {}
        self._folder = folder
        self._class = actor_class()
        self._arguments = (processes.host_id(), os.getpid(), cell_class)
        self._shards = self.store(shards)
        self._free_placement = free_placement
        self._on_network = on_network
        self._pinned: tuple[str, str] | None = None

    @staticmethod
    def store(shards: Sequence[ShardSpec]) -> Any:
        """Hand Ray the shards that several cells will want, once; from any thread."""
        return ray.put(parcel.pack(shards))

    def adopt(self, plan: Iterable[CellBlueprint], shards: Any) -> None:
        """Let every cell that is started or changed from now on be as in another plan.

        ``shards`` is what ``store`` gave.
        """
        self.plan = {blueprint.name: blueprint for blueprint in plan}
        self._shards = shards
        if self._pinned is not None:
            self.pin_gateway(*self._pinned)

    def begin(self, name: str, epoch: int) -> None:
        """Begin to start an incarnation of a cell; its ``start`` call tells the rest.

        Raises:
            NameTaken: the previous incarnation's name is not free yet; try again.
        """
        blueprint = self.plan[name]
        options: dict[str, Any] = {}
        if self._free_placement and blueprint.resources:
            options["resources"] = dict(blueprint.resources)
        if self._free_placement and blueprint.beside_warden:
            here = ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(here, soft=False)
        try:
            actor = self._class.options(
                name=actor_name(self.city, name),
                namespace=NAMESPACE,
                lifetime="detached",
                **options,
            ).remote(*self._arguments)
        except ValueError as error:
            raise NameTaken(str(error)) from error
        config = replace(blueprint.config, epoch=epoch, shards=())
        shards = self._shards if blueprint.all_shards else parcel.pack(blueprint.config.shards)
        pulse = Pulse(self._folder / f"pulse-{name}-{epoch}")
        cell = self.live[name] = LiveCell(blueprint, epoch, actor, pulse)
        cell.calls["start"] = actor.start.remote(config, shards, self._on_network, str(pulse.path))

    def change(self, name: str, blueprint: CellBlueprint) -> None:
        """Begin to hand a running cell another configuration, as its ``change`` call."""
        cell = self.live[name]
        # An incarnation keeps the ports that it was started with.
        gateway = cell.blueprint.config.gateway
        config = replace(blueprint.config, epoch=cell.epoch, shards=(), gateway=gateway)
        shards = self._shards if blueprint.all_shards else parcel.pack(blueprint.config.shards)
        cell.calls.pop("change", None)
        self.call("change", [name], config, shards)

    def call(self, kind: str, names: Iterator[str] | Sequence[str], *arguments: Any) -> None:
        """Begin a call to cells that have none of that kind under way."""
        for name in names:
            cell = self.live[name]
            if kind not in cell.calls:
                cell.calls[kind] = getattr(cell.actor, kind).remote(*arguments)

    def answers(self, kind: str, timeout_s: float = 0.0) -> dict[str, Any]:
        """Return what calls of a kind have given by now: results, or errors, by cell.

        Waits up to ``timeout_s`` for all of them. A call whose answer was returned is over.
        """
        refs = {cell.calls[kind]: name for name, cell in self.live.items() if kind in cell.calls}
        if not refs:
            return {}
        ready, _ = ray.wait(list(refs), num_returns=len(refs), timeout=timeout_s)
        for ref in ready:
            del self.live[refs[ref]].calls[kind]
        try:  # all at once is much cheaper, and nearly always possible
            return dict(zip((refs[ref] for ref in ready), ray.get(ready), strict=True))
        except (RayError, JacquemartError, OSError):
            pass
        found: dict[str, Any] = {}
        for ref in ready:
            name = refs[ref]
            try:
                found[name] = ray.get(ref, timeout=KILL_S)
            except (RayError, JacquemartError, OSError) as error:
                found[name] = plain_error(error, f"cell {name}")
        return found

    def owing(self, kind: str) -> list[str]:
        """Return the cells with a call of this kind under way."""
        return [name for name, cell in self.live.items() if kind in cell.calls]

    def running(self) -> list[str]:
        """Return the cells that have arrived."""
        return [name for name, cell in self.live.items() if cell.arrival is not None]

    def connect(self, directory: Directory) -> None:
        """Begin to hand a directory to every cell that runs; an older hand-over is forgotten."""
        reference = ray.put(directory)
        for name in self.running():
            self.live[name].calls.pop("connect", None)
        self.call("connect", self.running(), reference)

    def pin_gateway(self, api: str, stream: str) -> None:
        """Let every later gateway cell have the ports of the first."""
        self._pinned = (api, stream)
        for name, blueprint in self.plan.items():
            gateway = replace(blueprint.config.gateway, port=_port(api), stream_port=_port(stream))
            self.plan[name] = replace(blueprint, config=replace(blueprint.config, gateway=gateway))

    def end(self, name: str) -> None:
        """End a cell at once: first its process, if it is on this host, then the actor.

        Blocks until the process is gone, at most 2 s, so that it cannot act beside its successor.
        """
        cell = self.live.pop(name, None)
        if cell is None:
            return
        if cell.local_pid and processes.kill([cell.local_pid], KILL_S):
            log.error("cell %s (pid %d) does not die", name, cell.local_pid)
        cell.pulse.close()
        with contextlib.suppress(Exception):
            ray.kill(cell.actor, no_restart=True)

    def stop(self, grace_s: float) -> list[str]:
        """Stop all cells in order, then end what is left; return those that had to be killed.

        Blocks up to ``grace_s`` and a few seconds.
        """
        running = self.running()
        self.call("stop", running, grace_s)
        stopped = self.answers("stop", grace_s + 1.0)
        pids = [cell.local_pid for cell in self.live.values() if cell.local_pid]
        for cell in self.live.values():
            cell.pulse.close()
            with contextlib.suppress(Exception):
                ray.kill(cell.actor, no_restart=True)
        processes.kill(pids, KILL_S)
        self.live.clear()
        return [name for name in running if isinstance(stopped.get(name, False), Exception | bool)]


def plain_error(error: BaseException, where: str) -> Exception:
    """Return our own error out of what Ray made of it."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, JacquemartError):
        return cause
    if isinstance(error, RayTaskError):
        return StartError(f"{type(cause).__name__}: {cause}", where=where)
    text = str(error).strip().splitlines()
    return CellUnreachable(text[0] if text else type(error).__name__, where=where)


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
