"""The monitor's shell: it reads the lamps by a way of its own, and cuts the controller off.

It has its own thread, clock and reading of the output; the controller neither feeds nor steps it.
What it sees latches: the lamps flash by their own circuit at once, the controller follows with its
next step, and only ``reset``, which is for a person who has looked, ends that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from jacquemart.actors.signals.model import Aspect, Intersection
from jacquemart.actors.signals.monitor import Monitor, Rules
from jacquemart.traffic.outputs import Lamps

#: The lamps are read so often.
PERIOD_MS: Final = 50
#: So long nothing may be read of them.
SILENCE_MS: Final = 200


def rules_of(model: Intersection, silence_ms: int = SILENCE_MS) -> Rules:
    """Return what a monitor holds an intersection to.

    Args:
        model: the intersection.
        silence_ms: so long the monitor may get no reading.
    """
    names = [group.name for group in model.groups]
    return Rules(
        {
            group.name: (
                group.min_green_ms,
                group.yellow_ms,
                "f" if group.in_flash is Aspect.FLASH else "d",
            )
            for group in model.groups
        },
        {(names[one], names[two]): gap for (one, two), gap in model.intergreens.items()},
        frozenset((names[one], names[two]) for one, two in model.yields),
        silence_ms=silence_ms,
    )


class Watch:
    """A monitor and the lamps that it watches. Any thread may call any method.

    Attributes:
        fault: what it latched; empty: nothing.
    """

    def __init__(
        self,
        model: Intersection,
        lamps: Lamps,
        *,
        silence_ms: int = SILENCE_MS,
        fault: str = "",
        latched: Callable[[str], None] | None = None,
    ) -> None:
        """Begin; the clock is that of the first ``look``.

        Args:
            model: what is watched.
            lamps: what is read, and cut off.
            silence_ms: so long it may get no reading; two of the caller's periods at least.
            fault: what was latched before a restart: it still is.
            latched: called once with the fault, by the thread that saw it.
        """
        self._rules, self._lamps, self._latched = rules_of(model, silence_ms), lamps, latched
        self._monitor: Monitor | None = None
        self._lock = threading.Lock()
        self.fault = fault
        if fault:
            lamps.fail_safe(True)

    def read(self) -> Mapping[str, str] | None:
        """Return what the lamps show now."""
        return self._lamps.read()

    def look(self, now_ms: int) -> str:
        """Read the lamps and judge them, where reading takes no time; see ``judge``."""
        return self.judge(self._lamps.read(), now_ms)

    def judge(self, read: Mapping[str, str] | None, now_ms: int, slept_ms: int = 0) -> str:
        """Judge what was read; return the fault, or an empty text.

        Args:
            read: what the lamps show; None: they could not be read.
            now_ms: a clock of the watch's own, after the reading.
            slept_ms: for so long the watch was itself not run (its process was stopped, say).
                That is no silence of the lamps; all else is compared as ever.
        """
        with self._lock:
            if self._monitor is None:
                self._monitor = Monitor(self._rules, now_ms)
            if slept_ms > 0:
                self._monitor.excuse(slept_ms)
            seen = self._monitor.tick(now_ms) if read is None else self._monitor.see(read, now_ms)
            first = bool(seen) and not self.fault
            self.fault = self.fault or seen
        if first:
            self._lamps.fail_safe(True)
            if self._latched is not None:
                self._latched(seen)
        return self.fault

    def reset(self) -> str:
        """Watch anew: for a person, who has looked at the junction. Return what was latched.

        The lamps stay cut off: who gives them back has seen that the controller flashes.
        """
        with self._lock:
            fault, self.fault, self._monitor = self.fault, "", None
        return fault


class WatchThread(threading.Thread):
    """Looks at the lamps every ``PERIOD_MS``, whatever everybody else in the process does."""

    def __init__(self, watch: Watch, told: Callable[[str], None] = lambda text: None) -> None:
        """Prepare; ``start`` begins.

        Args:
            watch: what is run.
            told: called with a sentence when it was not run for a while.
        """
        super().__init__(name="signal monitor", daemon=True)
        self._watch, self._told = watch, told
        self._end = threading.Event()

    def run(self) -> None:
        """Look, until stopped."""
        due = _now_ms()
        while not self._end.is_set():
            begun = _now_ms()
            slept = begun - due if begun - due > SILENCE_MS // 2 else 0
            if slept:
                self._told(f"the monitor was not run for {slept} ms")
            read = self._watch.read()
            now = _now_ms()
            self._watch.judge(read, now, slept)
            due = max(begun + PERIOD_MS, now)
            self._end.wait(max(0, due - _now_ms()) / 1_000)

    def stop(self) -> None:
        """End it; waits for the look that is on."""
        self._end.set()
        self.join()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
