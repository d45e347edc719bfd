"""A site's half of priority, told as stories: what is granted, refused, given back, and told."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from oracle_signal_box import SignalBox

from jacquemart.actors.priority.granter import (
    Changed,
    Direct,
    Granter,
    Instruction,
    Reason,
    Release,
    Site,
    Stage,
    Times,
    Told,
    View,
)
from jacquemart.actors.priority.request import TRANSITIONS, Ask, Item, State, VehicleType, Verb
from jacquemart.runtime.model.errors import ConfigError, InternalError, UsageError

S = 1_000
STAGES = [
    Stage("main", frozenset({"north", "south"}), 8 * S, 30 * S, 45 * S),
    Stage("turn", frozenset({"left"}), 5 * S, 10 * S, 15 * S),
    Stage("side", frozenset({"east", "west"}), 6 * S, 20 * S, 30 * S),
]
CHANGE = {
    (one.id, two.id): 5 * S for one in STAGES for two in STAGES if one is not two
}  # a cycle of 75 s


def site(**times: Any) -> Site:
    return Site("place-darcy", STAGES, CHANGE, Times(**times))


class Junction:
    """A granter and a controller that does as it is asked."""

    def __init__(self, **times: Any) -> None:
        self.site = site(**times)
        stages = {s.id: (s.groups, s.least_ms, s.planned_ms, s.most_ms) for s in STAGES}
        self.box = SignalBox(stages, CHANGE)
        self.granter = Granter(self.site)
        self.out: list[Instruction] = []
        self._see()

    def _see(self) -> None:
        self._take(self.granter.seen(View(True, self.box.stage, self.box.begin), self.box.now))

    def _take(self, out: list[Instruction]) -> None:
        self.out += out
        for one in out:
            if isinstance(one, Direct):
                self.box.ask = (one.stage, one.end_ms, one.then)
            elif isinstance(one, Release):
                self.box.ask = None

    def run(self, seconds: float) -> None:
        until = self.box.now + int(seconds * S)
        while self.box.now < until:
            if not self.box.run(min(until, self.box.now + S)):
                self._take(self.granter.tick(self.box.now))
            self._see()

    def ask(self, name: str, group: str, eta: int | None, level: int = 6, **more: Any) -> None:
        kind = more.get("kind", VehicleType.BUS)
        self._take(self.granter.asked(Ask(name, Verb.NEW, level, eta, group, kind), self.box.now))

    def update(self, name: str, eta: int, level: int = 6) -> None:
        self._take(self.granter.asked(Ask(name, Verb.UPDATE, level, eta), self.box.now))

    def cancel(self, name: str) -> None:
        self._take(self.granter.asked(Ask(name, Verb.CANCEL), self.box.now))

    def states(self, name: str) -> list[tuple[State, Reason]]:
        return [(c.state, c.reason) for c in self.out
                if isinstance(c, Changed) and c.request == name]  # fmt: skip

    def told(self, name: str) -> list[Reason]:
        return [one.reason for one in self.out if isinstance(one, Told) and one.request == name]

    def greens(self, stage: str) -> list[float]:
        return [(g.end - g.begin) / S for g in self.box.shown if g.stage == stage]


def test_a_bus_that_comes_a_little_late_finds_its_green_held_and_the_site_says_by_how_much() -> (
    None
):
    at = Junction()
    at.run(20)
    at.ask("bus", "north", 12)  # at 32 s; the green ends at 30 s by plan
    at.run(13)
    at.cancel("bus")  # at 33 s it has passed
    at.run(60)
    assert at.greens("main")[0] == 33.0
    assert at.states("bus") == [
        (State.RECEIVED, Reason.TAKEN),
        (State.ACTIVATED, Reason.FREE),
        (State.COMPLETED, Reason.CANCELLED),
    ]
    assert at.told("bus") == [Reason.EXTENDED]
    done = [one for one in at.out if isinstance(one, Changed) and one.state is State.COMPLETED]
    assert (done[0].extended_s, done[0].reduced_s) == (3, 0)


def test_what_the_bus_was_given_is_taken_from_the_same_stage_again_and_the_plan_is_in_step() -> (
    None
):
    at = Junction()
    at.run(20)
    at.ask("bus", "north", 12)
    at.run(13)
    at.cancel("bus")
    at.run(4 * 75)
    assert at.greens("main")[:3] == [33.0, 27.0, 30.0]
    assert at.greens("turn")[:3] == [10.0, 10.0, 10.0]
    assert at.granter.accounts.settled
    assert at.box.begin % (75 * S) in (0, 35 * S, 50 * S)
    assert isinstance(at.out[-1], Release)


def test_a_bus_at_red_gets_its_green_early_and_those_before_it_get_back_what_they_lost() -> None:
    at = Junction(insertion_level=11)
    at.run(2)
    at.ask("bus", "east", 24)  # by plan its green begins at 50 s
    for eta in (14, 4):
        at.run(10)
        at.update("bus", eta)
    at.run(8)
    begun = at.box.begin
    assert at.box.stage == "side"
    at.cancel("bus")
    assert 20 * S < begun < 36 * S
    assert Reason.EARLY in at.told("bus")
    done = [one for one in at.out if isinstance(one, Changed) and one.state is State.COMPLETED]
    assert done[0].reduced_s == (50 * S - begun) // S
    lost = 30.0 - at.greens("main")[0]
    assert lost > 5.0
    at.run(6 * 75)
    assert sum(at.greens("main")[:5]) == 5 * 30.0
    assert sum(at.greens("turn")[:5]) == 5 * 10.0
    assert at.granter.accounts.settled


def test_an_emergency_vehicle_gets_its_stage_at_once_and_out_of_order() -> None:
    at = Junction()
    at.run(3)
    at.ask("fire", "west", 20, level=14, kind=VehicleType.EMERGENCY)
    at.run(17)
    assert at.box.stage == "side"
    assert at.told("fire")[0] is Reason.INSERTED
    at.run(3)
    at.cancel("fire")
    at.run(20)
    assert [g.stage for g in at.box.shown][:3] == ["main", "side", "turn"]
    assert 8.0 <= at.greens("main")[0] <= 10.0, "hardly more than its minimum green"


def test_an_emergency_ends_what_a_bus_was_granted_and_the_bus_may_ask_again() -> None:
    at = Junction()
    at.run(5)
    at.ask("bus", "north", 30)
    at.ask("fire", "east", 20, level=14)
    assert at.states("bus")[-1] == (State.STALE, Reason.OUTRANKED)
    assert at.states("fire")[-1] == (State.ACTIVATED, Reason.FREE)
    at.ask("bus-2", "north", 30)
    assert at.states("bus-2")[-1] == (State.QUEUED, Reason.OTHERS_FIRST)
    at.run(20)
    at.cancel("fire")
    assert at.states("bus-2")[-1] == (State.ACTIVATED, Reason.FREE)


def test_two_that_have_green_together_are_both_served_and_two_that_conflict_are_not() -> None:
    at = Junction()
    at.ask("one", "north", 20)
    at.ask("two", "south", 22)
    at.ask("three", "left", 15)
    found = {item.request: item.state for item in at.granter.status()}
    assert found == {"one": State.ACTIVATED, "two": State.ACTIVATED, "three": State.QUEUED}


def test_a_tram_waits_for_no_bus_that_came_before_it_in_the_queue() -> None:
    at = Junction()
    at.ask("first", "north", 20)
    at.ask("bus", "east", 20, level=6)
    at.ask("tram", "left", 25, level=10, kind=VehicleType.TRAM)
    at.cancel("first")
    assert at.states("tram")[-1][0] is State.ACTIVATED
    assert at.states("bus")[-1][0] is State.QUEUED


def test_a_green_is_not_held_for_a_bus_that_would_not_make_it_anyway() -> None:
    at = Junction()
    at.run(20)
    at.ask("bus", "north", 40)  # at 60 s; the maximum green ends at 45 s
    at.run(25)
    assert at.greens("main") == [30.0]
    assert at.told("bus")[0] is Reason.MOST_GREEN


def test_a_movement_that_has_waited_long_ends_an_extension() -> None:
    at = Junction(longest_wait=66 * S)  # by plan left waits 65 s
    at.run(75 + 20)
    at.ask("bus", "north", 17)
    at.run(60)
    assert at.told("bus")[0] is Reason.WAIT_LIMIT
    assert at.greens("main")[1] == 30.0
    assert at.box.longest_red["left"] <= 66 * S


def test_what_is_not_given_back_yet_is_not_lent_again() -> None:
    at = Junction(cooldown=0, cycles=1)
    stage = at.site.by_id["main"]
    given = []
    for number in range(3):
        while at.box.stage != "main":
            at.run(1)
        at.run(28 - (at.box.now - at.box.begin) / S)
        at.ask(f"bus-{number}", "north", 10)
        at.run(16)
        at.cancel(f"bus-{number}")
        given.append(at.granter.accounts.balance["main"])
    assert max(given) <= stage.planned_ms - stage.least_ms
    assert at.granter.accounts.balance["main"] <= stage.planned_ms - stage.least_ms


def test_a_request_of_which_nothing_is_heard_ends_stale_and_its_green_with_it() -> None:
    at = Junction(silent=15 * S)
    at.run(25)
    at.ask("ghost", "north", 10)
    at.run(30)
    assert at.states("ghost")[-1] == (State.STALE, Reason.NOT_HEARD)
    assert at.greens("main")[0] <= 45.0


def test_a_vehicle_that_does_not_come_holds_nothing_though_it_goes_on_to_say_that_it_lives() -> (
    None
):
    at = Junction()
    at.ask("stuck", "north", 10)
    for _ in range(40):
        at.run(5)
        at.update("stuck", 5)
    assert at.states("stuck")[-1] == (State.STALE, Reason.ACTIVE_TOO_LONG)
    assert max(at.greens("main")) <= 45.0


def test_a_similar_request_right_after_one_that_was_helped_cools_down() -> None:
    at = Junction()
    at.run(20)
    at.ask("bus", "north", 12)
    at.run(13)
    at.cancel("bus")
    at.ask("next", "north", 5)
    assert at.states("next")[-1] == (State.COOLDOWN, Reason.JUST_SERVED)
    at.ask("fire", "north", 5, level=13)
    assert at.states("fire")[-1][0] is State.ACTIVATED, "no emergency waits for that"


def test_s0033_tells_an_end_once_and_then_no_more() -> None:
    at = Junction()
    at.ask("bus", "north", 12)
    at.cancel("bus")
    assert at.granter.status() == (Item("bus", State.COMPLETED, 0, 0, 0),)
    at.granter.sent()
    assert at.granter.status() == ()


def test_a_queued_request_that_is_cancelled_ends_by_the_only_way_that_rsmp_has_for_it() -> None:
    at = Junction()
    at.ask("one", "north", 20)
    at.ask("two", "east", 20)
    at.cancel("two")
    assert at.states("two")[-1] == (State.TIMEOUT, Reason.WITHDRAWN)


def test_what_cannot_be_granted_is_rejected_with_its_reason() -> None:
    at = Junction()
    at.ask("lost", "nowhere", 20)
    assert at.states("lost")[-1] == (State.REJECTED, Reason.UNKNOWN_GROUP)
    at.ask("bus", "north", 20)
    at.ask("bus", "north", 20)
    assert at.told("bus")[-1] is Reason.KNOWN_ID
    at.update("nobody", 5)
    assert at.told("nobody") == [Reason.UNKNOWN_ID]
    for number in range(100):
        at.ask(f"flood-{number}", "north", 20)
    assert at.states("flood-99")[-1] == (State.REJECTED, Reason.FULL)


def test_out_of_normal_control_everything_ends_and_nothing_is_owed() -> None:
    at = Junction()
    at.ask("bus", "north", 20)
    at.ask("other", "east", 20)
    out = at.granter.seen(View(normal=False), at.box.now)
    ends = {one.request: one.state for one in out if isinstance(one, Changed)}
    assert ends == {"bus": State.STALE, "other": State.TIMEOUT}
    out = at.granter.asked(Ask("late", Verb.NEW, 6, 5, "north"), at.box.now)
    assert [one.state for one in out if isinstance(one, Changed)][-1] is State.REJECTED


def test_a_controller_that_falls_silent_is_asked_for_nothing_more() -> None:
    at = Junction()
    at.run(20)
    at.ask("bus", "north", 12)
    out = at.granter.tick(at.box.now + 6 * S)
    assert [one for one in out if isinstance(one, Release)] == [Release(Reason.SITE_SILENT)]
    assert at.granter.status()[0].state is State.STALE


def test_a_move_that_rsmp_does_not_know_is_our_own_bug() -> None:
    at = Junction()
    at.ask("bus", "north", 12)
    entry = at.granter.queue.entries["bus"]
    with pytest.raises(InternalError):
        at.granter.queue.move(entry, State.QUEUED, Reason.FREE, 0)


# The words of RSMP ------------------------------------------------------------------------

#: The table of S0033 in the SXL for traffic lights 1.2.1.
TABLE = """
received   | queued, activated, rejected, cooldown
queued     | activated, timeout
activated  | completed, stale
completed  |
timeout    |
rejected   |
cooldown   |
stale      |
"""


def rows_of(text: str) -> dict[str, set[str]]:
    return {
        row[1]: set(filter(None, row[2].strip().split(", ")))
        for row in re.finditer(r"^ *([a-z]+) +\| ?([a-z, ]*)$", text, re.MULTILINE)
    }


def test_the_table_of_transitions_is_that_of_rsmp() -> None:
    ours = {state.value: {str(after) for after in then} for state, then in TRANSITIONS.items()}
    assert rows_of(TABLE) == ours


def test_the_table_in_rsmps_own_file_is_the_same() -> None:
    places = [os.environ.get("JACQUEMART_DATA", ""), Path(__file__).parents[3] / "shared/data"]
    files = [Path(place) / "rsmp-schemas/tlc/1.2.1/sxl.yaml" for place in places if place]
    found = [file for file in files if file.exists()]
    if not found:
        pytest.skip("the RSMP schemas are not here")
    text = found[0].read_text(encoding="utf-8")
    table = text[text.index("State      | Possible next states") :][:600]
    assert rows_of(table) == rows_of(TABLE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": ""},
        {"request": "x" * 129},
        {"level": 15},
        {"level": -1},
        {"eta_s": 256},
        {"eta_s": -1},
        {"group": ""},
        {"verb": Verb.UPDATE},
        {"verb": Verb.CANCEL, "group": "", "vehicle_type": VehicleType.BUS},
    ],
)
def test_a_request_that_m0022_does_not_allow_cannot_be_made(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"request": "r", "verb": Verb.NEW, "level": 5, "group": "north"}
    Ask(**right)
    with pytest.raises(UsageError, match="allowed"):
        Ask(**{**right, **wrong})


# The declaration --------------------------------------------------------------------------


def test_a_declaration_that_contradicts_itself_is_refused_with_every_place() -> None:
    stages = [
        Stage("a", frozenset({"x"}), 2 * S, 10 * S, 20 * S),
        Stage("b", frozenset({"y"}), 8 * S, 6 * S, 20 * S),
        Stage("b", frozenset(), 8 * S, 9 * S, 20 * S),
    ]
    with pytest.raises(ConfigError) as caught:
        Site("wrong", stages, {("a", "b"): -1}, Times(cycles=0, emergency_cycles=0))
    text = str(caught.value)
    for part in ("stages.a.least_ms: found 2000", "stages.b: found 8000, 6000, 20000",
                 "found 'b' twice", "no groups", "change_ms.a.b: found -1", "times.cycles",
                 "change_ms.b.a: found nothing"):  # fmt: skip
        assert part in text, part


def test_a_plan_that_lets_a_group_wait_too_long_is_refused_with_its_red() -> None:
    with pytest.raises(ConfigError, match="group east: found a red of 55000 ms"):
        site(longest_wait=50 * S)
