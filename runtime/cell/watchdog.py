"""The watchdog of a loop: names the code that holds it, and ends a process that is held for good.

A cell has three separate signs of life. The **process** runs: a plain thread of it stamps
(``cluster.pulse``). Its **loop** turns: it has answered the watchdog lately (``stamp``). A
**device** works: when it was last heard, how often its code has failed (``cell.care``). A process
can run while its loop is held, with all its sockets open: nobody else can tell that from outside,
so the watchdog ends it, hard, and leaves in the ledger who held it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

from jacquemart.runtime.actor.base import Actor
from jacquemart.runtime.cell.ledger import Ledger

log = logging.getLogger("jacquemart.cell")

#: A handler that holds the loop longer than this is named.
LIMIT_S = 0.5
_LOOK_S = 0.25
_SLICE_S = 0.1
#: A loop that is held longer than this ends its process, where a process is a cell's own.
ENDS_AFTER_S = 5.0
#: What such a process ends with.
EXIT_CODE = 86


class LoopWatchdog:
    """Asks the loop for a sign of life, from a thread of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thread: threading.Thread,
        name: str,
        ledger: Ledger | None = None,
        ends_after_s: float = 0.0,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        """Watch ``loop``, which runs in ``thread``.

        Args:
            loop, thread, name: of the cell.
            ledger: where to leave who held it.
            ends_after_s: end the process when the loop was held for so long; 0: never, because
                others live in it too.
            end: how; a seam for tests.
        """
        self.held: deque[str] = deque(maxlen=10)
        """Newest last: what held the loop, and for how long at least."""
        self.stamp = 0
        """How often the loop has answered."""
        self.longest_held_ms = 0
        self._loop = loop
        self._thread = thread
        self._name = name
        self._ledger = ledger
        self._ends_after_s = ends_after_s
        self._end = end
        self._held_s = 0.0
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)
        self._watcher.start()

    @property
    def held_ms(self) -> int:
        """For how long the loop is held now, in ms; below half a second it is 0."""
        return int(self._held_s * 1e3) if self._held_s >= LIMIT_S else 0

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
            self._wait(alive)

    def _wait(self, alive: threading.Event) -> None:
        """Wait for the loop's answer.

        What is counted is the time that this very thread has waited: when the whole process was
        stopped, or the host was, the loop is at no fault, and gets a slice more to answer.
        """
        told = False
        self._held_s = 0.0
        while not alive.wait(_SLICE_S):
            if self._stop.is_set():
                break
            self._held_s += _SLICE_S
            self.longest_held_ms = max(self.longest_held_ms, int(self._held_s * 1e3))
            if not told and self._held_s >= LIMIT_S:
                told = True
                self._tell()
            if self._ends_after_s and self._held_s >= self._ends_after_s:
                self._give_up()
        self._held_s = 0.0
        self.stamp += 1

    def _tell(self) -> None:
        frame = self._frame()
        if frame is None:
            return
        text = "".join(traceback.format_stack(frame)[-3:]).strip()
        self.held.append(text[-400:])
        log.error("the loop of %s is held by %s:\n%s", self._name, _who(frame) or "?", text)
        if self._ends_after_s and sys.__stderr__ is not None:
            faulthandler.dump_traceback(sys.__stderr__, all_threads=True)

    def _give_up(self) -> None:
        frame = self._frame()
        who = (_who(frame) if frame is not None else "") or "?"
        held_ms = int(self._held_s * 1e3)
        if self._ledger is not None:
            self._ledger.held(who, held_ms)
        if sys.__stderr__ is not None:
            sys.__stderr__.write(
                f"the loop of {self._name} is held by {who} for {held_ms} ms: this process ends\n"
            )
            sys.__stderr__.flush()
        self._end(EXIT_CODE)

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - only way


def _who(frame: FrameType | None) -> str:
    """Return the actor whose code runs in a stack: the innermost one; empty if there is none."""
    while frame is not None:
        actor = frame.f_locals.get("self")
        if isinstance(actor, Actor):
            return actor.id
        frame = frame.f_back
    return ""
