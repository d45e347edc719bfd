"""The Ray actor around a cell: one process, a few calls, and an end with its warden.

Nothing with a deadline passes here. ``CellHost`` runs the cell in a thread of its own; Ray's
threads only hand over start, connect, progress, health and stop.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import ray

from jacquemart.runtime.cluster import parcel, processes
from jacquemart.runtime.cluster.cell_line import LineServer, directory_of
from jacquemart.runtime.cluster.network import address_in
from jacquemart.runtime.cluster.pulse import Beat
from jacquemart.runtime.model.city import GatewaySpec
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import InternalError, StartError

#: The class that hosts a cell; tests put another in its place.
CELL_CLASS = "jacquemart.runtime.cell.host:CellHost"
#: The thread that answers while the others are busy.
HEALTH = "health"
#: What a cell may still do when its warden is gone.
ORPHAN_GRACE_S = 0.5
_ORPHAN_LIMIT_S = 1.5
#: How long a cell that was fenced off still answers, and the exit code of its process.
FENCED_GRACE_S = 2.0
FENCED_CODE = 3
_NO_PIDFD_POLL_S = 0.5
#: A cell on another host than its warden's ends when it was not asked for so long. The start of a
#: large city has to fit in.
UNASKED_S = 300.0


class Host(Protocol):
    """What this module asks of a cell's host."""

    def __init__(self, config: CellConfig) -> None: ...
    def start(self) -> CellAddress:
        """Start the cell."""
        ...

    def prepare(self) -> None:
        """Make all that can be made before ``adopt``, and touch nothing."""
        ...

    def adopt(self, config: CellConfig) -> CellAddress:
        """Start as this cell, after ``prepare``."""
        ...

    def connect(self, directory: Directory) -> None:
        """Take a newer directory."""
        ...

    def change(self, config: CellConfig) -> None:
        """Take another configuration, or raise and stay as it was."""
        ...

    on_fenced: Callable[[str, int], object] | None

    def progress(self) -> dict[str, Any]:
        """Return how far the cell is."""
        ...

    def health(self) -> dict[str, Any]:
        """Return the cell's condition."""
        ...

    def heard(self) -> dict[str, list[int]]:
        """Return the heartbeats that a zone cell has heard; see ``LeaseDesk.heard``."""
        ...

    def drain(self, grace_s: float) -> None:
        """Begin nothing new, and let what is in hand end."""
        ...

    def stop(self, grace_s: float) -> None:
        """Stop the cell."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a cell tells the warden once it runs."""

    address: CellAddress
    niceness: int
    host_id: str
    node: str
    """Ray's id of the node."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the warden and a cell of its host meet: paths; empty: on another host."""

    pulse: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Warm:
    """What a standby tells the warden once it can adopt."""

    pid: int
    niceness: int
    host_id: str
    node: str


class RayCell:
    """Hosts one cell in this process. Made by the warden, once an incarnation."""

    def __init__(self, warden_host: str, warden_pid: int, cell_class: str = CELL_CLASS) -> None:
        """Begin to watch the warden, if it is on this host.

        Args:
            warden_host: ``host_id`` of the warden.
            warden_pid: its pid on that host.
            cell_class: ``module:Class`` of the host; a seam for tests.
        """
        self._cell_class = cell_class
        self._host: Host | None = None
        self._config: CellConfig | None = None
        self._address: CellAddress | None = None
        self._beat: Beat | None = None
        self._watched = warden_pid > 0 and warden_host == processes.host_id()
        self._asked_s = time.monotonic()
        target, args = (self._end_with, (warden_pid,)) if self._watched else (self._end_unasked, ())
        threading.Thread(target=target, args=args, name="warden-watch", daemon=True).start()

    def start(
        self,
        config: CellConfig,
        shards: parcel.Parcel | None,
        network: str,
        places: Places,
    ) -> Arrival:
        """Start the cell.

        Args:
            config: the cell's, with its epoch.
            shards: its shards, packed; None: those of ``config``.
            network: bind to this node's address on that network too, because other hosts have
                cells of the city; empty: they have none.
            places: where to meet the warden, if it is on this host.

        Raises:
            StartError: a port is taken, the node is not on the network, or code of the city cannot
                be imported.
        """
        host = self._make(config, shards, network, places)
        self._address = address = host.start()
        self._lives(host)
        return Arrival(address, os.nice(0), processes.host_id(), _node())

    def prepare(
        self,
        config: CellConfig,
        shards: parcel.Parcel | None,
        network: str,
        places: Places,
    ) -> Warm:
        """Become a standby; the order to adopt comes over the line.

        Args: as of ``start``; the shards are those that it may be asked to adopt.

        Raises:
            StartError: code of the city cannot be imported.
        """
        self._make(config, shards, network, places).prepare()
        return Warm(os.getpid(), os.nice(0), processes.host_id(), _node())

    def _make(
        self, config: CellConfig, shards: parcel.Parcel | None, network: str, places: Places
    ) -> Host:
        if self._host is not None:
            raise InternalError("the cell was started already", where=config.name)
        if self._watched:
            self._beat = Beat(places.pulse)
        if shards is not None:
            config = replace(config, shards=parcel.unpack(shards, config.role))
        if network:
            node = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
            config = replace(config, network=address_in(network, node))
        if not self._watched:  # and its files are not where the warden could read them
            config = replace(config, warden_pid=0, ledger="", inherits="")
        self._config = config
        host = self._host = self._find_class()(config)
        host.on_fenced = self._end_fenced
        if self._watched:
            LineServer(places.line, self._asked)
        return host

    def _lives(self, host: Host) -> None:
        if self._beat is not None:
            self._beat.follow(host.health)

    def _asked(self, request: Mapping[str, Any]) -> Any:
        """Do what the warden asks over the line."""
        match request["kind"]:
            case "connect":
                return self.connect(directory_of(request["directory"]))
            case "adopt":
                return asdict(self._adopt(request))
            case "drain":
                return self.drain(float(request["grace_s"]))
            case "stop":
                return self.stop(float(request["grace_s"]))
            case "progress":
                return self._running().progress()
            case "heard":
                return self._running().heard()
        raise InternalError(f"no call {request['kind']!r}")

    def _adopt(self, order: Mapping[str, Any]) -> CellAddress:
        """Become the cell that the warden names, out of what was prepared."""
        assert self._config is not None
        shards, zones = order["shards"], frozenset(order["zones"])
        config = self._config = replace(
            self._config,
            name=order["name"],
            role=order["role"],
            gateway=GatewaySpec(**order["gateway"]),
            epoch=order["epoch"],
            ledger=order["ledger"],
            inherits=order["inherits"],
            shards=tuple(one for one in self._config.shards if shards is None or one.id in shards),
            zones=tuple(one for one in self._config.zones if one.id in zones),
        )
        host = self._running()
        self._address = address = host.adopt(config)
        self._lives(host)
        return address

    def _find_class(self) -> type[Host]:
        module, _, name = self._cell_class.partition(":")
        try:
            found: type[Host] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise StartError(str(error), where=self._cell_class) from error
        return found

    def connect(self, directory: Directory) -> int:
        """Hand the cell a newer directory; return its version."""
        self._running().connect(directory)
        return directory.version

    def change(self, config: CellConfig, shards: parcel.Parcel) -> None:
        """Hand the running cell another configuration of the same incarnation.

        Returns when the cell lives by it.

        Raises:
            JacquemartError: the cell cannot take it, and is as it was.
        """
        host = self._running()
        assert self._config is not None
        host.change(
            replace(
                config,
                shards=parcel.unpack(shards),
                host=self._config.host,
                network=self._config.network,
                warden_pid=self._config.warden_pid,
                ledger=self._config.ledger,
                inherits=self._config.inherits,
            )
        )

    @ray.method(concurrency_group=HEALTH)
    def progress(self) -> dict[str, Any]:
        """Return how far the cell is on its way to ready."""
        return self._running().progress()

    @ray.method(concurrency_group=HEALTH)
    def health(self) -> dict[str, Any]:
        """Return the cell's condition; empty before it was started."""
        return self._host.health() if self._host is not None else {}

    @ray.method(concurrency_group=HEALTH)
    def beat(self) -> None:
        """Answer if the cell's loop does; a warden on another host asks every second."""
        self._asked_s = time.monotonic()
        if self._host is not None:
            self._host.health()

    @ray.method(concurrency_group=HEALTH)
    def address(self) -> CellAddress | None:
        """Return where the cell answers; None before it was started."""
        return self._address

    def drain(self, grace_s: float) -> None:
        """Begin nothing new, let what is in hand end, then stop: a successor waits."""
        self._running().drain(grace_s)
        self.stop(grace_s)

    def stop(self, grace_s: float) -> None:
        """End what is in hand and close everything; the process ends right after."""
        if self._beat is not None:
            self._beat.stop()
        if self._host is not None:
            self._host.stop(grace_s)

    def _running(self) -> Host:
        if self._host is None:
            raise InternalError("the cell was not started")
        return self._host

    def _end_fenced(self, why: str, least_epoch: int) -> None:
        """End this process: somebody else has its shards, and its links are closed."""
        print(  # noqa: T201
            f"{why}: this cell ends; a new one needs epoch {least_epoch} at least",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        # First the warden shall see the epoch in ``progress``, should it just start the city.
        threading.Timer(FENCED_GRACE_S, os._exit, (FENCED_CODE,)).start()

    def _end_with(self, pid: int) -> None:
        """Wait for the end of the warden, then end this process, whatever hangs in it."""
        try:
            fd = processes.open_pidfd(pid)
            if fd is not None:
                poller = select.poll()
                poller.register(fd, select.POLLIN)
                poller.poll()
        except OSError:  # no pidfds on this kernel: ask again and again
            warden = processes.identify(pid)
            while warden is not None and warden.alive:
                threading.Event().wait(_NO_PIDFD_POLL_S)
        print("the warden is gone: this cell ends", file=sys.stderr, flush=True)  # noqa: T201
        threading.Timer(_ORPHAN_LIMIT_S, os._exit, (1,)).start()
        with contextlib.suppress(Exception):
            self.stop(ORPHAN_GRACE_S)
        os._exit(0)

    def _end_unasked(self) -> None:
        """End this process when no warden has asked for it for long.

        It has long stopped to write: the zone cells are with the warden, and grant no lease.
        """
        while (left := self._asked_s + UNASKED_S - time.monotonic()) > 0:
            time.sleep(left)
        why = f"no warden has asked for {UNASKED_S:.0f} s: this cell ends"
        print(why, file=sys.stderr, flush=True)  # noqa: T201
        os._exit(0)


def _node() -> str:
    return str(ray.get_runtime_context().get_node_id())


def actor_class() -> Any:
    """Return the Ray actor class of a cell; a lost one is replaced by the warden, never by Ray."""
    options: dict[str, Any] = {
        "num_cpus": 0,
        "max_restarts": 0,
        "max_task_retries": 0,
        "max_concurrency": 2,
        "concurrency_groups": {HEALTH: 1},
    }
    return ray.remote(**options)(RayCell)
