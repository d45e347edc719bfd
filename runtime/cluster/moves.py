"""Cells handed to fresh processes, one after the other: the shell of ``rolling``."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cluster.cells import ANY
from jacquemart.runtime.cluster.resume import Again
from jacquemart.runtime.cluster.rolling import (
    Done,
    Drain,
    GiveUp,
    Hand,
    Instruction,
    Later,
    Rolling,
    Warm,
)
from jacquemart.runtime.model.errors import (
    ChangeBusy,
    ChangeRefused,
    JacquemartError,
    StartError,
    UsageError,
)
from jacquemart.runtime.model.versions import MINE, PACKAGE

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.keeper import Keeper
    from jacquemart.runtime.cluster.upgrade import Upgrade

log = logging.getLogger("jacquemart.warden")

#: What a cell may take, beyond its grace, to let go of everything.
DRAIN_S = 5.0
#: Successors of one cell that are made for an operator who waits, before he is told.
TRIES = 3


@dataclass(eq=False)
class MoveJob:
    """Somebody who waits for a pass over the cells."""

    tell: Callable[[dict[str, Any]], None]
    """Gets how far it is, in the warden's main thread; must not block."""
    end: Callable[[dict[str, Any] | JacquemartError], None]
    """Gets the result, once, likewise."""
    cells: tuple[str, ...] = ()
    """Which; empty: all."""
    upgrade: Upgrade | None = None
    """The version that the cells shall be of: the warden becomes that first, and its new image
    hands the cells over. ``end`` is then only told why it is not done."""
    tries: int = TRIES
    """See ``Rolling``."""
    began_s: float = field(default_factory=time.monotonic)


class Moves:
    """Carries out one pass at a time. ``offer`` is for any thread, all else for the main one."""

    def __init__(self, keeper: Keeper) -> None:
        """Have nothing to do."""
        self._keeper = keeper
        self._lock = threading.Lock()
        self._job: MoveJob | None = None
        self._others: list[MoveJob] = []
        """Who else waits for the same pass."""
        self._last: dict[str, Any] | JacquemartError | None = None
        """What came of the last pass."""
        self._due_s = 0.0
        self._why = ""
        self._rolling: Rolling | None = None
        self._drain_until_s = 0.0
        self._began_s = 0.0
        self._away_s: dict[str, float] = {}
        """How long each cell was between its old process and its new one, in seconds."""
        self._cut_s = 0.0

    @property
    def busy(self) -> bool:
        """Return whether a pass is wanted or under way."""
        return self._job is not None

    @property
    def upgrading(self) -> bool:
        """Return whether a change to another version waits for its turn."""
        return self._job is not None and self._job.upgrade is not None

    def offer(self, job: MoveJob) -> None:
        """Have cells handed over; the job's ``end`` tells when it is done.

        Raises:
            ChangeBusy: another pass, or a change of the city, is under way.
        """
        with self._lock:
            if self._job is not None or self._keeper.changes.busy:
                raise ChangeBusy("another change of the city is under way", advice="try again")
            self._job = job

    def follow(self, job: MoveJob) -> None:
        """Wait for the pass that is under way, or have what came of the last one.

        Raises:
            UsageError: there was none.
        """
        with self._lock:
            if self._job is not None:
                self._others.append(job)
                return
            last = self._last
        if last is None:
            raise UsageError("no cells were handed over since this warden began")
        job.end(last)

    def turn(self, *, settled: bool) -> None:
        """Go on with what is under way."""
        job = self._job
        if job is None:
            return
        if self._rolling is None:
            if settled and not self._keeper.changes.under_way:  # one that waits, waits for this
                self._start(job)
            return
        cell = self._rolling.cell
        if self._due_s and time.monotonic() > self._due_s:
            self._due_s = 0.0
            self._do(self._rolling.due(cell))
            return
        for name, answer in self._keeper.cells.answers("drain").items():
            if name == cell:
                if isinstance(answer, Exception):
                    log.warning("cell %s did not stop in order: %s", name, answer)
                self._do(self._rolling.drained(name))
        if self._drain_until_s and time.monotonic() > self._drain_until_s:
            self._do(self._rolling.drained(cell))

    def warm(self, key: str) -> None:
        """Note that a standby is warm."""
        rolling = self._rolling
        if rolling is not None and rolling.cell and key == self._key(rolling.cell):
            self._do(rolling.warm(rolling.cell))

    def failed(self, key: str, why: str) -> None:
        """Note that a standby cannot be made, or was lost."""
        rolling = self._rolling
        if rolling is not None and rolling.cell and key == self._key(rolling.cell):
            self._why = why
            self._do(rolling.failed(rolling.cell))

    def lost(self, cell: str, why: str) -> None:
        """Note that a cell was lost, maybe the successor that was asked to adopt."""
        if self._rolling is not None and cell == self._rolling.cell:
            self._why = why
            self._do(self._rolling.lost(cell))

    def arrived(self, cell: str) -> None:
        """Note that a new incarnation of a cell runs."""
        if self._rolling is None:
            return
        if cell == self._rolling.cell:
            self._away_s[cell] = round(time.monotonic() - self._cut_s, 3) if self._cut_s else 0.0
            self._drain_until_s = self._cut_s = 0.0
        self._do(self._rolling.arrived(cell))

    def _key(self, cell: str) -> str:
        """Return which standby a cell is handed to: the common one has built what devices need."""
        cells = self._keeper.cells
        return ANY if cells.plan[cell].role == "device" and cells.covered(cell) else cell

    def _start(self, job: MoveJob) -> None:
        if job.upgrade is not None:
            keeper, to = self._keeper, job.upgrade
            before = keeper.options.journal_format
            newest = to.journal_format or to.to.journal.most
            history = keeper.left().upgraded(
                sys.executable, before, committed=newest > (before or MINE.journal.most)
            )
            raise Again(history, keeper.register.city, to.python, to.journal_format)
        self._began_s = time.monotonic()
        self._away_s.clear()
        self._rolling = Rolling(job.cells or _in_order(self._keeper), job.tries)
        self._do(self._rolling.begin())

    def _do(self, instructions: Iterable[Instruction]) -> None:
        keeper, job, rolling = self._keeper, self._job, self._rolling
        assert job is not None
        assert rolling is not None
        for one in instructions:
            match one:
                case Warm(cell):
                    self._drain_until_s = self._cut_s = 0.0
                    for waiting in (job, *self._others):
                        waiting.tell({"cell": cell, "left": rolling.left})
                    if cell not in keeper.cells.plan:
                        self._do(rolling.gone(cell))
                    elif keeper.standbys.want(self._key(cell)):
                        self._do(rolling.warm(cell))
                case Drain(cell):
                    self._cut_s = time.monotonic()
                    self._drain_until_s = self._cut_s + 2 * keeper.options.grace_s + DRAIN_S
                    keeper.cells.ask_drain(cell, keeper.options.grace_s)
                case Hand(cell):
                    self._drain_until_s = 0.0
                    keeper.hand(cell)
                case Later(cell, pause_s):
                    self._due_s = time.monotonic() + pause_s
                    if rolling.failures >= TRIES:  # whoever waits is told; the pass goes on
                        with self._lock:
                            others, self._others = self._others, []
                        for other in others:
                            other.end(self._refused(cell))
                case GiveUp(cell):
                    refused = self._refused(cell)
                    if keeper.history.came_from:
                        raise StartError(str(refused))  # and the version before goes on
                    self._end(job, refused)
                case Done():
                    self._over(job)

    def _refused(self, cell: str) -> ChangeRefused:
        return ChangeRefused(
            f"no successor of cell {cell} can be made: {self._why}",
            advice="the city goes on; cells that were handed over stay so",
        )

    def _over(self, job: MoveJob) -> None:
        self._keeper.history = self._keeper.history.proven()
        result = {
            "city": self._keeper.cells.city,
            "seconds": round(time.monotonic() - self._began_s, 3),
            "cells": sorted(self._away_s),
            "away_s": dict(self._away_s),
            "version": PACKAGE,
            "undone": self._keeper.history.undone,
        }
        self._keeper.report.tell("cells_moved", **result)
        self._end(job, result)

    def _end(self, job: MoveJob, outcome: dict[str, Any] | JacquemartError) -> None:
        self._rolling, self._due_s = None, 0.0
        with self._lock:
            self._job, self._last = None, outcome
            waiting, self._others = [job, *self._others], []
        for one in waiting:
            one.end(outcome)


def _in_order(keeper: Keeper) -> list[str]:
    """Return all cells: who has journals and views first, then devices, the public door last."""
    order = ("zone", "centre", "device", "gateway")
    plan = keeper.cells.plan
    return sorted(plan, key=lambda name: (order.index(plan[name].role), name))
