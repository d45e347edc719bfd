"""Commands that go beside others wait for nothing, and end as their own write does."""

from __future__ import annotations

import pytest

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.kinds import Answers, KindBench


class Desk(DeviceActor):
    """A device whose level takes a minute, and which can be asked for a bell meanwhile."""

    __slots__ = ("ends",)

    kind = "desk"
    points = (
        Point("level", "a level", low=0, high=100, writable=True, settle_ms=60_000),
        Point("bell", "a bell", low=0, high=9, writable=True, settle_ms=2_000),
    )

    def on_start(self) -> None:
        """Begin."""
        self.ends: list[Outcome] = []

    @command("ring", "rings the bell", Argument(text=5), volatile=True, beside=True)
    def ring(self, ticket: Ticket) -> None:
        """Ring so often as the text is long."""
        if ticket.value == "boom":
            raise ValueError("boom")
        self.write("bell", float(len(str(ticket.value))), ticket, self.ends.append)

    @command("quiet", "does nothing", volatile=True, beside=True)
    def quiet(self, ticket: Ticket) -> None:
        """Do nothing."""


def end(ticket: Ticket) -> tuple[Status, str]:
    assert ticket.outcome is not None
    return ticket.outcome.status, ticket.outcome.reason


def test_it_waits_for_no_command_in_hand_and_keeps_none_waiting() -> None:
    with KindBench(Desk) as bench:
        bench.answers(Answers.IGNORES)
        level = bench.set("level", 50.0, within_s=60.0)
        assert level.outcome is None
        bench.answers(Answers.FOLLOWS)
        assert end(bench.command("ring", "abc")) == (Status.APPLIED, Reason.OK)
        assert end(bench.command("quiet")) == (Status.APPLIED, Reason.OK)
        assert level.outcome is None
        bench.field.values["level"] = 50.0
        bench.advance(60.0)
        assert end(level) == (Status.APPLIED, Reason.OK)
        assert [point for point, _ in bench.writes] == ["level", "bell"]


def test_a_set_that_comes_meanwhile_does_not_wait_for_it() -> None:
    with KindBench(Desk) as bench:
        bench.answers(Answers.IGNORES)
        ring = bench.command("ring", "ab")
        assert ring.outcome is None
        bench.answers(Answers.FOLLOWS)
        assert end(bench.set("level", 7.0)) == (Status.APPLIED, Reason.OK)
        bench.advance(5.0)
        assert end(ring) == (Status.FAILED, Reason.NOT_FOLLOWING)


def test_its_actor_hears_of_the_write_once_and_before_the_end() -> None:
    with KindBench(Desk) as bench:
        actor = bench.actor
        assert isinstance(actor, Desk)
        bench.command("ring", "abc")
        assert [one.status for one in actor.ends] == [Status.APPLIED]
        bench.link(False)
        assert end(bench.command("ring", "abc")) == (Status.REJECTED, Reason.UNREACHABLE)
        assert [one.status for one in actor.ends] == [Status.APPLIED, Status.REJECTED]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(3.0, Reason.BAD_VALUE), ("", Reason.BAD_VALUE), ("abcdef", Reason.BAD_VALUE),
     (None, Reason.BAD_VALUE)],
)  # fmt: skip
def test_a_value_that_is_no_such_text_is_refused(value: float | str | None, reason: str) -> None:
    with KindBench(Desk) as bench:
        assert end(bench.command("ring", value)) == (Status.REJECTED, reason)
        assert bench.writes == []


def test_a_handler_that_raises_ends_its_command_and_nothing_else() -> None:
    with KindBench(Desk) as bench:
        bench.answers(Answers.IGNORES)
        level = bench.set("level", 50.0, within_s=60.0)
        assert end(bench.command("ring", "boom")) == (Status.INDETERMINATE, Reason.INTERNAL)
        assert [type(error) for error in bench.failures] == [ValueError]
        assert level.outcome is None
        bench.answers(Answers.FOLLOWS)
        assert end(bench.command("ring", "a")) == (Status.APPLIED, Reason.OK)


def test_a_parked_or_stopped_actor_takes_none() -> None:
    with KindBench(Desk) as bench:
        bench.actor.park("for the test")
        assert end(bench.command("ring", "a")) == (Status.REJECTED, Reason.PARKED)
        bench.actor.unpark()
        bench.stop()
        assert end(bench.command("ring", "a"))[0] is Status.REJECTED


def test_one_whose_deadline_has_passed_is_not_done() -> None:
    with KindBench(Desk) as bench:
        ticket = bench.command("ring", "a", within_s=0.0)
        assert end(ticket) == (Status.EXPIRED, Reason.DEADLINE)
        assert bench.writes == []
