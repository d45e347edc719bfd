"""Commands that an actor sends by the public way, ``Actor.command``, and what they took."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jacquemart.runtime.actor import Actor
from jacquemart.runtime.model.outcome import Outcome, Status

#: Names the folder in which actors leave what they have measured.
FOLDER = "JACQUEMART_BENCH_FOLDER"
#: Whom they ask, and what.
DEVICE = "box"
VERBS = ("ping", "ping_async", "ping_kept")
WITHIN_S = 30.0


class Asking:
    """So many commands of one actor, with a window of them on their way."""

    def __init__(
        self, actor: Actor, verb: str, count: int, window: int, done: Callable[[], object]
    ) -> None:
        """Prepare; ``begin`` sends the first. ``done`` is called when all have ended."""
        self.times: list[int] = []
        self.seconds = 0.0
        self.wrong = ""
        self._actor = actor
        self._verb = verb
        self._count = count
        self._window = window
        self._done = done
        self._sent = 0

    def begin(self) -> None:
        """Send as many as may be on their way."""
        self._began = time.perf_counter()
        for _ in range(min(self._window, self._count)):
            self._ask()

    def _ask(self) -> None:
        number = float(self._sent)
        self._sent += 1
        begin = time.perf_counter_ns()

        def told(outcome: Outcome) -> None:
            self.times.append(time.perf_counter_ns() - begin)
            if outcome.status is not Status.APPLIED or outcome.value != number:
                self.wrong = self.wrong or repr(outcome)
            if self._sent < self._count:
                self._ask()
            elif len(self.times) == self._count:
                self.seconds = time.perf_counter() - self._began
                self._done()

        self._actor.command(DEVICE, self._verb, number, within_s=WITHIN_S, then=told)

    def leave(self, name: str) -> None:
        """Leave what was measured in a file, whole or not at all."""
        path = Path(os.environ[FOLDER]) / name
        found: dict[str, Any] = {"ns": self.times, "seconds": self.seconds, "wrong": self.wrong}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.rename(path)


def name_of(order: float) -> str:
    """Return the file that belongs to an order."""
    return f"order-{order:.0f}.json"


def order(verb: str, count: int, window: int, number: int) -> float:
    """Put an order into the one number that a command may carry."""
    return float(((number * 10_000 + window) * 1_000_000 + count) * 10 + VERBS.index(verb))


def read_order(order: float) -> tuple[str, int, int]:
    """Return verb, count and window of an order."""
    rest, verb = divmod(int(order), 10)
    rest, count = divmod(rest, 1_000_000)
    return VERBS[verb], count, rest % 10_000
