"""A parked device is brought to what its kind calls safe, and its own code acts no more."""

from __future__ import annotations

from jacquemart.actors.lighting import StreetLight
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.kinds import KindBench


def test_a_street_light_that_is_parked_burns_and_takes_nothing_but_life_safety() -> None:
    ends: list[Outcome] = []
    with KindBench(StreetLight) as bench:
        actor = bench.actor
        actor.after(1.0, lambda: actor.act("setpoint", 20.0))
        # Called by nobody's timer of its own, which parking ends, but by the cell.
        actor.host.loop.call_later(2.0, actor.park, "for a test")
        actor.host.loop.call_later(3.0, lambda: actor.act("setpoint", 30.0, then=ends.append))
        actor.host.loop.call_later(4.0, lambda: actor.act("setpoint", 0.0, priority=2))
        bench.advance(2.5)
        assert bench.writes == [("setpoint", 20.0), ("setpoint", 100.0)]
        bench.advance(1.0)
        assert [(end.status, end.reason) for end in ends] == [(Status.REJECTED, Reason.PARKED)]
        bench.advance(5.0)
        assert bench.writes[-1] == ("setpoint", 0.0)
        assert "device_parked" in bench.said
