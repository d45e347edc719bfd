"""A stream for callers without a loop: an asyncio client on a thread of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from typing import Any

from jacquemart.runtime.client.updates import Update
from jacquemart.runtime.model.errors import InternalError, JacquemartError
from jacquemart.runtime.model.text import describe

#: Updates handed over but not consumed; the thread waits beyond that and conflates.
HANDED_OVER = 1_000


class BackgroundStream:
    """One subscription, fed by a thread."""

    def __init__(self, api: str, principal: str, what: str, zone: str, pattern: str) -> None:
        """Begin to follow."""
        self._queue: queue.Queue[Update | JacquemartError | None] = queue.Queue(HANDED_OVER)
        self._arguments = (api, principal, what, zone, pattern)
        self._closed = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="jacquemart-stream", daemon=True)
        self._thread.start()

    def updates(self) -> Iterator[Update]:
        """Yield updates until the stream is closed.

        Raises:
            JacquemartError: the subscription was refused or the gateway is gone.
        """
        try:
            while not self._closed.is_set():
                try:
                    item = self._queue.get(timeout=0.5)
                except queue.Empty:
                    continue
                if item is None:
                    return
                if isinstance(item, JacquemartError):
                    raise item
                yield item
        finally:
            self.close()

    def close(self) -> None:
        """End the stream and its thread; idempotent."""
        if self._closed.is_set():
            return
        self._closed.set()
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:  # the loop has ended by itself
                pass
        self._thread.join(5.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except asyncio.CancelledError:
            pass
        except JacquemartError as error:
            self._hand_over(error)
        except Exception as error:  # noqa: BLE001 - our bug: for the consumer to hear
            self._hand_over(InternalError(describe(error), where="subscription"))
        self._hand_over(None)

    async def _follow(self) -> None:
        from jacquemart.runtime.client.async_client import AsyncClient

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._closed.is_set():  # closed before there was a task to cancel
            return
        api, principal, what, zone, pattern = self._arguments
        async with AsyncClient(api, principal=principal) as client:
            async for update in client.subscribe(what, zone=zone, pattern=pattern):
                while not self._closed.is_set():
                    try:
                        self._queue.put_nowait(update)
                        break
                    except queue.Full:
                        await asyncio.sleep(0.01)

    def _hand_over(self, item: JacquemartError | None) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._closed.set()
