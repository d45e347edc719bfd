"""Whether Ray's own processes are frozen: asked in a thread, so that nobody waits for the answer.

A stopped process (SIGSTOP) is seen at once in its state. A GCS that runs and does not answer is
found by asking for a key of its tables; an answer that does not come leaves only that thread
waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from jacquemart.runtime.cluster import processes

log = logging.getLogger("jacquemart.warden")

TURN_S = 0.5
#: A process that is stopped for so long is given up …
STOPPED_S = 1.5
#: … and one that runs but does not answer, after this long: nothing in a city waits for it.
SILENT_S = 15.0

Ask = Callable[[], object]


class RayProbe:
    """Watches the GCS and the raylet of an embedded Ray."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], asks: Mapping[str, Ask]) -> None:
        """Begin at once.

        Args:
            pids: returns the processes to watch, by kind.
            asks: by kind, what returns when the process answers; may block for ever.
        """
        self._pids = pids
        self._answered_s = dict.fromkeys(asks, time.monotonic())
        self._stopped_s: dict[int, float] = {}
        self._looked_s = time.monotonic()
        self._end = threading.Event()
        for kind, ask in asks.items():
            threading.Thread(
                target=self._ask, args=(kind, ask), name=f"probe-{kind}", daemon=True
            ).start()

    def frozen(self, now_s: float) -> dict[str, tuple[int, str]]:
        """Return the processes that are to be given up: their pids, and why. Never blocks."""
        found: dict[str, tuple[int, str]] = {}
        late = now_s - self._looked_s > 2 * TURN_S + 1.0  # the warden itself did not run
        self._looked_s = now_s
        stopped: dict[int, float] = {}
        for kind, pid in self._pids().items():
            if processes.stopped(pid):
                since = stopped[pid] = now_s if late else self._stopped_s.get(pid, now_s)
                if now_s - since >= STOPPED_S:
                    found[kind] = (pid, f"stopped for {now_s - since:.1f} s")
            elif now_s - self._answered_s.get(kind, now_s) >= SILENT_S and not late:
                silent = now_s - self._answered_s[kind]
                found[kind] = (pid, f"no answer for {silent:.0f} s")
        self._stopped_s = stopped
        return found

    def close(self) -> None:
        """Ask no more: before Ray is left, which would be started again by a question."""
        self._end.set()

    def renewed(self, kind: str) -> None:
        """Note that a process was started again."""
        self._answered_s[kind] = time.monotonic() + SILENT_S  # its first answers may be slow

    def _ask(self, kind: str, ask: Ask) -> None:
        while not self._end.wait(TURN_S * 2):
            try:
                ask()
            except Exception as error:  # noqa: BLE001 - an error is no answer
                log.debug("%s: %s", kind, error)
            else:
                self._answered_s[kind] = max(self._answered_s[kind], time.monotonic())
