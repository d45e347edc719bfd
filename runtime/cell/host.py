"""A cell's thread: one loop that owns everything, and the few calls that reach it from outside.

Ray's threads only hand over start, connect, progress, health and stop; nothing with a deadline
passes here.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import uvloop

from jacquemart.runtime.cell.assembly import (
    Parts,
    build,
    find_parts,
    make_service,
    populate,
    preload,
)
from jacquemart.runtime.cell.draining import drain
from jacquemart.runtime.cell.open_files import raise_file_limit
from jacquemart.runtime.cell.watchdog import LoopWatchdog
from jacquemart.runtime.model.clock import Clock, SystemClock
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.versions import MINE
from jacquemart.runtime.wire import sockets

T = TypeVar("T")
log = logging.getLogger("jacquemart.cell")

#: How long a call from outside waits for the loop.
CALL_S = 30.0
#: In a zone cell the loop keeps the interpreter so long at most from a journal's writer, which has
#: microseconds of work before and after each commit; five milliseconds, Python's own, is a
#: hundred times what the disk takes.
WRITERS_WAIT_S = 0.0005
#: The collector looks at what is new after so many objects. Python's 700 have it come hundreds of
#: times in a bulk command, which makes and drops some for each device: a quarter of its cost.
COLLECT_AFTER = 20_000
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
        self.on_fenced: Callable[[str, int], object] | None = None
        """Hears, on the loop's thread, that somebody else has the cell's shards: why, and the least
        epoch that a new incarnation needs. Its links are closed, and it will never write again;
        whoever runs it must end it. Must not block."""
        self._ready: Any = None
        """What ``prepare`` has made: a service that serves nobody yet."""
        self._parts: dict[str, Parts] = {}
        """What cells of each role are made of, looked for by ``prepare``."""

    def start(self) -> CellAddress:
        """Start the loop's thread, bind the sockets, start the actors.

        Raises:
            StartError: a port is taken, or a kind or driver cannot be found.
        """
        self._begin()
        return self._go_live(START_S)

    def prepare(self) -> None:
        """Be a standby: start the loop's thread and make all that can be made before ``adopt``.

        No socket is bound, no link is open and no actor has started. A device cell has the
        shards of its config built, which are those that it may be asked to adopt.

        Raises:
            ConfigError, StartError: a kind or driver cannot be found.
        """
        self._begin()
        self._ask(self._warm_up, START_S)

    def adopt(self, config: CellConfig) -> CellAddress:
        """Become a cell, after ``prepare``: as ``start``, and much faster.

        Args:
            config: the cell's own: its name and epoch, some of the shards that were prepared. Of
                another role only the code is ready, and its parts are made now.

        Raises:
            StartError: a port is taken, or nothing was prepared. The process is of no use then.
        """
        if self._ready is None or self._service is not None:
            raise StartError("it is no standby", where=self.config.name)
        self.config = config
        return self._go_live(START_S)

    def _begin(self) -> None:
        if self._thread is not None:
            raise StartError("the cell runs already", where=self.config.name)
        raise_file_limit()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, name=f"cell-{self.config.name}", daemon=True
        )
        self._thread.start()

    def _go_live(self, limit_s: float) -> CellAddress:
        address = self._ask(self._start, limit_s)
        assert self._loop is not None
        assert self._thread is not None
        self._watchdog = LoopWatchdog(
            self._loop, self._thread, self.config.name, self._service.ledger,
            self.config.ends_when_held_s,
        )  # fmt: skip
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
        parts = find_parts(config)
        self._ask(lambda: self._service.take(config, parts.kinds, parts.drivers), START_S)
        self.config = config
        gc.freeze()  # as at the start; what was replaced is no cycle that anybody must find

    def progress(self) -> dict[str, Any]:
        """Return how far the cell is on its way to ready: at least ``ready`` and ``detail``."""
        found: dict[str, Any] = self._ask(lambda: self._service.progress())
        return {**found, "version": MINE.package}

    def heard(self) -> dict[str, list[int]]:
        """Return the heartbeats that a zone cell has heard; see ``LeaseDesk.heard``."""
        found: dict[str, list[int]] = self._ask(lambda: self._service.queries()["heard"]({}))
        return found

    def health(self) -> dict[str, Any]:
        """Return load, counters and recent failures."""
        found: dict[str, Any] = self._ask(lambda: self._service.health())
        if self._watchdog is not None:
            found["held"] = self._watchdog.held
            found["loop_held_ms"] = self._watchdog.longest_held_ms
        return found

    @property
    def loop_stamp(self) -> int:
        """How often the loop has answered the watchdog, about four times a second; never waits."""
        return self._watchdog.stamp if self._watchdog is not None else 0

    @property
    def loop_held_ms(self) -> int:
        """For how long the loop is held now; 0: it turns, or for less than half a second."""
        return self._watchdog.held_ms if self._watchdog is not None else 0

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

    def drain(self, grace_s: float) -> None:
        """Before ``stop``, for a successor: begin nothing new, and let what is in hand end.

        Returns when nothing is in hand, or after ``grace_s``; the links go on until ``stop``.
        """
        service = self._service
        if service is not None:
            work: Callable[[], bool | Awaitable[bool]] = partial(drain, service, grace_s)
            if not self._ask(work, grace_s + 5.0):
                log.warning("cell %s hands over with commands in hand", self.config.name)

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
            if thread.is_alive():
                # Sockets are their thread's: closed under a loop that polls them, it would abort.
                log.error("the loop of cell %s does not end; its sockets stay", self.config.name)
            elif self._context is not None:
                # Not term, which waits for ever for a socket that somebody has opened meanwhile.
                self._context.destroy(linger=0)
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

    def _warm_up(self) -> None:
        assert self._loop is not None
        self._context = sockets.new_context()
        gc.disable()
        try:
            service = make_service(self.config, self._loop, self._context, self._clock)
            self._parts = {role: find_parts(replace(self.config, role=role)) for role in preload()}
            build(service, self._parts[self.config.role])
        finally:
            gc.enable()
        self._ready = service
        gc.freeze()

    def _start(self) -> CellAddress:
        assert self._loop is not None
        if self._context is None:
            self._context = sockets.new_context()
        gc.disable()  # hundreds of thousands of objects are made now, and none is garbage
        try:
            if self._ready is not None and self._ready.config.role == self.config.role:
                service = self._ready
                service.config = self.config
            else:
                service = make_service(self.config, self._loop, self._context, self._clock)
            parts = self._parts.get(self.config.role) or find_parts(self.config)
            if self.config.role == "zone":
                sys.setswitchinterval(WRITERS_WAIT_S)
            service.on_fenced = self._fenced
            address: CellAddress = service.start()
            populate(service, self.config, parts)
        except BaseException:
            # Nobody will ever close what was opened, and a context waits for that for ever.
            self._context.destroy(linger=0)
            self._context = None
            raise
        finally:
            gc.enable()
        self._service = service
        gc.freeze()  # what lives now lives as long as the cell: no collection need visit it
        gc.set_threshold(COLLECT_AFTER)
        return address

    def _fenced(self, why: str, least_epoch: int) -> None:
        if self.on_fenced is not None:
            self.on_fenced(why, least_epoch)

    def _ask(self, action: Callable[[], T | Awaitable[T]], limit_s: float = CALL_S) -> T:
        loop = self._loop
        if loop is None:
            raise StartError("the cell is not running", where=self.config.name)

        async def run() -> T:
            result = action()
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(run(), loop).result(limit_s)


def setup_logging(name: str) -> None:
    """Log warnings and errors to stderr, which Ray keeps in its session folder."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format=f"%(asctime)s {name} %(levelname)s %(name)s: %(message)s",
    )
