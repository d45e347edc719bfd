"""The broker's actor alone: what it asks signals for, whom it tells, and when it takes back."""

from __future__ import annotations

import json
from typing import Any, Self

import pytest
from priority_town import place

from jacquemart.actors.priority.broker import PriorityBroker
from jacquemart.actors.priority.declared import carried
from jacquemart.actors.priority.messages import Position, Request, Told
from jacquemart.actors.priority.request import State, VehicleType, Verb
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.kinds import KindBench, template_of

LINE_M = 400.0
TABLES: dict[str, Any] = {
    "priority": {"bus": {"ask": "need", "late_s": 60}},
    "approaches": {
        "north-1": {
            "signal": "K1", "group": 2, "path": [list(place(100.0)), list(place(LINE_M))],
            "stops": [{"before_m": 200, "dwell_s": 15}],
        },
        "north-2": {
            "signal": "K2", "group": 3, "path": [list(place(500.0)), list(place(800.0))],
        },
    },
}  # fmt: skip


class Desk:
    """A broker, and vehicles that tell it where they are."""

    def __init__(self) -> None:
        options = {"city_tables": carried(TABLES, str)}
        template = template_of(PriorityBroker, options=options)
        self.bench = KindBench(PriorityBroker, template, start={"enabled": 1.0}, device="broker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.bench.failures == []
        self.bench.close()

    def says(self, sender: str, verb: str, value: str) -> Ticket:
        bench = self.bench
        now = bench.clock.boot_ns()
        ticket = Ticket(
            now.to_bytes(16, "big"), sender, "broker", verb, "", value, "", 8,
            now + 2_000_000_000, now, lambda _: None,
        )  # fmt: skip
        bench._happen(lambda: bench.actor.post(ticket))
        return ticket

    def at(self, vehicle: str, metres: float, **said: Any) -> Ticket:
        lat, lon = place(metres)
        values = {"speed": 8.0, "heading": 0.0, "late": 200.0, "line": "5", **said}
        ticket = self.says(vehicle, "position", Position(True, 0, lat, lon, **values).text())
        assert ticket.outcome is not None
        assert ticket.outcome.applied, ticket.outcome
        return ticket

    def drives(self, vehicle: str, begin: float, end: float, **said: Any) -> None:
        metres = begin
        while metres <= end:
            self.at(vehicle, metres, **said)
            self.bench.advance(1.0)
            metres += 8.0

    def asked(self, signal: str = "") -> list[dict[str, Any]]:
        return [
            json.loads(str(one.value))
            for one in self.bench.others.commands
            if one.verb == "priority" and signal in ("", one.device)
        ]

    def verbs(self, signal: str = "") -> list[str]:
        return [one["ask"] for one in self.asked(signal) if one["ask"] != "update"]

    def told(self, vehicle: str) -> list[str]:
        commands = self.bench.others.commands
        return [
            str(one.value)
            for one in commands
            if one.verb == "priority_told" and one.device == vehicle
        ]

    def state(self, request: str, state: State, signal: str = "K1") -> Ticket:
        return self.says(signal, "request_state", Told(request, state).text())

    def events(self, name: str) -> list[dict[str, Any]]:
        return [dict(one.detail) for one in self.bench.events if one.name == name]


def test_a_late_bus_is_asked_for_and_let_go_when_it_has_passed() -> None:
    with Desk() as desk:
        desk.drives("bus-1", 110.0, 420.0)
        first = desk.asked("K1")[0]
        assert (first["ask"], first["group"], first["level"], first["type"]) == ("new", 2, 6, "bus")
        assert (first["vehicle"], first["answer"]) == ("bus-1", "broker")
        assert desk.verbs() == ["new", "cancel"]
        assert sum(one["ask"] == "update" for one in desk.asked()) >= 3
        assert desk.events("priority_asked")[0]["why"] == "it is late"
        assert desk.events("priority_cancelled")[0]["why"] == "it has passed the stop line"
        assert [text.partition(":")[0] for text in desk.told("bus-1")][-2:] == [
            "it asks K1 at north-1", "it takes its request back at north-1",
        ]  # fmt: skip
        assert desk.bench.value("requests") == 0.0


def test_a_bus_in_time_is_not_asked_for_and_told_why() -> None:
    with Desk() as desk:
        desk.drives("bus-1", 110.0, 380.0, late=0.0)
        assert desk.asked() == []
        assert [one["why"] for one in desk.events("priority_not_asked")] == [
            "it is neither late nor full"
        ]
        assert desk.told("bus-1") == ["it does not ask at north-1: it is neither late nor full"]


def test_two_buses_at_one_signal_are_two_requests() -> None:
    with Desk() as desk:
        for step in range(20):
            desk.at("bus-1", 250.0 + 8.0 * step)
            desk.at("bus-2", 190.0 + 8.0 * step)
            desk.bench.advance(1.0)
        asked = desk.asked("K1")
        news = [one["request"] for one in asked if one["ask"] == "new"]
        cancels = [one["request"] for one in asked if one["ask"] == "cancel"]
        assert len(set(news)) == 2
        assert cancels == [news[0]]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("silent", "its position is too old"),
        ("jumps", "its position jumped"),
        ("off duty", "it is not known to be on duty"),
        ("backwards", "it goes backwards"),
        ("stands", "it stands still where no stop and no signal is"),
        ("leaves", "it has left the way to the stop line"),
        ("switched off", "priority is switched off"),
    ],
)
def test_whatever_is_in_doubt_takes_the_request_back(what: str, why: str) -> None:
    with Desk() as desk:
        desk.drives("bus-1", 110.0, 280.0)
        assert desk.verbs() == ["new"]
        if what == "silent":
            desk.bench.advance(12.0)
        elif what == "jumps":
            desk.at("bus-1", 5_000.0)
        elif what == "off duty":
            desk.says("bus-1", "position", '{"duty":false}')
        elif what == "backwards":
            desk.at("bus-1", 240.0)
        elif what == "stands":
            for _ in range(60):
                desk.at("bus-1", 282.0, speed=0.0)
                desk.bench.advance(1.0)
        elif what == "leaves":
            lat, lon = place(284.0)
            there = Position(True, 0, lat, lon + 0.0006, 8.0, 90.0)
            desk.says("bus-1", "position", there.text())
        else:
            desk.bench.reading("enabled", 0.0)
        assert desk.verbs() == ["new", "cancel"]
        assert [one["why"] for one in desk.events("priority_cancelled")] == [why]


def test_two_vehicles_with_one_id_hold_no_green() -> None:
    with Desk() as desk:
        for step in range(12):
            desk.at("bus-1", 200.0 + 8.0 * step)
            desk.bench.advance(0.5)
            desk.at("bus-1", 3_000.0 + 8.0 * step)
            desk.bench.advance(0.5)
        verbs = desk.verbs()
        assert verbs.count("new") == verbs.count("cancel") <= 1


def test_switched_off_it_asks_for_nothing_and_on_again_it_does() -> None:
    with Desk() as desk:
        desk.bench.reading("enabled", 0.0)
        desk.drives("bus-1", 110.0, 250.0)
        assert desk.asked() == []
        desk.bench.reading("enabled", 1.0)
        desk.drives("bus-1", 258.0, 300.0)
        assert desk.verbs() == ["new"]
        assert desk.bench.said[:2] == ["priority_off", "priority_on"]


def test_what_becomes_of_it_is_told_to_the_vehicle_and_ends_it() -> None:
    with Desk() as desk:
        desk.drives("bus-1", 200.0, 260.0)
        request = desk.asked()[0]["request"]
        desk.state(request, State.ACTIVATED)
        assert desk.told("bus-1")[-1] == "K1 gives it priority, at north-1"
        desk.state(request, State.STALE)
        assert desk.bench.actor.texts() == {}
        desk.drives("bus-1", 268.0, 300.0)
        assert desk.verbs() == ["new"], "it asks again after 15 s and not at once"


def test_a_signal_speaks_for_its_own_requests_only() -> None:
    with Desk() as desk:
        desk.drives("bus-1", 200.0, 260.0)
        request = desk.asked()[0]["request"]
        ticket = desk.state(request, State.REJECTED, signal="K2")
        assert ticket.outcome is not None
        assert (ticket.outcome.status, ticket.outcome.reason) == (Status.REJECTED, Reason.RULE)
        assert "bus-1" in desk.bench.actor.texts()["asks for"]


def test_a_request_of_before_a_restart_is_taken_back_when_it_is_heard_of() -> None:
    with Desk() as desk:
        desk.state("broker/bus-9.0.7", State.ACTIVATED)
        assert [(one["ask"], one["request"]) for one in desk.asked("K1")] == [
            ("cancel", "broker/bus-9.0.7")
        ]
        desk.state("somebody/else", State.ACTIVATED)
        assert len(desk.asked()) == 1


def test_a_signal_that_takes_nothing_is_asked_again_later_and_others_are_not_held_up() -> None:
    with Desk() as desk:
        desk.bench.others.answer = Status.REJECTED
        desk.drives("bus-1", 110.0, 300.0)
        taken = desk.events("priority_not_taken")
        assert taken[0]["end"] == "REJECTED"
        assert 1 <= desk.verbs("K1").count("new") <= 3
        desk.bench.others.answer = Status.APPLIED
        desk.drives("bus-2", 600.0, 640.0)
        assert desk.verbs("K2") == ["new"]


def test_an_emergency_vehicle_asks_as_such_and_before_others() -> None:
    with Desk() as desk:
        desk.drives("engine-1", 200.0, 230.0, type=VehicleType.EMERGENCY, late=None)
        first = desk.asked()[0]
        assert (first["level"], first["type"]) == (14, "emergency")
        ranks = {one.priority for one in desk.bench.others.commands if one.verb == "priority"}
        assert ranks == {3}


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", '{"lat": 1}', '{"lat": NaN, "lon": 1}', '{"lat": 91, "lon": 1}',
     '{"lat": 1, "lon": 1, "speed": "8"}', '{"lat": 1, "lon": 1, "far": 1}', "[" * 1_000,
     '{"lat": 1, "lon": 1, "type": "ship"}', '{"lat": 1, "lon": 1, "age_ms": -1}', '{"duty": 1}'],
)  # fmt: skip
def test_what_is_no_position_is_refused(text: str) -> None:
    with Desk() as desk:
        ticket = desk.says("bus-1", "position", text)
        assert ticket.outcome is not None
        assert (ticket.outcome.status, ticket.outcome.reason) == (
            Status.REJECTED, Reason.BAD_VALUE,
        )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ['{"ask": "new"}', '{"request": "a", "ask": "no"}', '{"request": "a", "ask": "new"}',
     '{"request": "a", "ask": "new", "group": 0, "level": 1}',
     '{"request": "a", "ask": "new", "group": 1, "level": 15}',
     '{"request": "a", "ask": "new", "group": 1, "level": 1, "answer": "a b"}'],
)  # fmt: skip
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"found .*; allowed: "):
        Request.read(text)


def test_texts_are_read_as_they_were_said() -> None:
    position = Position(
        True, 5, 47.3, 5.0, 8.0, 90.0, 4.0, False, VehicleType.TRAM, "T1", 9.0, 80.0, "77"
    )
    assert Position.read(position.text()) == position
    assert Position.read(Position(False).text()) == Position(False)
    for verb in (Verb.NEW, Verb.UPDATE):
        request = Request("r", verb, 7, 6, 12, VehicleType.BUS, "bus-7", "broker")
        assert Request.read(request.text()) == request
    assert Request.read(Request("r", Verb.CANCEL).text()) == Request("r", Verb.CANCEL)
    assert Told.read(Told("r", State.STALE).text()) == Told("r", State.STALE)
