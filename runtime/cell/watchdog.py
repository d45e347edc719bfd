"""The watchdog of a loop: names the code that holds it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections import deque

log = logging.getLogger("jacquemart.cell")

#: A handler that holds the loop longer than this is named.
LIMIT_S = 0.5
_LOOK_S = 0.25


class LoopWatchdog:
    """Asks the loop for a sign of life, from a thread of its own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, name: str
    ) -> None:
        """Watch ``loop``, which runs in ``thread``."""
        self.held: deque[str] = deque(maxlen=10)
        """Newest last: what held the loop, and for how long at least."""
        self._loop = loop
        self._thread = thread
        self._name = name
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End the watching."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_S):
            alive = threading.Event()
            try:
                self._loop.call_soon_threadsafe(alive.set)
            except RuntimeError:  # the loop is closed
                return
            if alive.wait(LIMIT_S) or self._stop.is_set():
                continue
            frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - only way
            if frame is not None:
                where = traceback.format_stack(frame)[-3:]
                text = "".join(where).strip()
                self.held.append(text[-400:])
                log.error("the loop of %s is held by:\n%s", self._name, text)
            alive.wait()
