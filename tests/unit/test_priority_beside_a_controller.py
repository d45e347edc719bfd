"""The granter beside our controller and its interlock: buses are helped, and plans come back."""

from __future__ import annotations

from typing import Any

import pytest
from signal_samples import MAIN, SIDE, TURN, crossing

from jacquemart.actors.priority.granter import Changed, Reason, Told
from jacquemart.actors.priority.granter.port import PortGranter, site_of, step_names
from jacquemart.actors.priority.request import Ask, State, Verb
from jacquemart.actors.signals.controller import Controller
from jacquemart.actors.signals.model import Aspect, Mode
from jacquemart.runtime.model.errors import ConfigError

GREEN = (Aspect.GREEN, Aspect.YIELD)


class Crossing:
    """A controller and a granter, in steps of half a second."""

    def __init__(self, **model: Any) -> None:
        self.model = crossing(**model)
        self.controller = Controller(self.model)
        self.priority = PortGranter(self.controller, self.model.plans[0])
        self.now = 0
        self.told: list[Any] = []
        self.greens: dict[int, list[list[int]]] = {group: [] for group in range(4)}
        self.reds: dict[int, int] = {}
        self.worst = 0
        self.run(80 + 20)
        while self.main_since() != 1:
            self.run(0.5)

    def main_since(self) -> int:
        begun = self.greens[MAIN]
        return round((self.now - begun[-1][0]) / 500) if begun and begun[-1][1] == 0 else -1

    def run(self, seconds: float) -> None:
        until = self.now + round(seconds * 1_000)
        while self.now < until:
            self.now += 500
            cleared = self.controller.step(self.now, self.now)
            for group, aspect in enumerate(cleared.aspects):
                spans = self.greens[group]
                on = bool(spans) and spans[-1][1] == 0
                if (aspect in GREEN) is not on:
                    if on:
                        spans[-1][1] = self.now
                    else:
                        spans.append([self.now, 0])
                if aspect not in GREEN and spans:
                    self.worst = max(self.worst, self.now - spans[-1][1])
            self.told += self.priority.step(self.now)

    def ask(self, name: str, verb: Verb, eta: int | None = None, **new: Any) -> None:
        ask = Ask(name, verb, new.pop("level", 6), eta, **new)
        self.told += self.priority.asked(ask, self.now)

    def last(self, group: int) -> float:
        return (self.greens[group][-1][1] - self.greens[group][-1][0]) / 1_000

    def states(self, name: str) -> list[State]:
        return [c.state for c in self.told if isinstance(c, Changed) and c.request == name]

    def reasons(self, name: str) -> set[Reason]:
        return {c.reason for c in self.told if isinstance(c, Told) and c.request == name}

    def faults(self) -> list[Any]:
        return [one for one in self.controller.events() if one[0] in ("refused", "fallback")]

    def begins(self) -> list[int]:
        return [begin % 80_000 for begin, _ in self.greens[MAIN][-2:]]


def test_without_requests_the_controller_is_never_asked_for_anything() -> None:
    here = Crossing()
    here.run(300)
    assert here.told == []
    assert len(set(here.begins())) == 1
    assert here.faults() == []


def test_a_green_is_held_for_a_bus_and_the_plan_is_in_step_again_some_cycles_later() -> None:
    here = Crossing()
    here.run(160)
    before = here.begins()[-1]
    plain = [(end - begin) for begin, end in here.greens[MAIN] if end][-1] / 1_000
    here.run(plain - 8)
    here.ask("bus", Verb.NEW, 13, group="main")
    here.run(14)
    here.ask("bus", Verb.CANCEL)
    here.run(8)
    assert plain + 3 <= here.last(MAIN) <= plain + 10
    assert Reason.EXTENDED in here.reasons("bus")
    assert here.states("bus") == [State.RECEIVED, State.ACTIVATED, State.COMPLETED]
    here.run(5 * 80)
    assert here.priority.granter.accounts.settled
    assert abs(here.begins()[-1] - before) <= 1_000
    assert here.controller.view().granted == ""
    assert here.faults() == []
    assert here.worst <= 120_000


def test_a_bus_at_red_gets_green_early_and_the_plan_is_in_step_again() -> None:
    here = Crossing()
    here.run(160)
    before = here.begins()[-1]
    here.run(5)
    here.ask("bus", Verb.NEW, 25, group="side", level=4)
    start = here.now
    for eta in (15, 5):
        here.run(10)
        here.ask("bus", Verb.UPDATE, eta, level=4)
    here.run(30)
    here.ask("bus", Verb.CANCEL)
    begun = here.greens[SIDE][-1][0]
    assert Reason.EARLY in here.reasons("bus")
    assert begun - start < 45_000
    here.run(6 * 80)
    assert here.priority.granter.accounts.settled, here.priority.granter.accounts.balance
    assert abs(here.begins()[-1] - before) <= 1_000
    assert here.faults() == []


def test_an_emergency_vehicle_gets_its_stage_inserted_and_nobody_waits_too_long() -> None:
    here = Crossing()
    here.run(162)
    here.ask("fire", Verb.NEW, 12, group="side", level=14)
    here.run(17)
    assert here.greens[SIDE][-1][1] == 0, "it has green"
    assert Reason.INSERTED in here.reasons("fire")
    here.ask("fire", Verb.CANCEL)
    here.run(8 * 80)
    assert here.worst <= 120_000
    assert here.priority.granter.accounts.settled
    assert here.faults() == []


def test_when_the_granter_is_gone_the_controller_goes_on_by_itself() -> None:
    here = Crossing()
    here.run(160 + 20)
    here.ask("bus", Verb.NEW, 14, group="main")
    here.run(5)
    for _ in range(2 * 300):  # nobody steps the granter any more
        here.now += 500
        here.controller.step(here.now, here.now)
    assert here.controller.view().granted == ""
    assert here.faults() == []


def test_a_controller_that_flashes_serves_nobody() -> None:
    here = Crossing()
    here.ask("bus", Verb.NEW, 14, group="main")
    here.controller.set_mode(Mode.YELLOW_FLASH)
    here.run(60)
    assert here.states("bus")[-1] is State.STALE
    here.ask("next", Verb.NEW, 14, group="main")
    assert here.states("next")[-1] is State.REJECTED


def test_a_debt_that_the_controller_does_not_let_be_given_back_is_forgotten_in_time() -> None:
    here = Crossing()
    here.run(160)
    before = here.begins()[-1]
    here.priority.granter.accounts.booked("side", -60_000)
    here.run(4 * 80)
    assert not here.priority.granter.accounts.settled, "walkers have had their maximum green"
    here.run(4 * 80 + 40)
    assert here.priority.granter.accounts.settled
    here.run(2 * 80)
    assert abs(here.begins()[-1] - before) <= 1_000
    assert here.faults() == []


def test_a_plan_becomes_a_site_whose_times_sum_up_to_its_cycle() -> None:
    model = crossing()
    site = site_of(model, model.plans[0])
    assert step_names(model, model.plans[0]) == ["main", "turn", "side"]
    assert site.cycle_ms == 80_000
    assert site.serving["main"] == {"main"}
    assert site.by_id["main"].least_ms >= model.groups[MAIN].min_green_ms
    assert site.by_id["turn"].groups == {model.groups[TURN].name, "walk"}


def test_a_plan_that_priority_cannot_run_beside_is_refused() -> None:
    from dataclasses import replace

    model = crossing()
    plan = replace(model.plans[0], cycle_ms=240_000)
    with pytest.raises(ConfigError, match="found a red of"):
        site_of(model, plan)
