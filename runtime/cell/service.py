"""What all cells have in common: a server for requests, a stream, errors, counters, life."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import resource
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jacquemart.native import frames
from jacquemart.runtime.cell import presence
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import FrameError, JacquemartError, UsageError
from jacquemart.runtime.model.versions import BUNDLES, MINE
from jacquemart.runtime.wire import far_caller, messages, sockets
from jacquemart.runtime.wire.calls import Caller, Request, Server
from jacquemart.runtime.wire.publisher import StreamPublisher

if TYPE_CHECKING:
    from jacquemart.runtime.cell.commanding import Commanding

log = logging.getLogger("jacquemart.cell")

#: Failures kept for ``top`` and ``health``.
FAILURES_KEPT = 20
#: The same failure is logged again after so long, with its count.
SAY_AGAIN_S = 10.0
#: What a running cell cannot change of its config.
FIXED = ("city", "name", "role", "epoch", "host", "network", "gateway", "tick_ms")


class Service:
    """The loop side of a cell. Subclasses are the roles; all methods run on the loop."""

    def __init__(
        self,
        config: CellConfig,
        loop: asyncio.AbstractEventLoop,
        context: sockets.Context,
        clock: Clock,
    ) -> None:
        """Remember where the service lives; ``start`` opens its sockets."""
        self.config = config
        self.loop = loop
        self.context = context
        self.clock = clock
        self.directory = Directory(0, {}, {}, {})
        self.failures: deque[str] = deque(maxlen=FAILURES_KEPT)
        self.counters: dict[str, int] = {
            "commands": 0, "bulks": 0, "queries": 0, "bad_frames": 0, "failures": 0,
        }  # fmt: skip
        self.server: Server
        self.publisher: StreamPublisher
        self.ledger = Ledger()
        self.lag_ms = 0.0
        self._said: dict[str, tuple[float, int]] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._stopping = False
        self._changing = asyncio.Lock()
        self._callers: dict[str, tuple[CellAddress, Caller]] = {}
        self._far = ("", "")
        """Where cells of other hosts reach it: as the endpoints of ``bind``."""
        self.on_fenced: Callable[[str, int], object] | None = None
        """Hears, on the loop, why this cell must end, and the least epoch of a new one."""

    # Life ----------------------------------------------------------------------------------

    def start(self) -> CellAddress:
        """Bind the sockets, begin to serve, and return the endpoints.

        Raises:
            StartError: a socket cannot be bound, or the cell's ledger cannot be made.
        """
        self.ledger.begin(self.config.ledger)
        commands, stream = self.bind()
        self._measure_lag(self.loop.time())
        config = self.config
        return CellAddress(
            config.name, config.role, config.epoch, commands, stream, os.getpid(), config.address,
            config.ledger, self.place, self._far[0], self._far[1],
            MINE.package, MINE.wire.least, MINE.wire.most,
        )  # fmt: skip

    @cached_property
    def commanding(self) -> Commanding:
        """What carries the commands of its actors; made for the first of them."""
        from jacquemart.runtime.cell.commanding import Commanding

        return Commanding(self)

    def where(self, device: str, verb: str, point: str) -> tuple[str, str, bool] | None:
        """Return a device's zone and shard, and whether a command to it is volatile.

        None: it is none that this cell knows of itself.
        """
        return None

    @property
    def place(self) -> str:
        """Return what names this cell's host."""
        return presence.host_of(self.config.address, self.clock)

    def bind(self) -> tuple[str, str]:
        """Open the ROUTER and the XPUB for the city's other cells; return their endpoints."""
        config = self.config
        label = f"{config.city}/{config.name}"
        router = sockets.router(self.context)
        commands = sockets.bind_for_cells(router, config.host, label)
        stream_socket = sockets.publisher(self.context)
        stream = sockets.bind_for_cells(stream_socket, config.host, label)
        if config.network:
            far = [sockets.bind(one, config.network) for one in (router, stream_socket)]
            self._far = (far[0], far[1])
        self.server = Server(self.loop, router, self.request, self.broken)
        self.publisher = StreamPublisher(
            self.loop, stream_socket, self.config.epoch, self.clock, self.broken
        )
        return commands, stream

    def connect(self, directory: Directory) -> None:
        """Take a newer directory; calls to cells that are gone end without an answer."""
        if directory.version <= self.directory.version:
            return
        self.directory = directory = directory.seen_from(self.place)
        if "commanding" in self.__dict__:
            self.commanding.connected()  # before calls end: what is given then goes by the new one
        for name, (address, caller) in list(self._callers.items()):
            if directory.cells.get(name) != address:
                del self._callers[name]
                caller.close()

    async def take(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Go on with another config of this very cell; see :meth:`CellHost.change`.

        Raises:
            UsageError: a setting differs that only a restart can change, or slots move.
            JacquemartError, MemoryError: it cannot be taken. The cell is as it was.
        """
        async with self._changing:
            for name in FIXED:
                old, new = getattr(self.config, name), getattr(config, name)
                if old != new:
                    raise UsageError(
                        f"{name} was {old!r} and is {new!r} now",
                        where=f"cell {self.config.name}",
                        advice="a running cell cannot change this; restart the city",
                    )
            await self.change(config, kinds, drivers)
            self.config = config
            if "commanding" in self.__dict__:
                self.commanding.direct.forget()

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Do the difference to ``self.config``, or raise and be as before. Roles override it."""
        raise UsageError(f"a {self.config.role} cell cannot change while it runs")

    def progress(self) -> dict[str, Any]:
        """Return how far the service is on its way to ready."""
        return {"ready": True, "detail": ""}

    def health(self) -> dict[str, Any]:
        """Return what an operator wants to know of the process."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "name": self.config.name,
            "role": self.config.role,
            "epoch": self.config.epoch,
            "pid": os.getpid(),
            "version": MINE.package,
            "loop_lag_ms": round(self.lag_ms, 3),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "rss_mb": round(_rss_mb(), 1),
            "counters": {**self.counted(), **self.refusals()},
            "failures": list(self.failures)[-5:],
        }

    def counted(self) -> dict[str, int]:
        """Return what came, by name."""
        return self.counters

    def refusals(self) -> dict[str, int]:
        """Return what was refused or dropped, by name."""
        commanding = self.__dict__.get("commanding")
        return {
            "malformed_requests": self.server.malformed,
            "replies_dropped": self.server.channel.lost,
            "actor_commands_refused": commanding.under_way.refused if commanding else 0,
        }

    async def stop(self, grace_s: float) -> None:
        """Stop serving. Subclasses end what is in hand first."""
        self._stopping = True
        if self._beat is not None:
            self._beat.cancel()
        if "commanding" in self.__dict__:
            self.commanding.stop()
        for _, caller in self._callers.values():
            caller.close()
        self._callers.clear()
        await asyncio.sleep(min(0.05, grace_s))  # let the last replies leave
        self.server.close()
        self.publisher.close()
        self.ledger.close()

    @property
    def stopping(self) -> bool:
        """Whether it is about to end: what others owe it now, it passes on to nobody."""
        return self._stopping

    # Requests ------------------------------------------------------------------------------

    def request(self, request: Request) -> None:
        """Dispatch one request by its kind; whatever is wrong with it is answered."""
        try:
            kind = messages.kind_of(request.frame)
            if kind == frames.COMMAND:
                self.counters["commands"] += 1
                self.command(request)
            elif kind == frames.CLAIM:
                self.counters["commands"] += 1
                self.claim(request)
            elif kind == frames.BULK:
                self.counters["bulks"] += 1
                self.bulk(request)
            elif kind == frames.QUERY:
                self.counters["queries"] += 1
                self.query(request, messages.decode_query(request.frame))
            else:
                raise FrameError(
                    f"kind {kind} is no request",
                    where="frame position 1",
                    advice="see docs/protocol.md",
                )
        except frames.MalformedFrame as error:
            self.counters["bad_frames"] += 1
            request.reply(messages.error("bad_frame", str(error), f"byte {error.offset}"))
        except JacquemartError as error:
            if isinstance(error, FrameError):
                self.counters["bad_frames"] += 1
            request.reply(messages.error_of(error))
        except Exception as error:  # noqa: BLE001 - our bug: said to the asker, stops nobody else
            self.failed_request(request, error)

    def failed_request(self, request: Request, error: BaseException) -> None:
        """Answer a request that failed for a fault of ours, and take note of it."""
        self.broken(error)
        request.reply(messages.error("internal", f"{type(error).__name__}: {error}"))

    def command(self, request: Request) -> None:
        """Take a COMMAND."""
        raise UsageError(f"a {self.config.role} cell takes no commands to devices")

    def claim(self, request: Request) -> None:
        """Take a CLAIM."""
        raise UsageError(f"a {self.config.role} cell takes no claims")

    def bulk(self, request: Request) -> None:
        """Take a BULK command."""
        raise UsageError(f"a {self.config.role} cell takes no bulk commands")

    def query(self, request: Request, query: messages.Query) -> None:
        """Answer a QUERY."""
        handler = self.queries().get(query.verb)
        if handler is None:
            known = ", ".join(sorted(self.queries()))
            raise UsageError(
                f"unknown query {query.verb[:80]!r}", where="verb", advice=f"known here: {known}"
            )
        found = handler(query.args)
        if isinstance(found, asyncio.Future):
            found.add_done_callback(lambda done: self._answer_later(request, done))
        else:
            request.reply(messages.reply(found))

    def _answer_later(self, request: Request, done: asyncio.Future[Any]) -> None:
        """Answer a QUERY whose handler has given a future: its result, or its error."""
        if done.cancelled():
            return  # the cell is stopping
        error = done.exception()
        if error is None:
            request.reply(messages.reply(done.result()))
        elif isinstance(error, JacquemartError):
            request.reply(messages.error_of(error))
        else:
            self.failed_request(request, error)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries; one that gives a future is answered when that is done."""
        return {
            "health": lambda _: self.health(),
            far_caller.ECHO: lambda _: {"boot_ns": self.clock.boot_ns()},
        }

    # Calls to other cells ------------------------------------------------------------------

    def caller(self, name: str) -> Caller:
        """Return the connection to a cell of the directory.

        Raises:
            UsageError: no such cell.
        """
        known = self._callers.get(name)
        if known is not None:
            return known[1]
        address = self.directory.cells.get(name)
        if address is None:
            raise UsageError(f"no cell {name!r} in the directory")
        far = address.place not in ("", self.place)
        caller = (far_caller.FarCaller if far else Caller)(
            self.loop,
            self.context,
            address.commands,
            f"{self.config.name}@{self.config.epoch}",
            self.clock,
            self.broken,
        )
        caller.bundles = address.wire_most >= BUNDLES
        self._callers[name] = (address, caller)
        return caller

    @property
    def calls_waiting(self) -> int:
        """How many calls to other cells, and commands of its actors, have no end yet."""
        own = len(self.commanding.under_way) if "commanding" in self.__dict__ else 0
        return own + sum(caller.waiting for _, caller in self._callers.values())

    # Failures ------------------------------------------------------------------------------

    def broken(self, error: BaseException) -> None:
        """Take note of an exception that nobody else handles."""
        self.counters["failures"] += 1
        text = "".join(traceback.format_exception_only(error)).strip()
        self.failures.append(text[:500])
        now = self.loop.time()
        last, unsaid = self._said.get(text, (-SAY_AGAIN_S, 0))
        if now - last < SAY_AGAIN_S:  # the same failure again: count it, do not flood the log
            self._said[text] = (last, unsaid + 1)
            return
        if len(self._said) > 100:
            self._said.clear()
        self._said[text] = (now, 0)
        again = f" (and {unsaid} times since it was last said)" if unsaid else ""
        log.error("cell %s: %s%s", self.config.name, text, again, exc_info=error)

    def _measure_lag(self, expected: float) -> None:
        late_ms = max(0.0, (self.loop.time() - expected) * 1e3)
        self.lag_ms = max(late_ms, self.lag_ms * 0.98)
        due = self.loop.time() + 0.25
        self._beat = self.loop.call_at(due, self._measure_lag, due)


def _rss_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def text_arg(args: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text argument of a query.

    Raises:
        UsageError: missing or not text.
    """
    value = args.get(name, default)
    if not isinstance(value, str):
        raise UsageError(f"argument {name!r} is {type(value).__name__}, allowed: text")
    return value


def number_arg(args: Mapping[str, Any], name: str, default: float) -> float:
    """Return a finite number argument of a query.

    Raises:
        UsageError: not a finite number.
    """
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"argument {name!r} is {value!r}, allowed: a finite number")
    return value
