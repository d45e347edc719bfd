"""A cell's thread: one loop that owns everything, and the few calls that reach it from outside.

Ray's threads only hand over start, connect, progress, health and stop; nothing with a deadline
passes here.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.metadata
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import uvloop

from jacquemart.runtime.cell.open_files import need_files, raise_file_limit
from jacquemart.runtime.cell.watchdog import LoopWatchdog
from jacquemart.runtime.city.registry import Offer, Registry, find_drivers, find_kinds
from jacquemart.runtime.model.clock import Clock, SystemClock
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import ConfigError, StartError
from jacquemart.runtime.wire import sockets

T = TypeVar("T")
log = logging.getLogger("jacquemart.cell")

_ROLES = {
    "device": ("jacquemart.runtime.cell.device_cell", "DeviceCell"),
    "zone": ("jacquemart.runtime.cell.zone_cell", "ZoneCell"),
    "centre": ("jacquemart.runtime.cell.centre_cell", "CentreCell"),
    "gateway": ("jacquemart.runtime.gateway.gateway", "Gateway"),
}
SUPERVISORS = "jacquemart.supervisors"
#: How long a call from outside waits for the loop.
CALL_S = 30.0
#: A cell with hundreds of thousands of points needs a while to lay them out.
START_S = 120.0


class CellHost:
    """One cell in this process. Thread-safe: its methods may be called from any thread."""

    def __init__(self, config: CellConfig, clock: Clock | None = None) -> None:
        """Prepare the cell; ``start`` makes it live."""
        self.config = config
        self._clock = clock or SystemClock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._service: Any = None
        self._context: sockets.Context | None = None
        self._watchdog: LoopWatchdog | None = None

    def start(self) -> CellAddress:
        """Start the loop's thread, bind the sockets, start the actors.

        Raises:
            StartError: a port is taken, or a kind or driver cannot be found.
        """
        if self._thread is not None:
            raise StartError("the cell runs already", where=self.config.name)
        raise_file_limit()
        loop = self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, name=f"cell-{self.config.name}", daemon=True
        )
        self._thread.start()
        address = self._ask(self._start, START_S)
        self._watchdog = LoopWatchdog(loop, self._thread, self.config.name)
        return address

    def connect(self, directory: Directory) -> None:
        """Take a newer directory."""
        self._ask(lambda: self._service.connect(directory))

    def change(self, config: CellConfig) -> None:
        """Go on with another configuration of this cell, the whole of it.

        What stays in it stays as it is: no link is closed, no poll is late, no stream has a gap
        for a device that did not change. Returns when it is done; then links that are new may
        still be connecting (see ``progress``). One change at a time; a second one waits.

        Order for a city: the zone and centre cells, the device cells, ``connect`` with a new
        directory, the gateway. In any other order values are kept until they have a name.

        Raises:
            UsageError: a setting differs that only a restart can change, or a device that
                changed keeps its slots; whoever made the config is wrong.
            ConfigError, StartError: a kind, a driver or an address cannot be used: the
                operator's fault. MemoryError: no room. The cell is as it was.
        """
        kinds, drivers = _parts(config)
        self._ask(lambda: self._service.take(config, kinds, drivers), START_S)
        self.config = config
        gc.freeze()  # as at the start; what was replaced is no cycle that anybody must find

    def progress(self) -> dict[str, Any]:
        """Return how far the cell is on its way to ready: at least ``ready`` and ``detail``."""
        found: dict[str, Any] = self._ask(lambda: self._service.progress())
        return found

    def health(self) -> dict[str, Any]:
        """Return load, counters and recent failures."""
        found: dict[str, Any] = self._ask(lambda: self._service.health())
        if self._watchdog is not None:
            found["held"] = self._watchdog.held
        return found

    def hold(self, seconds: float) -> None:
        """Hold the loop up, for tests of what others make of a cell that is frozen.

        Returns when it is held.
        """
        held = threading.Event()

        def sleep() -> None:
            held.set()
            time.sleep(seconds)

        if self._loop is not None:
            self._loop.call_soon_threadsafe(sleep)
            held.wait(CALL_S)

    def stop(self, grace_s: float = 5.0) -> None:
        """End what is in hand, close the sockets, end the thread; idempotent."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        if self._watchdog is not None:
            self._watchdog.stop()
        try:
            if self._service is not None:
                self._ask(lambda: self._service.stop(grace_s), limit_s=grace_s + 5.0)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5.0)
            if self._context is not None:
                self._context.term()
            self._loop = self._thread = None

    # On the loop ---------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            pending = asyncio.all_tasks(self._loop)
            for task in pending:
                task.cancel()
            if pending:
                self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            self._loop.close()

    def _start(self) -> CellAddress:
        assert self._loop is not None
        self._context = sockets.new_context()
        gc.disable()  # hundreds of thousands of objects are made now, and none is garbage
        try:
            service = _service(self.config, self._loop, self._context, self._clock)
            address: CellAddress = service.start()
            _populate(service, self.config)
        except BaseException:
            # Nobody will ever close what was opened, and a context waits for that for ever.
            self._context.destroy(linger=0)
            self._context = None
            raise
        finally:
            gc.enable()
        self._service = service
        gc.freeze()  # what lives now lives as long as the cell: no collection need visit it
        return address

    def _ask(self, action: Callable[[], T | Awaitable[T]], limit_s: float = CALL_S) -> T:
        loop = self._loop
        if loop is None:
            raise StartError("the cell is not running", where=self.config.name)

        async def run() -> T:
            result = action()
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(run(), loop).result(limit_s)


def _service(
    config: CellConfig,
    loop: asyncio.AbstractEventLoop,
    context: sockets.Context,
    clock: Clock,
) -> Any:
    """Make the service of a role; imported late, so that a cell loads only what it needs."""
    module, name = _ROLES[config.role]
    role = getattr(importlib.import_module(module), name)
    return role(config, loop, context, clock)


def _parts(config: CellConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find the kinds of a config, and of a device cell's the drivers.

    Raises:
        ConfigError: a package that the city needs is not installed.
    """
    if config.role == "gateway":
        return {}, {}
    offer = Offer(find_kinds(), None)
    kinds = _resolved(offer, {template.kind for template in config.templates.values()})
    if config.role != "device":
        return kinds, {}
    known = Offer(find_drivers(), None)
    return kinds, _resolved(known, {link.driver for s in config.shards for link in s.links})


def _resolved(offer: Offer[Any], names: Iterable[str]) -> dict[str, Any]:
    try:
        return {name: offer.resolve(name) for name in sorted(names)}
    except KeyError as error:
        raise ConfigError(
            f"no package on this node offers {error.args[0]!r}", advice="install it here too"
        ) from error


def _populate(service: Any, config: CellConfig) -> None:
    kinds, drivers = _parts(config)
    if config.role == "gateway":
        return
    if config.role == "device":
        links = (link for shard in config.shards for link in shard.links)
        need_files(config.name, links, drivers)
        service.start_shards(kinds, drivers)
    elif config.role == "zone":
        service.start_zones(_supervisor("zone"), kinds)
    else:
        service.start_centre(_supervisor("centre"), kinds)


def _supervisor(name: str) -> Any:
    entries = importlib.metadata.entry_points(group=SUPERVISORS)
    found: Registry[Any] = Registry("supervisor", ("summarize", "take_event"), entries)
    if name not in found:
        raise StartError(
            f"no package offers the supervisor {name!r}",
            where=f"entry points {SUPERVISORS}",
            advice="is jacquemart installed? run `make` or `pip install -e .`",
        )
    return found[name]


def setup_logging(name: str) -> None:
    """Log warnings and errors to stderr, which Ray keeps in its session folder."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format=f"%(asctime)s {name} %(levelname)s %(name)s: %(message)s",
    )
