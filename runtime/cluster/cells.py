"""The cells of one city as processes: started by Ray, told over their lines, and ended.

Blocks only where said: what Ray may keep waiting (while its GCS is frozen) is done in threads.
"""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from jacquemart.runtime.cluster import parcel, processes
from jacquemart.runtime.cluster.blueprint import EPOCH, CellBlueprint, standby_blueprint
from jacquemart.runtime.cluster.cell_line import plain_directory
from jacquemart.runtime.cluster.live_cell import LiveCell
from jacquemart.runtime.cluster.maker import SOMEWHERE, Maker, Spread, Where
from jacquemart.runtime.cluster.ray_cell import CELL_CLASS, Arrival
from jacquemart.runtime.model.directory import CellAddress, Directory, ShardSpec
from jacquemart.runtime.model.errors import CellUnreachable, JacquemartError, StartError

log = logging.getLogger("jacquemart.warden")

KILL_S = 2.0
#: The standby that may become any cell, and has the shards of all device cells built.
ANY = "any"
#: A node on which a cell was lost gets none for so long.
AVOIDED_S = 60.0
_LONGEST_REASON = 400


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
        network: str = "",
    ) -> None:
        """Start no cell yet, but hand Ray what several of them will want.

        Args:
            city: the city's id.
            plan: the cells to be.
            shards: all shards of the city.
            folder: where cells on this host have pulses, lines and ledgers.
            cell_class: see ``RayCell``.
            free_placement: Ray may choose the node (a cluster); False: there is but one, which
                is meant to reach every link.
            network: over which cells of several hosts meet; empty: they are on this host.
        """
        self.city = city
        self.plan = {blueprint.name: blueprint for blueprint in plan}
        self.live: dict[str, LiveCell] = {}
        self.spares: dict[str, LiveCell] = {}
        """Standbys that are being made or are warm: ``ANY``, or the cell that one is for."""
        self._ledgers: dict[str, list[Path]] = {}
        self._folder = folder
        self._maker = Maker(city, cell_class)
        self._shards = self.store(shards)
        self._free_placement = free_placement
        self._network = network
        self._lost_on: dict[str, float] = {}
        """Nodes on which a cell of another host was lost, and when."""
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

    # Starting --------------------------------------------------------------------------------

    def begin(self, name: str, epoch: int) -> None:
        """Begin to start an incarnation of a cell; its ``start`` call tells the rest."""
        blueprint = self.plan[name]
        cell = self.live[name] = LiveCell(blueprint, epoch, self._folder)
        config = replace(
            blueprint.config,
            epoch=epoch,
            shards=(),
            ledger=str(self._ledger(cell)),
            inherits=self._inherited(name),
        )
        shards = self._shards if blueprint.all_shards else parcel.pack(blueprint.config.shards)
        self._make(cell, name, "start", config, shards)

    def begin_spare(self, key: str, epoch: int) -> None:
        """Begin to start a standby; its ``prepare`` call tells when it is warm.

        ``key`` is ``ANY``, or the cell that it is for.
        """
        one = standby_blueprint(self.plan.values()) if key == ANY else self.plan[key]
        cell = self.spares[key] = LiveCell(one, epoch, self._folder)
        config = replace(one.config, epoch=epoch, shards=())
        self._make(cell, f"{one.name}{EPOCH}{epoch}", "prepare", config, self._shards)

    def _make(self, cell: LiveCell, name: str, call: str, config: Any, shards: Any) -> None:
        where: Where | Spread = Where.ANY
        if self._free_placement:
            anywhere = not cell.blueprint.resources
            # A standby is told to adopt over a line of this host.
            if cell.blueprint.beside_warden or (call == "prepare" and anywhere):
                where = Where.HERE
            elif self._network and anywhere:
                where = Spread(self._turn_of(cell.blueprint.name), self._avoided())
        resources = cell.blueprint.resources if self._free_placement else {}
        arguments = (config, shards, self._network, cell.places)
        cell.making[call] = self._maker.make(name, resources, where, call, arguments)

    def _turn_of(self, name: str) -> int:
        """Return which of the cells that may be on any node this one is."""
        free = [one.name for one in self.plan.values() if not one.beside_warden]
        return free.index(name) if name in free else 0

    def _avoided(self) -> frozenset[str]:
        """Return the nodes that may be gone; Ray does not know for a while."""
        since = time.monotonic() - AVOIDED_S
        return frozenset(node for node, at in self._lost_on.items() if at > since)

    def adopt_spare(self, name: str, epoch: int) -> bool:
        """Begin to let a warm standby be a cell, as its ``start`` call; False: there is none."""
        if not self.has_spare(name):
            return False
        blueprint = self.plan[name]
        spare = self.spares.pop(name if name in self.spares else ANY)
        assert spare.line is not None
        spare.blueprint, spare.epoch = blueprint, epoch
        self.live[name] = spare
        config = blueprint.config
        spare.line.call(
            "adopt",
            name=name,
            role=config.role,
            gateway=asdict(config.gateway),
            epoch=epoch,
            ledger=str(self._ledger(spare)),
            inherits=self._inherited(name),
            shards=None if blueprint.all_shards else [shard.id for shard in config.shards],
            zones=[zone.id for zone in config.zones],
        )
        return True

    def has_spare(self, name: str) -> bool:
        """Return whether a warm standby can be this cell at once."""
        spare = self.spares.get(name) or (self.spares.get(ANY) if self.covered(name) else None)
        return spare is not None and spare.warm is not None and spare.line is not None

    def covered(self, name: str) -> bool:
        """Return whether the common standby may be this cell, on whatever node it is."""
        return not (self._free_placement and self.plan[name].resources)

    def _ledger(self, cell: LiveCell) -> Path | str:
        if cell.blueprint.role != "device":
            return ""
        path = self._folder / f"ledger-{cell.blueprint.name}-{cell.epoch}"
        kept = self._ledgers.setdefault(cell.blueprint.name, [])
        kept.append(path)
        while len(kept) > 3:  # two lives ago: nobody asks any more
            kept.pop(0).unlink(missing_ok=True)
        return path

    def _inherited(self, name: str) -> str:
        """Return the ledger of the incarnation before; the last one kept is the new one's."""
        kept = self._ledgers.get(name, [])
        return str(kept[-2]) if len(kept) > 1 and kept[-2].exists() else ""

    def take_over(self, name: str, address: CellAddress, number: int) -> LiveCell:
        """Know a cell that the previous image of this warden has started.

        Raises:
            CellUnreachable, OSError: it cannot be reached.
        """
        cell = LiveCell(self.plan[name], address.epoch, self._folder, number, again=True)
        cell.arrival = Arrival(address, 0, processes.host_id(), "")
        cell.connect_line()
        self.live[name] = cell
        if address.ledger:
            self._ledgers[name] = [Path(address.ledger)]
        return cell

    # Calls -----------------------------------------------------------------------------------

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
            if kind not in cell.calls and cell.actor is not None:
                cell.calls[kind] = getattr(cell.actor, kind).remote(*arguments)

    def answers(self, kind: str, timeout_s: float = 0.0) -> dict[str, Any]:
        """Return what calls of a kind have given by now: results, or errors, by cell.

        Waits up to ``timeout_s`` for all of them. A call whose answer was returned is over. The
        calls to standbys (``prepare``) are answered by their keys.
        """
        cells = self.spares if kind == "prepare" else self.live
        until = time.monotonic() + timeout_s
        found: dict[str, Any] = {}
        while True:
            found.update(self._answered(cells, kind, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until or not any(one.owes(kind) for one in cells.values()):
                return found
            time.sleep(0.01)

    def _answered(self, cells: dict[str, LiveCell], kind: str, timeout_s: float) -> dict[str, Any]:
        found: dict[str, Any] = {}
        refs: dict[Any, str] = {}
        for name, cell in cells.items():
            cell.hear()
            if kind in cell.heard:
                found[name] = cell.heard.pop(kind)
            making = cell.making.get(kind)
            if making is not None and making.done():
                del cell.making[kind]
                try:
                    cell.actor, cell.calls[kind], cell.node = making.result()
                except Exception as error:  # noqa: BLE001 - whatever Ray raises
                    found[name] = plain_error(error, f"cell {name}")
            if kind in cell.calls:
                refs[cell.calls[kind]] = name
        if refs:
            by_line = any(one.line is not None and one.line.owes(kind) for one in cells.values())
            ready, _ = ray.wait(
                list(refs), num_returns=len(refs), timeout=0.0 if by_line else timeout_s
            )
            found.update(self._got(cells, kind, {ref: refs[ref] for ref in ready}))
        return found

    def _got(self, cells: dict[str, LiveCell], kind: str, refs: dict[Any, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for ref, name in refs.items():
            del cells[name].calls[kind]
            try:
                found[name] = ray.get(ref, timeout=KILL_S)
            except (RayError, JacquemartError, OSError) as error:
                found[name] = plain_error(error, f"cell {name}")
        return found

    def lines(self) -> list[int]:
        """Return the file descriptors on which answers are awaited."""
        lines = (cell.line for cell in self.live.values())
        return [line.fd for line in lines if line is not None and line.awaits]

    def owing(self, kind: str) -> list[str]:
        """Return the cells with a call of this kind under way."""
        return [name for name, cell in self.live.items() if cell.owes(kind)]

    def running(self) -> list[str]:
        """Return the cells that have arrived."""
        return [name for name, cell in self.live.items() if cell.arrival is not None]

    def connect(self, directory: Directory) -> None:
        """Begin to hand a directory to every cell that runs; an older hand-over is forgotten."""
        plain = plain_directory(directory)
        for name in self.running():
            cell = self.live[name]
            cell.calls.pop("connect", None)
            if cell.line is not None:
                cell.line.call("connect", directory=plain)
            else:
                cell.calls["connect"] = cell.actor.connect.remote(directory)

    def ask_drain(self, name: str, grace_s: float) -> None:
        """As ``ask_stop``, for a cell whose successor waits, as its ``drain`` call."""
        cell = self.live[name]
        if cell.line is not None:
            cell.line.call("drain", grace_s=grace_s)
        elif cell.actor is not None and not cell.owes("drain"):
            cell.calls["drain"] = cell.actor.drain.remote(grace_s)

    def ask_stop(self, names: Iterable[str], grace_s: float) -> None:
        """Begin to let cells end what is in hand and close everything, as their ``stop`` call."""
        for name in names:
            cell = self.live[name]
            if cell.owes("stop"):
                continue
            if cell.line is not None:
                cell.line.call("stop", grace_s=grace_s)
            elif cell.actor is not None:
                cell.calls["stop"] = cell.actor.stop.remote(grace_s)

    def pin_gateway(self, api: str, stream: str) -> None:
        """Let every later gateway cell have the ports of the first."""
        self._pinned = (api, stream)
        for name, blueprint in self.plan.items():
            gateway = replace(blueprint.config.gateway, port=_port(api), stream_port=_port(stream))
            self.plan[name] = replace(blueprint, config=replace(blueprint.config, gateway=gateway))

    # Ending ----------------------------------------------------------------------------------

    def end(self, name: str, *, lost: bool = False) -> None:
        """End a cell at once: first its process, if it is on this host, then the actor.

        Blocks until the process is gone, at most 2 s, so that it cannot act beside its successor.
        ``lost``: of one on another host, nobody knows whether that host is still there.
        """
        cell = self.live.pop(name, None)
        if cell is not None:
            node = cell.arrival.node if cell.arrival is not None else cell.node
            if lost and node not in ("", SOMEWHERE) and not cell.local_pid:
                self._lost_on[node] = time.monotonic()
            self._end(cell, f"cell {name}")

    def may_be_elsewhere(self, name: str) -> bool:
        """Return whether a cell is on another host, or may be: so its host may be lost."""
        cell = self.live[name]
        return self._free_placement and bool(cell.node) and not cell.local_pid

    def end_spare(self, key: str) -> None:
        """End a standby that nobody needs, or that is of no use."""
        cell = self.spares.pop(key, None)
        if cell is not None:
            self._end(cell, f"standby {key}")

    def _end(self, cell: LiveCell, what: str) -> None:
        if cell.local_pid and processes.kill([cell.local_pid], KILL_S):
            log.error("%s (pid %d) does not die", what, cell.local_pid)
        cell.close()
        self._maker.forget(cell.actor, list(cell.making.values()))

    def stop(self, grace_s: float) -> list[str]:
        """Stop all cells in order, then end what is left; return those that had to be killed.

        Blocks up to ``grace_s`` and a few seconds, also if Ray is frozen.
        """
        running = self.running()
        self.ask_stop(running, grace_s)
        stopped = self.answers("stop", grace_s + 1.0)
        everybody = [*self.live.values(), *self.spares.values()]
        pids = [cell.local_pid for cell in everybody if cell.local_pid]
        forgotten = [
            self._maker.forget(cell.actor, list(cell.making.values())) for cell in everybody
        ]
        for cell in everybody:
            cell.close()
        concurrent.futures.wait(forgotten, KILL_S)
        processes.kill(pids, KILL_S)
        self.live.clear()
        self.spares.clear()
        self._maker.close()
        return [name for name in running if isinstance(stopped.get(name, False), Exception | bool)]


def plain_error(error: BaseException, where: str) -> Exception:
    """Return our own error out of what Ray made of it."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, JacquemartError):
        return cause
    if isinstance(error, RayTaskError):
        return StartError(f"{type(cause).__name__}: {cause}", where=where)
    # Indented lines are Ray's own particulars; of the others one says why, such as a lost node.
    text = " ".join(line for line in str(error).splitlines() if line and not line[0].isspace())
    return CellUnreachable(text[:_LONGEST_REASON] or type(error).__name__, where=where)


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
