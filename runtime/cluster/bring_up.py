"""From placed to ready: all cells at once, then the directory, then their own word for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster.keeper import PENDING_TURN_S, Keeper
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.report import Reporter
from jacquemart.runtime.model.errors import StartError

#: How long the names of a previous run's actors may be taken.
NAMES_S = 6.0
#: How often a cell is asked how far it is.
PROGRESS_S = 0.1
_SUMS = ("links", "links_up", "links_down", "devices", "points")


class BringUp:
    """The start of a city's cells. Any failure in it ends the city."""

    def __init__(
        self, keeper: Keeper, lifeline: Lifeline, report: Reporter, logs: Path, timeout_s: float
    ) -> None:
        """Prepare; ``run`` does it.

        Args:
            keeper: whose cells are started.
            lifeline: says whether to go on.
            report: where progress goes.
            logs: where cells' last words may be found.
            timeout_s: how long it may take.
        """
        self._keeper = keeper
        self._lifeline = lifeline
        self._report = report
        self._logs = logs
        self._deadline_s = time.monotonic() + timeout_s

    def run(self) -> None:
        """Start the cells and wait until each says that it is ready.

        Raises:
            StartError: a cell could not be started, or is not ready in time.
            SystemExit: the city shall end before it began.
        """
        keeper = self._keeper
        self._begin(list(keeper.cells.plan))
        self._gather("start", keeper.arrived)
        self._report.progress("cells", cells=len(keeper.cells.live))
        keeper.cells.connect(keeper.register.directory())
        self._gather("connect", lambda name, version: None)
        self._report.progress("connected")
        self._until_ready()

    def _begin(self, waiting: list[str]) -> None:
        until = time.monotonic() + NAMES_S
        while waiting:
            waiting = [name for name in waiting if not self._keeper.begin(name)]
            if waiting and time.monotonic() > until:
                city = self._keeper.cells.city
                raise StartError(
                    f'the cluster has cells of a city "{city}" already: {", ".join(waiting)}',
                    advice=f"stop it where it was started: jacquemart stop {city}",
                )
            if waiting:
                self._turn(f"the name of cell {waiting[0]}")

    def _gather(self, kind: str, take: Callable[[str, Any], None]) -> None:
        cells = self._keeper.cells
        while owing := cells.owing(kind):
            self._turn(f"{kind} of cell {owing[0]}")
            for name, answer in cells.answers(kind).items():
                if isinstance(answer, Exception):
                    raise answer
                take(name, answer)

    def _until_ready(self) -> None:
        cells = self._keeper.cells
        found: dict[str, dict[str, Any]] = {}
        told: dict[str, Any] = {}
        while True:
            cells.call("progress", cells.running())
            asked_s = time.monotonic()
            while cells.owing("progress"):
                waiting = [n for n in cells.running() if not found.get(n, {}).get("ready")]
                name = waiting[0] if waiting else cells.owing("progress")[0]
                self._turn(f"cell {name}: {found.get(name, {}).get('detail', 'no answer')}")
                for name, answer in cells.answers("progress").items():
                    if isinstance(answer, Exception):
                        raise answer
                    found[name] = answer
            sums = {key: sum(int(one.get(key, 0)) for one in found.values()) for key in _SUMS}
            ready = sum(bool(one.get("ready")) for one in found.values())
            state = {**sums, "cells_ready": ready, "cells": len(found)}
            if state != told:
                self._report.progress("links", **state)
                told = state
            if ready == len(found):
                return
            while time.monotonic() < asked_s + PROGRESS_S:
                self._turn("the cells")

    def _turn(self, awaited: str) -> None:
        """Let a moment pass.

        Raises:
            StartError: a process ended, or time is up.
            SystemExit: the city shall end.
        """
        ended = self._lifeline.wait(PENDING_TURN_S)
        if self._lifeline.ending:
            raise SystemExit(self._lifeline.ending)
        self._keeper.check_ray(ended)
        if ended:
            pid = self._keeper.register.cells[ended[0]].pid
            raise StartError(
                "its process ended while the city was started",
                where=f"cell {ended[0]}",
                advice=last_words(self._logs, pid),
            )
        if time.monotonic() > self._deadline_s:
            raise StartError("not ready in time", where=awaited)


def last_words(logs: Path, pid: int) -> str:
    """Return the end of what a cell wrote to stderr, or an empty text."""
    for path in logs.glob(f"session_*/logs/worker-*-{pid}.err"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "; ".join(line.strip() for line in lines[-8:] if line.strip())[-800:]
    return ""
