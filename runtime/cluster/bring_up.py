"""From placed to ready: all cells at once, then the directory, then their own word for it.

A cell whose host is lost meanwhile, or was lost just before and Ray does not know it yet, is begun
again elsewhere: see ``TRIES``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster.keeper import PENDING_TURN_S, Keeper
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.report import Reporter
from jacquemart.runtime.model.errors import CellUnreachable, StartError

#: So often is a cell begun that cannot be reached, and may be on another host.
TRIES = 3
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
        self._tries: dict[str, int] = {}

    def run(self) -> None:
        """Start the cells and wait until each says that it is ready.

        Raises:
            StartError: a cell could not be started, or is not ready in time.
            CellUnreachable: one was lost ``TRIES`` times, or is on this host.
            SystemExit: the city shall end before it began.
        """
        keeper = self._keeper
        for name in keeper.cells.plan:
            if name not in keeper.cells.live:  # else it runs on from before Ray was lost
                keeper.begin(name)
        self._gather("start", keeper.arrived)
        self._report.progress("cells", cells=len(keeper.cells.live))
        keeper.cells.connect(keeper.register.directory())
        self._gather("connect", lambda name, version: None)
        self._report.progress("connected")
        self._until_ready()

    def _gather(self, kind: str, take: Callable[[str, Any], None]) -> None:
        cells = self._keeper.cells
        while owing := cells.owing(kind):
            self._turn(f"{kind} of cell {owing[0]}")
            for name, answer in cells.answers(kind).items():
                if isinstance(answer, Exception):
                    self._again(name, answer)
                    if kind != "start":  # else it is awaited here
                        self._tell_all()
                else:
                    take(name, answer)

    def _again(self, name: str, error: Exception) -> None:
        """Begin a cell anew, on another node if there is one.

        Raises:
            Exception: ``error``, if that is no loss of a host, or there were tries enough.
        """
        keeper = self._keeper
        tries = self._tries[name] = self._tries.get(name, 1) + 1
        elsewhere = isinstance(error, CellUnreachable) and keeper.cells.may_be_elsewhere(name)
        if not elsewhere or tries > TRIES:
            raise error
        self._report.tell("warning", message=f"{error}: try {tries} of {TRIES}, not on its node")
        keeper.register.gone(name)
        keeper.hand(name, lost=True)

    def _tell_all(self) -> None:
        """Await the cells that were begun anew, and have all know all."""
        self._gather("start", self._keeper.arrived)
        self._keeper.cells.connect(self._keeper.register.directory())
        self._gather("connect", lambda name, version: None)

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
                        self._again(name, answer)
                        self._tell_all()
                        answer = {}
                    found[name] = answer
            fenced = {name: int(one.get("least_epoch") or 0) for name, one in found.items()}
            for name in [name for name, least in fenced.items() if least]:
                found[name] = {}  # not ready, whatever the others are
                self._outbid(name, fenced[name])
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

    def _outbid(self, name: str, least_epoch: int) -> None:
        """Start a cell anew, whose zone's journal knows of a higher epoch than its own."""
        keeper = self._keeper
        keeper.register.at_least(least_epoch)
        keeper.hand(name)
        self._tell_all()

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
        for name in list(ended):
            left = self._keeper.cells.live.get(name)
            if left is not None and left.again:  # it ran before this start, and is replaced after
                self._keeper.lose(name, "its process ended")
                ended.remove(name)
        if ended and ended[0] in self._keeper.register.cells:
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
