"""A simulated process: a loop of its own that can be frozen, and die without a word."""

from __future__ import annotations

import asyncio
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from math import ceil
from typing import Any, TypeVar

from jacquemart.runtime.testing.simulation.scheduler import Scheduler

Closing = Callable[[], object]
T = TypeVar("T")
#: Numbers of simulated processes: larger than any real one's, so that none is ever meant.
FIRST_PID = 10_000_000


class TurnHandle(asyncio.TimerHandle):
    """A callback of a process, ready or to come; lean, since a run makes thousands."""

    __slots__ = ("args", "callback", "context", "dropped", "when_ns")

    def __init__(
        self, when_ns: int, callback: Callable[..., object], args: tuple[Any, ...],
        context: Context,
    ) -> None:  # fmt: skip
        """Hold a callback, to be called when ``when_ns`` has come."""
        self.when_ns = when_ns
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = context
        self.dropped = False

    def when(self) -> float:
        """Return when it is due, in seconds of the loop's clock."""
        return self.when_ns / 1e9

    def cancel(self) -> None:
        """Do not call it."""
        self.dropped = True
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        """Whether it will not be called."""
        return self.dropped

    def __repr__(self) -> str:
        return f"<TurnHandle {self.callback!r}>"


class ProcessLoop(asyncio.AbstractEventLoop):
    """The loop that code in a simulated process sees: timers, tasks and futures, no descriptors.

    What it lacks raises ``NotImplementedError``: real sockets, threads, child processes.
    """

    def __init__(self, process: SimulatedProcess) -> None:
        """Belong to a process."""
        self.process = process
        self._scheduler = process.scheduler

    def time(self) -> float:
        """Return the boot-time clock in seconds."""
        return self._scheduler.now_ns / 1e9

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:  # fmt: skip
        """Call in the process's next turn."""
        handle = TurnHandle(0, callback, args, copy_context() if context is None else context)
        process = self.process
        if process.alive:  # as ``make_ready``, which is on the way of everything
            process.ready.append(handle)
            if not process.queued and not process.frozen:
                process.queued = True
                self._scheduler.runnable.append(process)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Call after ``delay`` seconds."""
        scheduler, process = self._scheduler, self.process
        now = scheduler.now_ns
        when = now + (ceil(delay * 1e9) if delay > 0.0 else 0)
        handle = TurnHandle(when, callback, args, copy_context() if context is None else context)
        if process.alive:
            scheduler.at(when if when > now else now + 1, process, handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Call when ``time()`` is ``when``."""
        scheduler, when_ns = self._scheduler, ceil(when * 1e9)
        handle = TurnHandle(when_ns, callback, args, copy_context() if context is None else context)
        if self.process.alive:
            scheduler.at(max(when_ns, scheduler.now_ns + 1), self.process, handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:  # fmt: skip
        """Return a task of this loop."""
        return asyncio.Task(coro, loop=self, name=name or "", context=context)

    def get_debug(self) -> bool:
        """Return False: the simulation has a history instead."""
        return False

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process.alive

    def is_closed(self) -> bool:
        """Whether the process has ended."""
        return not self.process.alive

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody else caught; see :attr:`SimulatedProcess.raised`."""
        if self.process.alive:
            error = context.get("exception")
            self.process.raised.append(repr(error) if error else str(context.get("message")))


class SimulatedProcess:
    """One process of the city, or one client, or the test itself."""

    def __init__(self, scheduler: Scheduler, name: str, epoch: int = 0) -> None:
        """Be alive, with nothing to do."""
        self.scheduler = scheduler
        self.name = name
        self.epoch = epoch
        """Of the cell that runs in it; 0: it is no cell."""
        self.pid = FIRST_PID + len(scheduler.processes)
        scheduler.processes[self.pid] = self
        self.rng = scheduler.chance("process", name, epoch)
        """For what code in the process asks the machine's chance for."""
        self.alive = True
        self.frozen = False
        self.frozen_ns = 0
        """When it was frozen last."""
        self.queued = False
        """Whether the scheduler knows that there is something to do."""
        self.raised: list[str] = []
        """Exceptions that nobody caught: always a bug."""
        self.loop = ProcessLoop(self)  # type: ignore[abstract]
        self.on_death: list[Closing] = []
        """What the kernel does when the process is gone: sockets vanish, journals are let go."""
        self.on_freeze: list[Closing] = []
        self.ready: deque[TurnHandle] = deque()
        """What runs in the next turns, in order."""
        self._left: list[asyncio.Task[Any]] = []

    def make_ready(self, handle: TurnHandle) -> None:
        """Have a callback run in the next turn, or after the process is resumed."""
        if not self.alive:
            return
        self.ready.append(handle)
        if not self.queued and not self.frozen:
            self.queued = True
            self.scheduler.runnable.append(self)

    def turn(self) -> bool:
        """Run what is ready now; whether there is more."""
        ready = self.ready
        _set_running_loop(self.loop)  # it stays so until another process has its turn
        for _ in range(len(ready)):
            if not self.alive or self.frozen:
                break
            handle = ready.popleft()
            callback = handle.callback
            if callback is None:
                continue
            try:
                handle.context.run(callback, *handle.args)
            except Exception as error:  # noqa: BLE001 - what asyncio's loops do
                self.raised.append(repr(error))
        return bool(ready) and self.alive and not self.frozen

    def inside(self, action: Callable[[], T]) -> T:
        """Do something as if it were the process's own turn, from the world or another process."""
        before = _get_running_loop()
        _set_running_loop(self.loop)
        try:
            return action()
        finally:
            _set_running_loop(before)

    def call(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run something as a task of this process, for a task of another that waits for it."""
        here = asyncio.get_running_loop()
        if here is self.loop:
            return self.loop.create_task(work)
        waiting: asyncio.Future[T] = here.create_future()

        def tell() -> None:
            if waiting.done():
                return
            error = task.exception() if not task.cancelled() else None
            if error is not None:
                waiting.set_exception(error)
            elif task.cancelled():
                waiting.cancel()
            else:
                waiting.set_result(task.result())

        task = self.inside(lambda: self.loop.create_task(work))
        task.add_done_callback(lambda _: here.call_soon(tell))
        return waiting

    def broken(self, error: BaseException) -> None:
        """Keep an exception that nobody handles."""
        if self.alive:
            self.raised.append(repr(error))

    def freeze(self) -> None:
        """Stop, as by SIGSTOP: nothing runs, what comes waits."""
        if self.alive and not self.frozen:
            self.frozen = True
            for action in list(self.on_freeze):
                action()

    def resume(self) -> None:
        """Go on where it stopped; all that was due meanwhile is due now."""
        if self.alive and self.frozen:
            self.frozen = False
            if self.ready and not self.queued:
                self.queued = True
                self.scheduler.runnable.append(self)

    def kill(self) -> None:
        """Die, as by SIGKILL: nothing runs any more, nobody is told."""
        if not self.alive:
            return
        self._left.extend(asyncio.all_tasks(self.loop))
        self.alive = False
        self.frozen = False
        self.ready.clear()
        for action in list(self.on_death):
            action()
        self.on_death.clear()

    def bury(self) -> None:
        """Let go of what a dead process left in memory, without running it to its end."""
        for task in self._left:
            # No destructor is to speak of it: its process did not ask for that.
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
            _unwind(task.get_coro())
        self._left.clear()


def _unwind(coroutine: Any) -> None:
    """Close a coroutine whose ``finally`` may wait for something that never comes."""
    for _ in range(20):
        try:
            coroutine.close()
            return
        except RuntimeError:  # it waits again; close it there, too
            continue
        except Exception:  # noqa: BLE001 - its process is dead: nobody is interested any more
            return
