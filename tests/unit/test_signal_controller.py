"""A signal controller is asked, not told; and one that is not heard for 4 s is not there."""

from __future__ import annotations

import pytest

from jacquemart.actors.traffic import SignalController
from jacquemart.actors.traffic.aggregated import SiteStatus, severity_of
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds import Answers, KindBench

CALM = {"state": 1.0, "plan": 1.0, "plan_state": 1.0, "status": 32.0}


def bench() -> KindBench:
    made = KindBench(SignalController, start=CALM)
    made.advance(2.0)
    return made


def how(ticket: Ticket) -> tuple[Status, str]:
    assert ticket.outcome is not None
    return ticket.outcome.status, ticket.outcome.reason


def test_a_calm_controller_says_nothing_but_that_it_is_there() -> None:
    with bench() as junction:
        junction.advance(600.0)
        assert junction.said == []
        assert (junction.value("contact"), junction.value("severity")) == (1.0, 0.0)


def test_mode_and_plan_are_proven_by_what_the_controller_shows() -> None:
    with bench() as junction:
        assert how(junction.set("mode", "yellow_flash")) == (Status.APPLIED, Reason.OK)
        assert how(junction.set("plan", 3)) == (Status.APPLIED, Reason.OK)
        assert how(junction.set("mode", "purple"))[1] == Reason.BAD_VALUE
        assert how(junction.set("plan", 2.5))[1] == Reason.BAD_VALUE
        assert junction.writes == [("mode", 1.0), ("plan", 3.0)]


@pytest.mark.parametrize("point", ["local", "status"])
def test_nobody_commands_a_controller_in_local_mode(point: str) -> None:
    with bench() as junction:
        junction.reading(point, 1.0)
        for command in (("mode", 1.0), ("plan", 2.0)):
            assert how(junction.set(*command)) == (Status.REJECTED, Reason.RULE)
        junction.reading("local", 0.0)
        junction.reading("status", 32.0)
        assert how(junction.set("mode", 1.0)) == (Status.APPLIED, Reason.OK)
        told = ["local_mode", "central_mode"] if point == "local" else []
        assert junction.said == told


def test_a_switch_that_was_turned_since_the_last_poll_is_seen() -> None:
    with bench() as junction:
        junction.field.values["local"] = 1.0
        ticket = junction.set("mode", 1.0)
        assert how(ticket) == (Status.REJECTED, Reason.INTERLOCK)
        assert junction.writes == []


@pytest.mark.parametrize("quality", [Quality.STALE_AGE, Quality.BAD_DEVICE])
def test_nobody_commands_a_controller_of_which_nobody_knows_who_has_it(quality: Quality) -> None:
    with bench() as junction:
        junction.reading("local", 0.0, quality)
        ticket = junction.set("mode", 1.0)
        assert how(ticket) == (Status.REJECTED, Reason.RULE)
        assert junction.writes == []


def test_four_seconds_of_silence_are_a_lost_contact() -> None:
    with bench() as junction:
        hushed = junction.clock.boot_ns()
        junction.shard.links["link-1"]._plans.clear()
        junction.shard.links["link-1"]._schedule.restart(2**62)  # nobody polls any more
        while junction.value("contact") == 1.0:
            junction.advance(0.05)
        assert 3.0 <= (junction.clock.boot_ns() - hushed) / 1e9 <= 4.5
        assert junction.said == ["no_contact"]


def test_contact_is_lost_with_the_link_and_back_with_a_word() -> None:
    with bench() as junction:
        junction.link(False)
        assert (junction.said, junction.value("contact")) == (["no_contact"], 0.0)
        junction.link(True)
        assert (junction.said, junction.value("contact")) == (["no_contact", "contact"], 1.0)


def test_of_a_silent_controller_the_worst_fault_is_only_what_was_heard_last() -> None:
    with bench() as junction:
        junction.reading("status", float(SiteStatus.LOW_FAULT))
        assert (junction.value("severity"), junction.quality("severity")) == (1.0, Quality.GOOD)
        junction.field.there = False
        junction.advance(10.0)
        assert junction.value("severity") == 1.0
        assert junction.quality("severity") is Quality.STALE_AGE
        junction.field.there = True
        junction.field.values["status"] = 32.0
        junction.advance(10.0)
        assert (junction.value("severity"), junction.quality("severity")) == (0.0, Quality.GOOD)


@pytest.mark.parametrize(
    ("bits", "severity", "word"),
    [
        (SiteStatus.LOW_FAULT, 1, "low"),
        (SiteStatus.MEDIUM_FAULT | SiteStatus.LOW_FAULT, 2, "medium"),
        (SiteStatus.NO_COMMUNICATION, 2, "medium"),
        (SiteStatus.HIGH_FAULT | SiteStatus.LOW_FAULT | SiteStatus.IN_USE, 3, "high"),
    ],
)
def test_a_fault_is_told_by_its_severity_and_its_end_once(
    bits: SiteStatus, severity: int, word: str
) -> None:
    assert severity_of(float(bits)) == severity
    with bench() as junction:
        junction.reading("status", float(bits))
        junction.reading("status", float(bits | SiteStatus.IDLE))
        assert junction.value("severity") == severity
        assert [(e.name, e.detail) for e in junction.events] == [("signal_fault", {"worst": word})]
        junction.reading("status", 32.0)
        assert junction.said == ["signal_fault", "signal_fault_cleared"]


def test_what_the_signals_do_is_told_when_it_changes() -> None:
    with bench() as junction:
        for state in (2.0, 3.0, 4.0, 0.0, 1.0, 1.0):
            junction.reading("state", state)
        assert [(event.name, event.severity) for event in junction.events] == [
            ("signals_flash", 1),
            ("signals_dark", 2),
            ("signals_in_fault", 2),
            ("signals_starting", 1),
            ("signals_normal", 0),
        ]


def test_a_controller_in_fault_is_to_blame_for_not_following() -> None:
    with bench() as junction:
        junction.answers(Answers.IGNORES)
        ticket = junction.set("mode", 1.0, within_s=30.0)
        junction.advance(11.0)
        assert how(ticket) == (Status.FAILED, Reason.NOT_FOLLOWING)
        junction.reading("state", 4.0)
        ticket = junction.set("mode", 1.0, within_s=30.0)
        junction.advance(11.0)
        assert how(ticket) == (Status.FAILED, Reason.DEVICE_FAULT)
