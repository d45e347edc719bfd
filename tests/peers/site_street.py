"""A site's real signals in virtual time, its monitor beside it, and a judge of what it showed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oracle_interlock import OracleInterlock

from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.rsmp.site.controller import Priority, PriorityRequest
from jacquemart.traffic.outputs import RecordedLamps
from jacquemart.traffic.site_controller import SiteController

STEP_MS = 100


def oracle_of(model: Intersection) -> OracleInterlock:
    groups = range(len(model.groups))
    return OracleInterlock(
        intergreen=[[model.intergreens.get((row, to)) for to in groups] for row in groups],
        yields=[[to for to in groups if (row, to) in model.yields] for row in groups],
        min_green=[group.min_green_ms for group in model.groups],
        yellow=[group.yellow_ms for group in model.groups],
        red_yellow=[group.red_yellow_ms for group in model.groups],
        in_flash=[int(group.in_flash) for group in model.groups],
        start_red=model.start_red_ms,
        longest_step=1_000,
    )


def unsafe(model: Intersection, history: Iterable[tuple[int, bytes]]) -> list[str]:
    """Return what a naive judge, who knows all that was ever shown, would not have let out."""
    judge, found = oracle_of(model), []
    last: tuple[int, bytes] | None = None
    for at_ms, shown in history:
        if last is not None:
            for between in range(last[0] + 500, at_ms, 500):
                judge.write(last[1], between)
        if judge.write(shown, at_ms) != shown:
            found.append(f"{at_ms} ms: {shown.hex()} after {last[1].hex() if last else 'nothing'}")
        last = at_ms, shown
    return found


class SiteStreet:
    """Signals, stepped and watched ten times a second."""

    def __init__(self, model: Intersection, lamps: Any = None, **how: Any) -> None:
        self.model = model
        self.lamps = lamps if lamps is not None else RecordedLamps(model)
        self.site = SiteController(model, self.lamps, **how)
        self.now_ms = 0

    def step(self, step_ms: int = STEP_MS) -> None:
        self.now_ms += step_ms
        self.site.watch.look(self.now_ms)
        self.site.step(self.now_ms / 1_000)

    def go(self, seconds: float) -> None:
        for _ in range(round(seconds * 1_000 / STEP_MS)):
            self.step()

    def until(self, what: Any, seconds: float = 300.0) -> float:
        """Go on until something is true; return how long that took, in s."""
        begun = self.now_ms
        while not what():
            assert self.now_ms - begun < seconds * 1_000, "it never came"
            self.step()
        return (self.now_ms - begun) / 1_000

    def started(self) -> SiteStreet:
        self.until(lambda: not self.site.starting and self.site.stage > 0)
        return self

    def at_stage(self, stage: int) -> None:
        """Go on until a stage begins (from 1)."""
        self.until(lambda: self.site.stage != stage)
        self.until(lambda: self.site.stage == stage)

    def ask(self, name: str, what: str = "new", group: str = "", **how: Any) -> str:
        movement = {"signalGroupId": group} if group else {}
        level, eta = how.get("level", 6), how.get("eta")
        return self.site.request_priority(PriorityRequest(name, what, level, eta, movement, "bus"))

    def request(self, name: str) -> Priority | None:
        return next((one for one in self.site.priorities() if one.id == name), None)

    def phase(self, name: str) -> str:
        found = self.request(name)
        return found.phase if found is not None else ""

    def unsafe(self) -> list[str]:
        return unsafe(self.model, self.lamps.history)
