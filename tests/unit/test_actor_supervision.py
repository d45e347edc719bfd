"""An actor that fails too often is parked SAFE; one that meets poison goes on without it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from bench_host import BenchHost, Ends, how, outcome_of

from jacquemart.runtime.actor import Actor, Ticket, command
from jacquemart.runtime.actor.care import DeadLetter, Nobody
from jacquemart.runtime.kernel.supervision import Intensity
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


class Careful(Nobody):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.changes = 0
        self.told: list[tuple[str, str]] = []
        self.with_it: list[Actor] = []

    def changed(self, actor: Any) -> None:
        self.changes += 1

    def parked(self, actor: Any, why: str) -> None:
        self.told.append((actor.id, why))

    def unparked(self, actor: Any) -> None:
        self.told.append((actor.id, ""))

    def restarted(self, actor: Any) -> list[Actor]:
        return self.with_it

    def dead(self, actor: Any, letter: DeadLetter) -> None:
        self.letters.append(letter)


class CaredFor(BenchHost):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.care = Careful()


class Frail(Actor):
    """Fails for values above 10; keeps what it has seen."""

    intensity = Intensity(restarts=3, within_s=30.0)

    def __init__(self, host: BenchHost, id: str = "frail") -> None:
        super().__init__(id, host)
        self.starts = 0
        self.seen: list[Any] = []
        self.cannot_start = False
        self.made_safe = 0

    def on_start(self) -> None:
        self.starts += 1
        if self.cannot_start:
            raise OSError("not today")

    def park_safe(self) -> None:
        self.made_safe += 1
        raise RuntimeError("and this fails, too")

    def save(self) -> Mapping[str, Any]:
        return {"seen": list(self.seen)}

    def load(self, state: Mapping[str, Any]) -> None:
        self.seen = list(state["seen"])

    @command("take")
    def take(self, ticket: Ticket) -> None:
        value = ticket.value
        if isinstance(value, float) and value > 10.0:
            raise ValueError(f"{value} is too much")
        self.seen.append(value)


def test_p10_an_actor_that_cannot_start_is_parked_after_few_tries_and_tried_no_more() -> None:
    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        actor, ends = Frail(host), Ends(clock)
        actor.cannot_start = True
        try:
            actor.start()
        except OSError as error:
            actor.start_failed(error)
        waiting = ends.ticket(1.0, verb="take", within_s=60.0)
        actor.post(waiting)
        await asyncio.sleep(60.0)
        assert actor.starts == 1 + 3, "the first, and as many again as its intensity allows"
        assert how(waiting) == ("REJECTED", "parked")
        assert actor.made_safe == 1
        assert [name for _, name, severity, _ in host.events if severity == 2] == ["device_parked"]
        assert len(host.care.told) == 1
        later = ends.ticket(2.0, verb="take")
        actor.post(later)
        assert how(later) == ("REJECTED", "parked")
        assert "failed more than 3 times" in outcome_of(later).detail
        ends.check()

    run(story)


def test_pauses_between_restarts_grow_and_messages_wait_for_them() -> None:
    async def story(clock: VirtualClock) -> None:
        actor, ends = Frail(CaredFor(clock)), Ends(clock)
        actor.start()
        for number in range(3):
            actor.post(ends.ticket(100.0 + number, verb="take"))
        last = ends.ticket(5.0, verb="take")
        actor.post(last)
        await asyncio.sleep(1.0)
        assert how(last) == ("APPLIED", "ok")
        assert actor.starts == 4
        assert actor.seen == [5.0]
        ends.check()

    run(story)


def test_a_parked_actor_does_life_safety_and_nothing_else_until_it_is_unparked() -> None:
    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        actor, ends = Frail(host), Ends(clock)
        actor.start()
        actor.park("for a test")
        assert actor.parked == "for a test"
        urgent = ends.ticket(1.0, verb="take", priority=2)
        actor.post(urgent)
        assert how(urgent) == ("APPLIED", "ok")
        starts = actor.starts
        unpark = ends.ticket(None, verb="unpark")
        actor.post(unpark)
        assert how(unpark) == ("APPLIED", "ok")
        assert not actor.parked
        assert actor.starts == starts + 1
        again = ends.ticket(None, verb="unpark")
        actor.post(again)
        assert how(again) == ("APPLIED", "ok"), "it is what was asked for"
        after = ends.ticket(2.0, verb="take")
        actor.post(after)
        assert how(after) == ("APPLIED", "ok")
        assert host.care.told == [("frail", "for a test"), ("frail", "")]
        ends.check()

    run(story)


def test_what_waits_when_an_actor_is_parked_is_refused_but_for_life_safety() -> None:
    async def story(clock: VirtualClock) -> None:
        actor, ends = Frail(CaredFor(clock)), Ends(clock)
        actor.start()
        for number in range(2):
            actor.post(ends.ticket(100.0 + number, verb="take"))
        assert actor.starts == 2, "the second failure pauses it"
        waiting = ends.ticket(3.0, verb="take")
        safety = ends.ticket(4.0, verb="take", priority=1)
        actor.post(waiting)
        actor.post(safety)
        actor.park("by hand")
        assert how(waiting) == ("REJECTED", "parked")
        assert how(safety) == ("APPLIED", "ok")
        actor.unpark()
        after = ends.ticket(5.0, verb="take")
        actor.post(after)
        assert how(after) == ("APPLIED", "ok")
        assert actor.starts == 3
        ends.check()

    run(story)


def test_p9_the_same_command_three_times_is_a_dead_letter_and_the_actor_goes_on() -> None:
    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        actor, ends = Frail(host), Ends(clock)
        actor.start()
        poison = []
        for _ in range(4):
            poison.append(ends.ticket(99.0, verb="take"))
            actor.post(poison[-1])
            await asyncio.sleep(11.0)
        assert [how(t) for t in poison[:2]] == [("INDETERMINATE", "internal")] * 2
        assert how(poison[2]) == ("INDETERMINATE", "poison")
        assert how(poison[3]) == ("REJECTED", "poison")
        assert "tried again in" in outcome_of(poison[3]).detail
        (letter,) = host.care.letters
        assert letter.attempts == 3
        assert letter.ticket is poison[2]
        assert "too much" in letter.reason
        assert "take" in letter.stack
        assert len(letter.stack) <= 2_000
        sound = ends.ticket(1.0, verb="take")
        actor.post(sound)
        assert how(sound) == ("APPLIED", "ok")
        assert not actor.parked
        await asyncio.sleep(61.0)
        last = ends.ticket(99.0, verb="take")
        actor.post(last)
        assert how(last) == ("INDETERMINATE", "poison"), "one more try, and it is a letter again"
        assert [one.attempts for one in host.care.letters] == [3, 4]
        ends.check()

    run(story)


def test_those_that_start_again_with_an_actor_are_not_the_parked_ones() -> None:
    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        feeder, fed, parked = Frail(host), Frail(host, "fed"), Frail(host, "parked")
        for actor in (feeder, fed, parked):
            actor.start()
        parked.park("for a test")
        host.care.with_it = [fed, parked]
        feeder.post(Ends(clock).ticket(99.0, verb="take"))
        assert (feeder.starts, fed.starts, parked.starts) == (2, 2, 1)

    run(story)


def test_after_each_command_and_on_demand_the_state_is_looked_at() -> None:
    class Stateless(Actor):
        @command("take")
        def take(self, ticket: Ticket) -> None:
            pass

    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        actor, ends = Frail(host), Ends(clock)
        actor.post(ends.ticket(1.0, verb="take"))
        assert host.care.changes == 1
        actor.persist()
        assert host.care.changes == 2
        other = Stateless("other", host)
        other.post(ends.ticket(1.0, verb="take"))
        assert host.care.changes == 2
        assert Frail.keeps_state
        assert not Stateless.keeps_state

    run(story)


def test_what_was_kept_is_given_back_and_what_another_kind_saved_is_not() -> None:
    async def story(clock: VirtualClock) -> None:
        actor = Frail(CaredFor(clock))
        actor.start()
        actor.restore_state({"kind": "other", "state": {"seen": [7.0]}, "parked": ""})
        assert actor.seen == []
        actor.restore_state({"kind": "", "state": {"seen": [7.0]}, "parked": ""})
        assert actor.seen == [7.0]
        assert actor.starts == 2
        actor.restore_state({"kind": "", "state": None, "parked": "by its last cell"})
        assert actor.parked == "by its last cell"
        assert actor.made_safe == 0

    run(story)


def test_an_actor_that_is_given_its_state_while_it_pauses_comes_back_with_it() -> None:
    async def story(clock: VirtualClock) -> None:
        actor, ends = Frail(CaredFor(clock)), Ends(clock)
        actor.start()
        for number in range(2):
            actor.post(ends.ticket(100.0 + number, verb="take"))
        waiting = ends.ticket(8.0, verb="take")
        actor.post(waiting)
        assert waiting.outcome is None
        actor.restore_state({"kind": "", "state": {"seen": [7.0]}, "parked": ""})
        assert how(waiting) == ("APPLIED", "ok")
        assert actor.seen == [7.0, 8.0]
        await asyncio.sleep(10.0)
        assert actor.starts == 3
        ends.check()

    run(story)


def test_an_actor_that_cannot_start_with_its_state_is_parked_like_any_other() -> None:
    async def story(clock: VirtualClock) -> None:
        host = CaredFor(clock)
        actor = Frail(host)
        actor.start()
        actor.cannot_start = True
        actor.restore_state({"kind": "", "state": {"seen": [7.0]}, "parked": ""})
        await asyncio.sleep(20.0)
        assert actor.parked
        assert actor.starts == 2 + 3

    run(story)


def test_no_kind_can_declare_the_command_that_every_actor_has() -> None:
    with pytest.raises(UsageError, match="every actor"):
        command("unpark")(lambda actor, ticket: None)
