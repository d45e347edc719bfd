"""Claims of one device on its link: what is written when, and what is never written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from bench_host import S, how, outcome_of
from claim_bench import Bench, Lamp, on_bench
from link_bench import LEVEL, SETPOINT
from scripted_driver import Do

from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.kernel.setpoints import Setpoints
from jacquemart.runtime.model.outcome import Status


def test_a_device_that_nobody_claims_keeps_one_empty_slot_and_loses_its_claims_again() -> None:
    async def story(bench: Bench) -> None:
        bench.set(80.0)
        await asyncio.sleep(2.0)
        assert bench.lamp.claims is None
        assert bench.shard.setpoints.get(bench.lamp.base) == 80.0
        bench.hold(40.0, lease_s=5.0)
        await asyncio.sleep(2.0)
        assert bench.lamp.claims is not None
        await asyncio.sleep(5.0)
        assert bench.lamp.claims is None
        assert bench.sent() == [80.0, 40.0, 80.0]
        assert [why for _, why in bench.host.ended] == ["expired"]
        assert bench.events() == ["hold_placed", "hold_expired"]

    on_bench(story)


def test_what_was_never_set_falls_back_to_its_default_or_stays() -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        released = bench.release()
        await asyncio.sleep(2.0)
        assert how(released) == ("APPLIED", "ok")
        default = bench.lamp.template.points[0].default
        assert bench.sent() == ([40.0] if default is None else [40.0, 15.0])

    on_bench(story)
    on_bench(story, default=15.0)


def test_a_lockout_stops_what_waits_for_the_link_and_waits_for_nothing_itself() -> None:
    async def story(bench: Bench) -> None:
        bench.driver.then("read", Do("ok", 3.0))  # the link is busy for a while
        await asyncio.sleep(1.0)
        waiting = bench.set_as("bob", 80.0)
        hold = bench.hold(60.0, "bob", priority=4)
        await asyncio.sleep(0.1)
        assert waiting.outcome is None
        locked = bench.claim("lockout", priority=3)
        assert how(locked) == ("APPLIED", "ok"), "at once"
        await asyncio.sleep(5.0)
        assert how(waiting) == ("REJECTED", "held")
        assert "ann has locked it out" in outcome_of(waiting).detail
        assert how(hold) == ("SUPERSEDED", "outranked")
        assert bench.sent() == []
        bench.release(point="", priority=3)
        await asyncio.sleep(2.0)
        assert bench.sent() == [60.0], "the hold has waited for this"

    on_bench(story)


def test_a_lockout_is_not_released_by_a_release_that_came_before_it() -> None:
    async def story(bench: Bench) -> None:
        bench.claim("lockout", priority=3)
        bench.driver.then("read", Do("ok", 3.0))  # the link is busy for a while
        await asyncio.sleep(1.0)
        bench.hold(60.0, priority=2)  # it is life safety's, and passes
        release = bench.release(point="", priority=3)
        await asyncio.sleep(0.1)
        assert release.outcome is None, "it waits behind the hold"
        assert how(bench.claim("lockout", priority=3, why="lamp open")) == ("APPLIED", "ok")
        await asyncio.sleep(5.0)
        assert how(release) == ("APPLIED", "ok")
        assert "nothing of that kind stood" in outcome_of(release).detail
        assert "lamp open" in outcome_of(bench.set_as("bob", 80.0)).detail
        assert how(bench.release(point="", priority=3)) == ("APPLIED", "ok")
        await asyncio.sleep(3.0)
        assert bench.host.ended[-1][0].why == "lamp open"

    on_bench(story)


def test_a_command_of_several_steps_that_is_refused_at_the_second_says_what_was_sent() -> None:
    async def story(bench: Bench) -> None:
        steps = bench.ends.ticket(None, verb="two_steps", point="")
        bench.lamp.post(steps)
        await asyncio.sleep(0.5)
        bench.claim("lockout", priority=3)
        await asyncio.sleep(3.0)
        assert how(steps) == ("FAILED", "held"), "it was sent: REJECTED would be a lie"
        assert "setpoint APPLIED; then: ann has locked it out" in outcome_of(steps).detail
        assert outcome_of(steps).stages.dispatched
        assert bench.sent() == [10.0]

    on_bench(story)


@pytest.mark.parametrize(("verb", "priority"), [("reserve", 8), ("lockout", 3)])
def test_commands_without_a_write_are_refused_too_and_life_safety_passes(
    verb: str, priority: int
) -> None:
    async def story(bench: Bench) -> None:
        bench.claim(verb, priority=priority)
        await asyncio.sleep(0.1)
        blink = bench.ends.ticket(None, verb="blink", point="")
        safe = bench.ends.ticket(None, verb="blink", point="", priority=2)
        for ticket in (blink, safe):
            bench.lamp.post(ticket)
        assert how(blink) == ("REJECTED", "held")
        assert how(safe) == ("APPLIED", "ok")
        bench.lamp.act("setpoint", 50.0)
        bench.lamp.act("setpoint", 0.0, priority=1)
        await asyncio.sleep(2.0)
        assert bench.sent() == [0.0], "its own accord is the device's, and no exception"

    on_bench(story)


def test_a_hold_of_an_unreachable_lamp_stands_and_is_written_when_it_is_back() -> None:
    async def story(bench: Bench) -> None:
        bench.driver.always["read"] = Do("link")
        bench.driver.always["open"] = Do("link")
        await asyncio.sleep(3.0)
        hold = bench.hold(40.0)
        assert how(hold) == ("FAILED", "unreachable")
        assert bench.sent() == []
        bench.driver.always["read"] = bench.driver.always["open"] = Do()
        await asyncio.sleep(60.0)
        assert bench.sent() == [40.0]
        assert bench.level() == 40.0

    on_bench(story)


def test_a_hold_that_a_rule_or_interlock_forbids_does_not_stand() -> None:
    async def story(bench: Bench) -> None:
        bench.set(80.0)
        await asyncio.sleep(2.0)
        bench.lamp.forbids, bench.lamp.stops = 7.0, 8.0
        for value, reason in ((7.0, "rule"), (8.0, "interlock")):
            hold = bench.hold(value)
            await asyncio.sleep(2.0)
            assert how(hold) == ("REJECTED", reason)
        assert bench.lamp.claims is None
        assert bench.sent() == [80.0]

    on_bench(story)


@pytest.mark.parametrize(
    ("value", "options", "reason"),
    [
        (101.0, {}, "out_of_range"), ("high", {}, "bad_value"), (40.0, {"priority": 3}, "rule"),
        (40.0, {"priority": 6}, "rule"), (1.0, {"point": "button"}, "rule"),
        (1.0, {"point": "level"}, "not_writable"), (1.0, {"point": "nothing"}, "unknown_point"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_by_name(
    value: Any, options: dict[str, Any], reason: str
) -> None:
    async def story(bench: Bench) -> None:
        hold = bench.claim("hold", value, **{"point": "setpoint", **options})
        assert how(hold) == ("REJECTED", reason)
        assert how(bench.claim("reserve", point="setpoint")) == ("REJECTED", "unknown_point")
        await asyncio.sleep(0.1)
        assert bench.lamp.claims is None

    on_bench(story, low=0.0, high=100.0)


def test_a_lamp_that_does_not_follow_is_held_all_the_same_and_tried_ever_later() -> None:
    async def story(bench: Bench) -> None:
        bench.driver.always["write"] = Do("lie")
        hold = bench.hold(40.0)
        await asyncio.sleep(3.0)
        assert how(hold) == ("FAILED", "not_following")
        await asyncio.sleep(600.0)
        tries = len(bench.sent())
        assert 5 <= tries <= 12, "ever later, and not each look"
        refused = bench.set_as("bob", 90.0)
        assert how(refused) == ("REJECTED", "held")
        bench.driver.always["write"] = Do()
        await asyncio.sleep(320.0)
        assert bench.level() == 40.0

    on_bench(story)


def test_a_hold_is_tried_again_soon_however_many_before_it_were_not_followed() -> None:
    async def story(bench: Bench) -> None:
        bench.driver.always["write"] = Do("lie")
        for value in (10.0, 20.0, 30.0, 40.0):
            hold = bench.hold(value)
            await asyncio.sleep(2.0)
            assert how(hold) == ("FAILED", "not_following")
        bench.driver.always["write"] = Do()
        await asyncio.sleep(8.0)
        assert bench.level() == 40.0

    on_bench(story)


@pytest.mark.parametrize("by_s", [-3_600.0, 3_600.0])
def test_n9_d6_a_lamp_that_rebooted_is_told_again_soon_although_somebody_set_the_wall_clock(
    by_s: float,
) -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        bench.clock.set_wall_by(by_s)
        await asyncio.sleep(4.0)
        assert bench.sent() == [40.0], "what was read before is no sign of anything"
        bench.field.write("lamp-1/setpoint", 0.0)
        await asyncio.sleep(4.0)
        assert bench.sent() == [40.0, 40.0]
        assert bench.events().count("hold_contradicted") == 1

    on_bench(story)


def test_d6_a_lamp_that_rebooted_to_its_defaults_is_told_again_through_the_interlock() -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        bench.field.write("lamp-1/setpoint", 0.0)
        await asyncio.sleep(4.0)
        assert bench.sent() == [40.0, 40.0]
        assert "hold_contradicted" in bench.events()
        bench.lamp.stops = 40.0
        bench.field.write("lamp-1/setpoint", 0.0)
        await asyncio.sleep(20.0)
        assert bench.sent() == [40.0, 40.0], "the interlock has the last word"
        bench.lamp.stops = None
        await asyncio.sleep(30.0)
        assert bench.level() == 40.0

    on_bench(story)


def test_a_point_that_nobody_reads_is_written_again_when_its_link_is_back() -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        assert bench.lamp.claims is not None
        bench.lamp.claims.link_came_up()
        await asyncio.sleep(2.0)
        assert bench.sent() == [40.0, 40.0]

    on_bench(story, points=(replace(SETPOINT, feedback=""), LEVEL))


def test_minimum_times_hold_for_everybody_but_priorities_1_to_5() -> None:
    async def story(bench: Bench) -> None:
        bench.set(80.0)
        await asyncio.sleep(2.0)
        refused = bench.set(0.0)
        assert how(refused) == ("REJECTED", "held")
        assert "minimum on time" in outcome_of(refused).detail
        dimmed = bench.set(50.0)
        await asyncio.sleep(2.0)
        assert how(dimmed) == ("APPLIED", "ok"), "it stays on"
        waits = bench.hold(0.0)
        assert how(waits) == ("SUPERSEDED", "outranked")
        await asyncio.sleep(20.0)
        assert bench.sent() == [80.0, 50.0]
        await asyncio.sleep(10.0)
        assert bench.sent() == [80.0, 50.0, 0.0]
        at = [s.time_ns for s in bench.field.sends if s.point == "lamp-1/setpoint"]
        assert 30 * S <= at[2] - at[0] < 31 * S
        bench.release()
        await asyncio.sleep(2.0)
        assert bench.sent()[-1] == 0.0, "minimum off time"
        strong = bench.set(90.0, priority=5)
        await asyncio.sleep(2.0)
        assert how(strong) == ("APPLIED", "ok")

    on_bench(story, min_on_s=30.0, min_off_s=20.0)


def test_a_write_that_was_refused_by_the_device_begins_no_minimum_time() -> None:
    async def story(bench: Bench) -> None:
        bench.driver.then("write", "refuse")
        assert bench.set(80.0) is not None
        await asyncio.sleep(2.0)
        off = bench.set(0.0)
        await asyncio.sleep(2.0)
        assert how(off) == ("APPLIED", "ok")

    on_bench(story, min_on_s=30.0)


def test_going_back_to_a_hold_of_its_own_accord_leaves_nothing_above_it() -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        bench.lamp.act("setpoint", 100.0, priority=5)
        await asyncio.sleep(2.0)
        bench.lamp.act("setpoint", 40.0, priority=5)
        await asyncio.sleep(2.0)
        mine = bench.set_as("ann", 30.0)
        await asyncio.sleep(2.0)
        assert how(mine) == ("APPLIED", "ok")
        assert bench.sent() == [40.0, 100.0, 40.0, 30.0]

    on_bench(story)


def test_a_reservation_is_asked_for_and_taken_over_only_after_its_grace() -> None:
    async def story(bench: Bench) -> None:
        bench.claim("reserve", priority=8, grace_s=60.0)
        weak = bench.claim("reserve", None, "bob", priority=8)
        assert how(weak) == ("REJECTED", "held")
        asked = bench.claim("reserve", None, "bob", priority=7)
        assert how(asked) == ("SUPERSEDED", "outranked")
        assert "for 60.0 s more, then it is yours" in outcome_of(asked).detail
        told = [detail for _, name, _, detail in bench.host.events if name == "reservation_asked"]
        assert [(one["owner"], one["by"]) for one in told] == [("ann", "bob")]
        assert how(bench.claim("reserve", None, "cat", priority=7)) == ("REJECTED", "held")
        await asyncio.sleep(30.0)
        stronger = bench.claim("reserve", None, "cat", priority=5)
        assert "for 30.0 s more" in outcome_of(stronger).detail, "no second grace"
        mine = bench.set_as("ann", 30.0)
        await asyncio.sleep(31.0)
        assert how(mine) == ("APPLIED", "ok")
        assert how(bench.set_as("ann", 30.0)) == ("REJECTED", "held")
        theirs = bench.set_as("cat", 50.0)
        await asyncio.sleep(2.0)
        assert how(theirs) == ("APPLIED", "ok")
        ends = [(claim.owner, why) for claim, why in bench.host.ended]
        assert ends == [("bob", "cat asks at priority 5"), ("ann", "taken over by cat")]

    on_bench(story)


def test_a_reservation_without_a_grace_is_nobody_elses() -> None:
    async def story(bench: Bench) -> None:
        bench.claim("reserve", priority=16)
        assert how(bench.claim("reserve", None, "bob", priority=1)) == ("REJECTED", "held")
        assert how(bench.release("bob", point="", priority=16)) == ("REJECTED", "held")
        assert how(bench.release("bob", point="", priority=15)) == ("APPLIED", "ok")
        released = [d for _, name, _, d in bench.host.events if name == "reservation_released"]
        assert [(one["owner"], one["by"]) for one in released] == [("ann", "bob")]

    on_bench(story)


def test_a_lease_that_ends_under_a_lockout_moves_nothing_until_that_is_released() -> None:
    async def story(bench: Bench) -> None:
        bench.set(80.0)
        await asyncio.sleep(2.0)
        bench.hold(40.0, lease_s=5.0)
        await asyncio.sleep(2.0)
        bench.claim("lockout", None, "bob", priority=3)
        await asyncio.sleep(10.0)
        assert bench.sent() == [80.0, 40.0]
        bench.release("bob", point="", priority=3)
        await asyncio.sleep(2.0)
        assert bench.sent() == [80.0, 40.0, 80.0]

    on_bench(story)


def test_setpoints_cost_nothing_before_anything_was_set() -> None:
    found = Setpoints()
    assert found.get(5) is None
    found.put(5, 0.0)
    assert [found.get(slot) for slot in (4, 5, 6, 1_000)] == [None, 0.0, None, None]


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (Status.APPLIED, Status.REJECTED, Status.FAILED),
        (Status.APPLIED, Status.EXPIRED, Status.FAILED),
        (Status.FAILED, Status.REJECTED, Status.FAILED),
        (Status.INDETERMINATE, Status.REJECTED, Status.INDETERMINATE),
        (Status.APPLIED, Status.INDETERMINATE, Status.INDETERMINATE),
        (Status.APPLIED, Status.APPLIED, Status.APPLIED),
        (None, Status.REJECTED, Status.REJECTED),
    ],
)
def test_what_was_sent_on_the_way_decides_how_a_command_may_end(
    first: Status | None, second: Status, whole: Status
) -> None:
    def ticket() -> Ticket:
        return Ticket(b"i" * 16, "ann", "d", "v", "p", 1.0, "", 8, 9, 1, lambda ended: None)

    command, step = ticket(), ticket()
    step.dispatched_ns = 5 if first is not None else 0
    step.finish(first or Status.REJECTED)
    command.sent_step(step)
    command.finish(second, "held", "ann holds it")
    assert command.outcome is not None
    assert command.outcome.status is whole
    assert ("sent so far: p" in command.outcome.detail) == (whole is not second)
    assert "ann holds it" in command.outcome.detail


@pytest.mark.parametrize("locked", [False, True])
def test_who_is_parked_goes_to_what_is_safe_past_a_reservation_and_past_no_lockout(
    locked: bool,
) -> None:
    class Careful(Lamp):
        def safe_values(self) -> Mapping[str, float]:
            return {"setpoint": 60.0}

    async def story(bench: Bench) -> None:
        assert how(bench.claim("reserve")) == ("APPLIED", "ok")
        if locked:
            assert how(bench.claim("lockout", priority=3)) == ("APPLIED", "ok")
        bench.lamp.park("it failed too often")
        await asyncio.sleep(2.0)
        assert bench.sent() == ([] if locked else [60.0])
        bench.lamp.act("setpoint", 70.0, priority=5)
        await asyncio.sleep(2.0)
        assert bench.sent() == ([] if locked else [60.0]), "priority 5 alone passes nothing"

    on_bench(story, kind=Careful)
