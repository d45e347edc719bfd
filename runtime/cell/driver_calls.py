"""Calls to a driver: one at a time, in bounded time, whatever the driver does."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from jacquemart.runtime.cell.leash import Cut, Leash, Watch
from jacquemart.runtime.model.errors import LinkError
from jacquemart.runtime.model.text import describe

#: Longest time a driver may take for one call before its link is given up.
CALL_S = 15.0

T = TypeVar("T")


class CallTooLong(LinkError):
    """A driver did not come back in time; its link is opened anew."""

    code = "driver_timeout"
    leashed = False
    """Its leash was over, which is no fault of the link."""


class DriverCrash(Exception):
    """A driver raised what is no Exception (it called ``exit``, or cancelled itself): its bug."""


class DriverCalls:
    """Calls the methods of one driver; a blocking driver's in a thread of its own."""

    def __init__(self, link: str, *, blocking: bool) -> None:
        """Prepare for the driver of a link; no thread is made before the first call."""
        self._link = link
        self._blocking = blocking
        self._thread: _DriverThread | None = None
        self._left: list[_DriverThread] = []
        self.turn = asyncio.Lock()
        """Held while a blocking call is under way; hold it to do something between two calls."""

    @property
    def stuck(self) -> bool:
        """Whether a blocking call that was given up has still not come back.

        Two calls at a time in one driver would break its contract, and what an old call sends
        when it wakes up must not meet a new connection: so wait.
        """
        self._left = [thread for thread in self._left if thread.busy]
        return bool(self._left)

    async def call(
        self, method: Callable[..., Awaitable[T]], *args: Any, limit_s: float = CALL_S,
        leash: Leash | None = None,
    ) -> T:  # fmt: skip
        """Call a method of the driver and return its result.

        With a ``leash``, nothing is sent after that is over: a coroutine is cut there. A thread
        cannot be; it is asked for right before the call, in the thread.

        Raises:
            CallTooLong: it did not come back within ``limit_s`` or its leash; it was cancelled.
            NeverSent: the leash was over before the call began.
            DriverCrash: see there.
            Exception: whatever the driver raised.
        """
        task = asyncio.current_task()
        cancels = task.cancelling() if task is not None else 0
        watch: Watch | None = None
        try:
            async with asyncio.timeout(limit_s) as patience:
                if self._blocking:
                    async with self.turn:
                        result: T = await self._in_thread(method, args, leash)
                        return result
                if leash is None:
                    return await method(*args)
                leash.check()
                watch = Watch(leash, patience)
                return await leash.lead(method(*args))  # type: ignore[no-any-return]
        except TimeoutError as error:
            if not patience.expired():
                raise  # the driver's own
            self.leave()
            late = CallTooLong(
                f"the driver took longer than {limit_s:g} s", where=f"link {self._link}"
            )
            late.leashed = watch is not None and watch.ended
            raise late from error
        except Cut as error:
            if task is not None and task.cancelling() > cancels:
                raise asyncio.CancelledError from error  # the link is ended, too
            late = CallTooLong(str(error), where=f"link {self._link}")
            late.leashed = True
            raise late from error
        except asyncio.CancelledError as error:
            if task is not None and task.cancelling() > cancels:
                self.leave()
                raise  # the link is ended
            raise DriverCrash("the driver was cancelled from within") from error
        except (SystemExit, KeyboardInterrupt) as error:
            raise DriverCrash(describe(error)) from error
        finally:
            if watch is not None:
                watch.cancel()

    def leave(self) -> None:
        """Leave a thread that may hang to itself; the next call gets a new one."""
        if self._thread is not None:
            self._thread.leave()
            if self._thread.busy:
                self._left.append(self._thread)
            self._thread = None

    def _in_thread(
        self, method: Callable[..., Any], args: tuple[Any, ...], leash: Leash | None
    ) -> asyncio.Future[Any]:
        if self._thread is None:
            self._thread = _DriverThread(asyncio.get_running_loop(), f"link-{self._link}")
        if leash is None:
            return self._thread.submit(method, args)

        def checked(*args: Any) -> Any:
            leash.check()  # the thread may have been frozen since the loop gave it the job
            return method(*args)

        return self._thread.submit(checked, args)


class _DriverThread:
    """A thread for a blocking driver, so that it can hold up no other link.

    A daemon: an executor's threads are waited for when the interpreter ends, and a driver that
    hangs would keep the whole process from ending.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self.busy = False
        self._loop = loop
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, method: Callable[..., Any], args: tuple[Any, ...]) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()

        def finish(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def job() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = method(*args)
            except StopIteration as stopped:  # no future takes it
                error = RuntimeError(describe(stopped))
            except BaseException as raised:  # noqa: BLE001 - the caller's to judge
                error = raised
            self.busy = False
            try:
                self._loop.call_soon_threadsafe(finish, result, error)
            except RuntimeError:  # the loop is closed: nobody waits
                pass

        self.busy = True
        self._jobs.put(job)
        return future

    def leave(self) -> None:
        """End the thread when its call has come back."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
