"""The bench: one actor with its real link and writer, a field at the test's hand, no waiting."""

from __future__ import annotations

import math

import pytest

from jacquemart.runtime.actor import DeviceActor, Point, Ticket, command
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds import Answers, KindBench, template_of


class Valve(DeviceActor):
    """A valve that may be opened while nobody is in the pit."""

    kind = "valve"
    points = (
        Point("open", "share that it shall be open", unit="%", low=0, high=100, writable=True,
              feedback="opening", settle_ms=3_000, guards=("pit",)),
        Point("opening", "share that it is open", unit="%", low=0, high=100),
        Point("pit", "whether somebody is in the pit", "flag", poll_ms=500),
        Point("flow_*", "through a pipe", unit="l/s", low=0, required=False),
        Point("moves", "how often it moved", "count", low=0, derived=True),
    )  # fmt: skip
    watched = frozenset({"opening"})

    def on_start(self) -> None:
        self.moves = 0

    def interlock(self, point: str, value: float) -> str | None:
        return "somebody is in the pit" if self.value("pit") else None

    def reading(self, point: str, value: float, quality: int) -> None:
        self.moves += 1
        self.publish("moves", self.moves)
        self.emit("moved", opening=value)

    @command("flush", "opens for a second")
    async def flush(self, ticket: Ticket) -> None:
        await self.attempt("open", 100, ticket)
        self.after(1.0, lambda: self.act("open", 0))


def end(ticket: Ticket) -> Outcome:
    assert ticket.outcome is not None
    return ticket.outcome


def test_a_write_goes_out_and_comes_back() -> None:
    with KindBench(Valve) as bench:
        assert end(bench.set("open", 40.0, "%")).applied
        assert bench.writes == [("open", 40.0)]
        assert (bench.value("opening"), bench.quality("opening")) == (40.0, Quality.GOOD)
        assert bench.said == ["moved"] * 2
        assert bench.events[-1].detail == {"opening": 40.0}
        assert bench.value("moves") == 2.0


def test_guards_are_read_again_and_the_interlock_is_asked() -> None:
    with KindBench(Valve) as bench:
        bench.field.values["pit"] = 1.0  # since the last poll
        ticket = bench.set("open", 40.0)
        assert (end(ticket).status, bench.writes) == (Status.REJECTED, [])
        assert "in the pit" in end(ticket).detail


@pytest.mark.parametrize(
    ("answers", "status", "reason", "after_s"),
    [
        (Answers.FOLLOWS, Status.APPLIED, Reason.OK, 0.1),
        (Answers.REFUSES, Status.FAILED, Reason.REFUSED, 0.1),
        (Answers.IGNORES, Status.FAILED, Reason.NOT_FOLLOWING, 5.0),
        (Answers.SILENT, Status.INDETERMINATE, Reason.NO_ANSWER, 5.0),
    ],
)
def test_the_device_does_with_a_write_what_the_test_says(
    answers: Answers, status: Status, reason: str, after_s: float
) -> None:
    with KindBench(Valve) as bench:
        bench.answers(answers)
        ticket = bench.set("open", 40.0)
        bench.advance(after_s)
        assert (end(ticket).status, end(ticket).reason) == (status, reason)


def test_timers_run_in_virtual_time() -> None:
    with KindBench(Valve) as bench:
        bench.command("flush")
        assert bench.writes == [("open", 100.0)]
        bench.advance(3_600.0)
        assert bench.writes == [("open", 100.0), ("open", 0.0)]
        first, second = bench.field.times_s
        assert math.isclose(second - first, 1.0, abs_tol=0.01)


def test_a_link_that_is_lost_and_a_device_that_is_silent_are_told_apart() -> None:
    with KindBench(Valve) as bench:
        bench.link(False)
        assert bench.quality("opening") is Quality.BAD_COMM
        assert end(bench.set("open", 1.0)).reason == Reason.UNREACHABLE
        bench.link(True)
        assert bench.quality("opening") is Quality.GOOD
        bench.field.there = False
        bench.advance(2.0)
        assert bench.quality("opening") is Quality.BAD_UNIT


def test_a_reading_of_bad_quality_keeps_its_value() -> None:
    with KindBench(Valve) as bench:
        bench.reading("opening", 12.0)
        bench.reading("opening", 99.0, Quality.BAD_DEVICE)
        bench.advance(10.0)
        assert (bench.value("opening"), bench.quality("opening")) == (12.0, Quality.BAD_DEVICE)
        with pytest.raises(KeyError, match="open, opening, pit"):
            bench.reading("level", 1.0)


def test_what_the_kind_raises_is_kept() -> None:
    class Raising(Valve):
        def reading(self, point: str, value: float, quality: int) -> None:
            raise ZeroDivisionError

    with KindBench(Raising) as bench:
        bench.reading("opening", 3.0)
        assert [type(error) for error in bench.failures] == [ZeroDivisionError] * 2


def test_a_template_is_made_from_the_declaration_or_as_the_test_wants_it() -> None:
    names = [point.name for point in template_of(Valve, members=("in", "out")).points]
    assert names == ["open", "opening", "pit", "flow_in", "flow_out", "moves"]
    some = template_of(Valve, members={"flow_*": ("a", "b")}, points={"open": {"range": [10, 20]}})
    assert some.points[0].low == 10.0
    assert some.points[some.point_index("flow_b")].unit == "l/s"
    with pytest.raises(CityErrors, match="range"):
        template_of(Valve, points={"open": {"range": [0, 101]}})


def test_a_stopped_bench_takes_nothing_more_and_closes_twice() -> None:
    bench = KindBench(Valve, start={"opening": 7.0}, device="valve-9")
    assert bench.value("opening") == 7.0
    assert bench.actor.id == "valve-9"
    bench.stop()
    assert end(bench.set("open", 1.0)).reason == Reason.STOPPING
    bench.close()
    bench.close()


class Leader(DeviceActor):
    """A valve that has others follow it."""

    kind = "leader"
    points = (Point("opening", "share that it is open", unit="%", low=0, high=100),)
    watched = frozenset({"opening"})

    def on_start(self) -> None:
        self.heard: list[tuple[str, float | None]] = []

    def reading(self, point: str, value: float, quality: int) -> None:
        self.command("valve-2", "set", value, point="open", then=self.note, within_s=5.0)

    def note(self, outcome: Outcome) -> None:
        self.heard.append((outcome.status.name, outcome.value))

    @command("all", "has two others flush")
    async def all(self, ticket: Ticket) -> float:
        ends = [await self.commanded(f"valve-{n}", "flush", None, ticket) for n in (2, 3)]
        return float(sum(end.applied for end in ends))


def test_other_devices_do_as_the_test_says() -> None:
    with KindBench(Leader) as bench:
        bench.others.commands.clear()
        bench.actor.heard.clear()  # type: ignore[attr-defined]
        bench.others.value = 30.0
        bench.reading("opening", 30.0)
        bench.others.answer = Status.REJECTED
        bench.reading("opening", 40.0)
        assert [(one.device, one.point, one.value) for one in bench.others.commands] == [
            ("valve-2", "open", 30.0),
            ("valve-2", "open", 40.0),
        ]
        assert bench.actor.heard == [("APPLIED", 30.0), ("REJECTED", None)]  # type: ignore[attr-defined]
        assert not bench.failures


def test_a_command_to_another_that_nobody_answers_ends_in_its_time() -> None:
    with KindBench(Leader) as bench:
        bench.others.answer = None
        bench.actor.heard.clear()  # type: ignore[attr-defined]
        bench.reading("opening", 30.0)
        bench.advance(9.4)
        assert bench.actor.heard == []  # type: ignore[attr-defined]
        bench.advance(0.2)
        assert bench.actor.heard == [("INDETERMINATE", None)]  # type: ignore[attr-defined]
        bench.reading("opening", 31.0)
        bench.stop()
        assert bench.actor.heard[1:] == [("INDETERMINATE", None)]  # type: ignore[attr-defined]


def test_a_handler_may_wait_for_others() -> None:
    with KindBench(Leader) as bench:
        assert end(bench.command("all")).value == 2.0
        bench.others.answer = Status.EXPIRED
        assert end(bench.command("all")).value == 0.0
        assert [one.verb for one in bench.others.commands][-4:] == ["flush"] * 4
