"""The city's half of priority: who may ask by its policy, and which requests follow from that."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.priority.approach import Approach, Arrival, CheckedIn, CheckedOut, Comes
from jacquemart.actors.priority.approach.told import Gone
from jacquemart.actors.priority.policy import (
    Condition,
    Decided,
    Policy,
    Requester,
    Rule,
    Send,
    Situation,
    Why,
    judge,
    read_policy,
)
from jacquemart.actors.priority.request import Item, State, VehicleType, Verb
from jacquemart.runtime.model.errors import ConfigError

WAY = Approach("avenue", "darcy", "north", ((47.322, 5.041), (47.325, 5.041)))
LATE = Situation(late_s=200.0)


class Desk:
    """A requester with one bus, and everything that it sent or told."""

    def __init__(self, policy: Policy | None = None, situation: Situation | None = LATE) -> None:
        self.requester = Requester(policy or Policy(), "dijon-west/", "1")
        self.requester.knows("bus", situation)
        self.now = 0
        self.sent: list[Any] = []
        self.told: list[Decided] = []

    def take(self, out: list[Any]) -> None:
        self.sent += [one.ask for one in out if isinstance(one, Send)]
        self.told += [one for one in out if isinstance(one, Decided)]

    def comes(self, eta: float, wait: float = 1.0, doubt: float = 6.0, first: bool = False) -> None:
        self.now += round(wait * 1_000)
        arrival = Arrival(max(0.0, eta - doubt / 2), eta, eta + doubt / 2)
        kind = CheckedIn if first else Comes
        self.take(self.requester.told([kind("bus", "5", WAY, arrival, self.now)]))

    def goes(self, why: Gone = Gone.PASSED) -> None:
        self.take(self.requester.told([CheckedOut("bus", WAY, why, self.now)]))

    def status(self, state: State, request: str = "") -> None:
        name = request or next(iter(self.requester.under_way()), "")
        self.take(self.requester.status("darcy", [Item(name, state, self.now)], self.now))

    def verbs(self) -> list[Verb]:
        return [ask.verb for ask in self.sent]


def test_a_late_bus_asks_when_it_is_near_enough_says_when_it_comes_and_takes_it_back() -> None:
    desk = Desk()
    desk.comes(60.0, first=True)
    assert desk.sent == []
    assert desk.told[-1].why is Why.TOO_FAR
    desk.comes(40.0)
    new = desk.sent[-1]
    assert (new.verb, new.level, new.eta_s, new.group) == (Verb.NEW, 6, 40, "north")
    assert new.vehicle_type is VehicleType.BUS
    assert desk.told[-1].why is Why.LATE
    for eta in (39.0, 38.0, 37.0, 36.0):
        desk.comes(eta)
    assert desk.verbs() == [Verb.NEW], "it comes as it said"
    desk.comes(35.0)
    assert desk.verbs() == [Verb.NEW, Verb.UPDATE], "every 5 s at least"
    desk.comes(50.0)
    assert desk.sent[-1].eta_s == 50
    desk.goes()
    assert desk.verbs() == [Verb.NEW, Verb.UPDATE, Verb.UPDATE, Verb.CANCEL]
    assert len({ask.request for ask in desk.sent}) == 1
    assert desk.requester.under_way() == {}


@pytest.mark.parametrize(
    ("situation", "asks", "why"),
    [
        (Situation(late_s=59.0), False, Why.ON_TIME),
        (Situation(late_s=60.0), True, Why.LATE),
        (Situation(late_s=90.0, late_doubt_s=40.0), False, Why.ON_TIME),
        (Situation(late_s=-100.0, load_pct=90.0), True, Why.FULL),
        (Situation(late_s=0.0, headway=1.6), True, Why.GAP),
        (Situation(late_s=500.0, headway=0.3), False, Why.BUNCHED),
        (Situation(), False, Why.UNKNOWN),
        (Situation(load_pct=10.0), False, Why.ON_TIME),
    ],
)
def test_need_is_lateness_load_or_a_gap_and_never_what_bunches(
    situation: Situation, asks: bool, why: Why
) -> None:
    assert judge(Rule(), situation) == (asks, why)


def test_always_never_and_a_kind_that_the_policy_does_not_know() -> None:
    assert judge(Rule(Condition.ALWAYS), Situation(late_s=-500.0)) == (True, Why.ALWAYS)
    assert judge(Rule(Condition.NEVER), LATE) == (False, Why.NEVER)
    assert judge(Policy().rule(VehicleType.CAR, ""), LATE) == (False, Why.NEVER)
    assert judge(Rule(unknown=True), Situation()) == (True, Why.UNKNOWN_ASKS)


def test_nobody_asks_before_it_is_sure_enough_when_the_vehicle_comes() -> None:
    desk = Desk()
    desk.comes(30.0, doubt=60.0, first=True)
    assert desk.told[-1].why is Why.TOO_UNSURE
    desk.comes(25.0, doubt=10.0)
    assert desk.verbs() == [Verb.NEW]


@pytest.mark.parametrize("why", list(Gone))
def test_whatever_ends_an_approach_takes_the_request_back(why: Gone) -> None:
    desk = Desk()
    desk.comes(20.0, first=True)
    desk.goes(why)
    assert desk.verbs() == [Verb.NEW, Verb.CANCEL]


def test_a_site_that_ends_a_request_is_asked_again_a_few_times_and_not_at_once() -> None:
    desk = Desk()
    desk.comes(40.0, first=True)
    for _ in range(6):
        desk.status(State.STALE)
        desk.comes(30.0)
        assert desk.requester.under_way() == {}
        desk.comes(30.0, wait=16.0)
    assert desk.verbs().count(Verb.NEW) == 3
    assert desk.told[-1].why is Why.ASKED_OFTEN
    assert len({ask.request for ask in desk.sent if ask.verb is Verb.NEW}) == 3


def test_requests_from_before_a_restart_are_taken_back_and_those_of_others_are_not() -> None:
    desk = Desk()
    desk.status(State.ACTIVATED, "dijon-west/bus-9.0.17")
    desk.status(State.ACTIVATED, "somebody-else/7")
    desk.status(State.COMPLETED, "dijon-west/bus-9.0.18")
    assert [(ask.verb, ask.request) for ask in desk.sent] == [
        (Verb.CANCEL, "dijon-west/bus-9.0.17")
    ]


def test_a_site_that_cannot_be_reached_is_not_asked_until_it_is_back() -> None:
    desk = Desk()
    desk.comes(40.0, first=True)
    desk.requester.reachable("darcy", False)
    desk.comes(30.0)
    assert desk.told[-1].why is Why.SITE_AWAY
    assert desk.verbs() == [Verb.NEW]
    desk.requester.reachable("darcy", True)
    desk.comes(25.0)
    assert desk.verbs() == [Verb.NEW, Verb.NEW]


def test_a_request_that_failed_on_its_way_is_made_again_later() -> None:
    desk = Desk()
    desk.comes(40.0, first=True)
    desk.requester.failed(desk.sent[0].request, desk.now)
    desk.comes(38.0)
    assert desk.verbs() == [Verb.NEW]
    desk.comes(20.0, wait=20.0)
    assert desk.verbs() == [Verb.NEW, Verb.NEW]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "comes", "out", "status", "failed", "away", "back"]),
        st.integers(0, 3),
        st.floats(0, 100),
        st.sampled_from(list(State)),
    ),
    max_size=60,
)


@settings(max_examples=80)
@given(STEPS)
def test_each_request_is_new_once_and_nothing_is_said_of_it_after_its_end(steps: Any) -> None:
    requester = Requester(Policy(), "z/", "1")
    begun: set[str] = set()
    ended: set[str] = set()
    now = 0
    for what, which, eta, state in steps:
        now += 3_000
        vehicle = f"v{which}"
        requester.knows(vehicle, LATE)
        under_way = [name for name, whose in requester.under_way().items() if whose == vehicle]
        arrival = Arrival(eta * 0.9, eta, eta * 1.1)
        out: list[Any] = []
        if what in ("in", "comes"):
            kind = CheckedIn if what == "in" else Comes
            out = requester.told([kind(vehicle, "5", WAY, arrival, now)])
        elif what == "out":
            out = requester.told([CheckedOut(vehicle, WAY, Gone.LEFT, now)])
            assert vehicle not in requester.under_way().values()
        elif what == "status":
            out = requester.status("darcy", [Item(name, state, now) for name in under_way], now)
        elif what == "failed" and under_way:
            requester.failed(under_way[0], now)
        else:
            requester.reachable("darcy", what == "back")
        for send in [one for one in out if isinstance(one, Send)]:
            name = send.ask.request
            assert (send.ask.verb is Verb.NEW) is (name not in begun)
            assert name not in ended
            begun.add(name)
            if send.ask.verb is Verb.CANCEL:
                ended.add(name)
        known = list(requester.under_way().values())
        assert len(known) == len(set(known)), "one request a vehicle"


# The table --------------------------------------------------------------------------------


def table(text: str) -> dict[str, Any]:
    return tomllib.loads(text)["priority"]  # type: ignore[no-any-return]


def test_a_city_says_its_own_policy_and_a_line_its_own_on_top() -> None:
    policy = read_policy(
        table(
            """
            [priority]
            ahead_s = 30
            [priority.bus]
            late_s = 120
            level = 5
            [priority.lines.L3]
            ask = "always"
            level = 7
            """
        ),
        "city.toml: priority",
    )
    assert policy.ahead_s == 30
    assert policy.rule(VehicleType.BUS, "5") == Rule(late_s=120, level=5)
    assert policy.rule(VehicleType.BUS, "L3") == Rule(Condition.ALWAYS, 7, late_s=120)
    emergency = policy.rule(VehicleType.EMERGENCY, "L3")
    assert emergency is not None
    assert emergency.level == 14


def test_a_wrong_table_is_refused_with_every_place_what_was_found_and_what_is_allowed() -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy(
            table(
                """
                [priority]
                ahed_s = 30
                doubt_s = "long"
                [priority.bus]
                level = 99
                late_s = true
                ask = "sometimes"
                unknown = 1
                [priority.tram]
                level = 14
                [priority.lines]
                L3 = 4
                L4 = { level = 14 }
                """
            ),
            "city.toml: priority",
        )
    text = str(caught.value)
    for part in (
        "priority.ahed_s: found an unknown key; allowed: emergency",
        'did you mean "ahead_s"?',
        'priority.doubt_s: found "long"; allowed: a number from 2 to 120',
        "priority.bus.level: found 99; allowed: a whole number from 0 to 14",
        "priority.bus.late_s: found true; allowed: a number from -600 to 3600",
        'priority.bus.ask: found "sometimes"; allowed: always, need, never',
        "priority.bus.unknown: found 1; allowed: true, false",
        "priority.tram.level: found 14; allowed: below that of emergency, 14",
        "priority.lines.L3: found 4; allowed: a table",
        "priority.lines.L4.level: found 14; allowed: below that of emergency, 14",
    ):
        assert part in text, part
