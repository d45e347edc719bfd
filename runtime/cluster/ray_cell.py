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
from dataclasses import dataclass, replace
from typing import Any, Protocol

import ray

from jacquemart.runtime.cluster import parcel, processes, pulse
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import InternalError, StartError

#: The class that hosts a cell; tests put another in its place.
CELL_CLASS = "jacquemart.runtime.cell.host:CellHost"
#: The thread that answers while the others are busy.
HEALTH = "health"
#: What a cell may still do when its warden is gone.
ORPHAN_GRACE_S = 0.5
_ORPHAN_LIMIT_S = 1.5
_NO_PIDFD_POLL_S = 0.5


class Host(Protocol):
    """What this module asks of a cell's host."""

    def __init__(self, config: CellConfig) -> None: ...
    def start(self) -> CellAddress:
        """Start the cell."""
        ...

    def connect(self, directory: Directory) -> None:
        """Take a newer directory."""
        ...

    def change(self, config: CellConfig) -> None:
        """Take another configuration, or raise and stay as it was."""
        ...

    def progress(self) -> dict[str, Any]:
        """Return how far the cell is."""
        ...

    def health(self) -> dict[str, Any]:
        """Return the cell's condition."""
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
        self._quiet = threading.Event()
        self._watched = warden_pid > 0 and warden_host == processes.host_id()
        if self._watched:
            threading.Thread(
                target=self._end_with, args=(warden_pid,), name="warden-watch", daemon=True
            ).start()

    def start(
        self,
        config: CellConfig,
        shards: parcel.Parcel | None,
        on_network: bool,
        pulse_path: str,
    ) -> Arrival:
        """Start the cell.

        Args:
            config: the cell's, with its epoch.
            shards: its shards, packed; None: those of ``config``.
            on_network: bind to this node's address instead of loopback, because other nodes of
                the cluster have cells too.
            pulse_path: where to stamp, if the warden is on this host.

        Raises:
            StartError: a port is taken, or code of the city cannot be imported.
        """
        if self._host is not None:
            raise InternalError("the cell was started already", where=config.name)
        if shards is not None:
            config = replace(config, shards=parcel.unpack(shards, config.role))
        if on_network:
            config = replace(config, host=str(ray.util.get_node_ip_address()))  # type: ignore[no-untyped-call]
        if not self._watched:
            config = replace(config, warden_pid=0)
        self._config = config
        self._host = self._find_class()(config)
        self._address = address = self._host.start()
        if self._watched:
            threading.Thread(
                target=pulse.beat,
                args=(pulse_path, self._host.health, self._quiet),
                name="pulse",
                daemon=True,
            ).start()
        return Arrival(address, os.nice(0), processes.host_id())

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
                warden_pid=self._config.warden_pid,
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
        if self._host is not None:
            self._host.health()

    @ray.method(concurrency_group=HEALTH)
    def address(self) -> CellAddress | None:
        """Return where the cell answers; None before it was started."""
        return self._address

    def stop(self, grace_s: float) -> None:
        """End what is in hand and close everything; the process ends right after."""
        self._quiet.set()
        if self._host is not None:
            self._host.stop(grace_s)

    def _running(self) -> Host:
        if self._host is None:
            raise InternalError("the cell was not started")
        return self._host

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
