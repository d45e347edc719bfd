"""A change of the running city on its way through the cells: the shell of ``rollout``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cluster.blueprint import CellBlueprint
from jacquemart.runtime.cluster.change_steps import ChangeSteps, steps_between
from jacquemart.runtime.cluster.placement import replan
from jacquemart.runtime.cluster.plan_summary import device_counts
from jacquemart.runtime.cluster.prepare import Prepared, Running, cells_of, shards_of
from jacquemart.runtime.cluster.rollout import (
    Ask,
    Begin,
    End,
    Failed,
    Finished,
    Instruction,
    Publish,
    Renew,
    Rollout,
)
from jacquemart.runtime.cluster.watch import Stage
from jacquemart.runtime.model.errors import (
    CellUnreachable,
    ChangeBusy,
    ChangeRefused,
    JacquemartError,
)

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.keeper import Keeper

log = logging.getLogger("jacquemart.warden")

#: A cell that has not taken a change after this time is given up and replaced.
ASK_S = 180.0


@dataclass(eq=False)
class ChangeJob:
    """A change that somebody waits for."""

    prepared: Prepared
    tell: Callable[[dict[str, Any]], None]
    """Gets how far it is, in the warden's main thread; must not block."""
    end: Callable[[dict[str, Any] | JacquemartError], None]
    """Gets the result or why there is none, once, likewise."""


@dataclass(slots=True)
class _Way:
    """A rollout under way."""

    rollout: Rollout
    target: Running
    steps: ChangeSteps
    refusal: str = ""
    """Not empty: the way back, and why."""


class LiveChange:
    """Changes the city that a keeper keeps, one change at a time.

    ``offer`` and ``running`` are for any thread, everything else for the warden's main thread.
    """

    def __init__(self, keeper: Keeper, running: Running, resources: Mapping[str, float]) -> None:
        """Have nothing to do.

        Args:
            keeper: whose cells are changed.
            running: the city as it was started.
            resources: what the cluster has, by name.
        """
        self._keeper = keeper
        self._running = running
        self._resources = resources
        self._lock = threading.Lock()
        self._job: ChangeJob | None = None
        self._way: _Way | None = None
        self._asked_s: dict[str, float] = {}
        self._ending_s: dict[str, float] = {}
        self._began_s = 0.0
        self._replaced: set[str] = set()

    @property
    def running(self) -> Running:
        """Return the city that runs."""
        with self._lock:
            return self._running

    @property
    def api(self) -> str:
        """Return the address of the city's gateway."""
        return self._keeper.api

    def known_digest(self, of: Running, digest: str) -> None:
        """Remember the digest of the running city, which takes a while to compute."""
        with self._lock:
            if self._running is of:
                self._running = replace(of, digest=digest)

    def offer(self, job: ChangeJob) -> None:
        """Have a change made; its ``end`` tells what became of it.

        Raises:
            ChangeBusy: another one is under way.
        """
        with self._lock:
            if self._job is not None:
                raise ChangeBusy("another change of the city is under way", advice="try again")
            self._job = job

    # The warden's main thread ------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Return whether there is anything to do soon."""
        return self._job is not None or bool(self._ending_s)

    @property
    def under_way(self) -> bool:
        """Return whether cells are being changed just now; one that only waits is not."""
        return self._way is not None or bool(self._ending_s)

    def turn(self) -> None:
        """Go on with what is under way."""
        job = self._job
        if job is not None and self._way is None and not self._keeper.moves.busy:
            self._start(job)
        now = time.monotonic()
        for name, answer in self._keeper.cells.answers("change").items():
            self._asked_s.pop(name, None)
            if isinstance(answer, CellUnreachable):
                self._keeper.lose(name, str(answer))
            elif isinstance(answer, Exception):
                self._refused(name, str(answer))
            elif self._way is not None:
                self._do(self._way.rollout.took(name))
        for name, asked_s in list(self._asked_s.items()):
            if now - asked_s > ASK_S:
                self._keeper.lose(name, f"did not take a change within {ASK_S:.0f} s")
        self._end_gone(now)

    def began(self, name: str) -> None:
        """Note that an incarnation of a cell is being started."""
        if self._way is not None:
            self._do(self._way.rollout.began(name))

    def arrived(self, name: str) -> None:
        """Note that one runs."""
        if self._way is not None:
            self._do(self._way.rollout.arrived(name))

    def lost(self, name: str, reason: str) -> None:
        """Note that a cell is lost; it is started again, with what it shall have."""
        self._asked_s.pop(name, None)
        if self._way is not None:
            self._replaced.add(name)
            self._do(self._way.rollout.lost(name, reason))

    def cannot_start(self, name: str, error: JacquemartError) -> None:
        """Note that a cell says itself why it does not start with what it was given."""
        if not isinstance(error, CellUnreachable):
            self._refused(name, str(error))

    def _refused(self, name: str, reason: str) -> None:
        if self._way is not None:
            self._do(self._way.rollout.refused(name, reason))

    # Steps -------------------------------------------------------------------------------------

    def _start(self, job: ChangeJob) -> None:
        prepared = job.prepared
        if prepared.before.placement is not self._running.placement:
            self._over(ChangeRefused("the city has changed since", advice="look at the plan again"))
            return
        self._began_s = time.monotonic()
        self._replaced.clear()
        self._go(_Way(self._rollout(prepared.steps), prepared.after, prepared.steps), prepared)

    def _go(self, way: _Way, prepared: Prepared | None = None) -> None:
        keeper = self._keeper
        shards = prepared.shards if prepared is not None else None
        if shards is None:
            shards = keeper.cells.store(shards_of(way.target.placement))
        keeper.cells.adopt(way.target.plan.values(), shards)
        keeper.register.city = way.target.placement.city
        self._way = way
        self._do(way.rollout.begin())

    def _rollout(self, steps: ChangeSteps, *, must: bool = False) -> Rollout:
        watch, live = self._keeper.watch, self._keeper.cells.live
        known = [*steps.changed, *steps.gone]
        return Rollout(
            steps.steps,
            fresh=steps.fresh,
            starting=[name for name in known if watch.stage(name) is Stage.STARTING],
            away=[name for name in known if name not in live],
            leaving=steps.gone,
            must=must,
        )

    def _do(self, instructions: Sequence[Instruction]) -> None:
        keeper, way = self._keeper, self._way
        assert way is not None
        for one in instructions:
            match one:
                case Ask(cell, final):
                    self._ask(way, cell, final)
                case Begin(cell):
                    keeper.begin(cell)
                case Publish():
                    keeper.register.settle(way.target.placement)
                    keeper.cells.connect(keeper.register.directory())
                case End(cells):
                    self._begin_end(cells)
                case Renew(cell, reason):
                    keeper.lose(cell, reason)
                case Finished():
                    self._finish(way)
                case Failed(cell, reason, touched):
                    self._turn_back(way, f"cell {cell} cannot take it: {reason}", touched)
        if self._job is not None and self._way is way and instructions:
            self._job.tell({"waiting": way.rollout.waiting, "back": bool(way.refusal)})

    def _ask(self, way: _Way, cell: str, final: bool) -> None:
        interim = None if final else way.steps.interim.get(cell)
        blueprint: CellBlueprint = interim or way.target.plan[cell]
        if cell in self._keeper.cells.live:  # else its loss is about to be noticed
            self._asked_s[cell] = time.monotonic()
            self._keeper.cells.change(cell, blueprint)

    def _turn_back(self, way: _Way, reason: str, touched: bool) -> None:
        job = self._job
        assert job is not None
        before, after = job.prepared.before, way.target
        if not touched and not set(way.steps.fresh) & set(self._keeper.cells.live):
            self._keeper.cells.adopt(
                before.plan.values(), self._keeper.cells.store(shards_of(before.placement))
            )
            self._keeper.register.city = before.placement.city
            for name in before.plan:
                if self._keeper.watch.stage(name) is None:  # lost when nobody wanted it any more
                    self._keeper.begin(name)
            self._over(_refused(reason))
            return
        log.warning("a change of the city is taken back: %s", reason)
        placement = replan(after.placement, before.placement.city, self._everywhere(before))
        target = Running(placement, cells_of(placement, self._keeper.options), before.digest)
        held = [before.plan, after.plan]
        steps = steps_between(held, after.placement, target.plan, placement)
        self._go(_Way(self._rollout(steps, must=True), target, steps, reason))

    def _everywhere(self, running: Running) -> Mapping[str, float]:
        """Return the cluster's resources and whatever the city was placed by once already."""
        links = running.placement.city.links
        return {**dict.fromkeys([link.node for link in links if link.node], 1.0), **self._resources}

    def _finish(self, way: _Way) -> None:
        with self._lock:
            self._running = way.target
        self._keeper.standbys.renew()
        if way.refusal:
            self._over(_refused(way.refusal))
            return
        assert self._job is not None
        summary = self._job.prepared.summary
        result = {
            "city": summary["city"],
            "plan": summary["plan"],
            "seconds": round(time.monotonic() - self._began_s, 3),
            "devices": device_counts(summary),
            "blind": summary["blind"],
            "cells": {**summary["cells"], "replaced": sorted(self._replaced)},
        }
        self._keeper.report.tell("city_changed", **result)
        self._over(result)

    def _over(self, outcome: dict[str, Any] | JacquemartError) -> None:
        job, self._way = self._job, None
        self._asked_s.clear()
        with self._lock:
            self._job = None
        if job is not None:
            job.end(outcome)

    # Cells that nothing lives in any more --------------------------------------------------------

    def _begin_end(self, cells: Sequence[str]) -> None:
        keeper = self._keeper
        for name in cells:
            keeper.release(name)
            if name in keeper.cells.live:
                self._ending_s[name] = time.monotonic() + keeper.options.grace_s + 1.0
        keeper.cells.ask_stop(list(self._ending_s), keeper.options.grace_s)

    def _end_gone(self, now: float) -> None:
        if not self._ending_s:
            return
        answered = self._keeper.cells.answers("stop")
        for name, until_s in list(self._ending_s.items()):
            if name in answered or now >= until_s:
                del self._ending_s[name]
                self._keeper.cells.end(name)
                self._keeper.register.forget(name)
                self._keeper.report.tell("cell_removed", cell=name)
        if not self._ending_s:
            self._keeper.cells.connect(self._keeper.register.directory())


def _refused(reason: str) -> ChangeRefused:
    return ChangeRefused(
        reason,
        advice="the city runs as before; devices of the change may have been blind meanwhile",
    )
