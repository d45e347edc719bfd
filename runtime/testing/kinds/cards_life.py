"""Cards about the life of an actor: its restarts, its state and its end."""

from __future__ import annotations

from typing import Any

from jacquemart.runtime.actor import DeviceActor, Ticket, command
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds.bench import KindBench
from jacquemart.runtime.testing.kinds.cards_refused import must_be_refused
from jacquemart.runtime.testing.kinds.cards_rules import (
    any_story,
    draw_state,
    sound_so_far,
)
from jacquemart.runtime.testing.kinds.sample import Sample

_PLAIN = (bool, int, float, str, bytes, type(None))


def restarts(sample: Sample) -> None:
    """After a handler that raised the actor starts anew, and goes on as if it were new."""
    with KindBench(
        _that_fails(sample.kind), sample.template, parameters=sample.parameters
    ) as bench:
        lowest = {p.name: (max(0.0, p.low or 0.0), Quality.GOOD) for p in sample.field_points}
        bench.show(lowest)
        ticket = bench.command("fail_on_purpose")
        assert ticket.outcome is not None, "a handler that raised left its command without end"
        assert (ticket.outcome.status, ticket.outcome.reason) == (
            Status.INDETERMINATE, Reason.INTERNAL
        )  # fmt: skip
        assert len(bench.failures) == 1, f"on_start raised after a fault: {bench.failures[-1]!r}"
        bench.failures.clear()
        bench.show({p.name: (p.high or 1.0, Quality.GOOD) for p in sample.field_points})
        bench.advance(1_000.0)
        sound_so_far(bench)


def keeps_its_state(sample: Sample) -> None:
    """What ``save`` returns is plain, and ``load`` brings it back."""

    def act(data: Any) -> None:
        with sample.bench() as bench:
            bench.show(draw_state(data, sample.field_points))
            saved = bench.actor.save()
            _must_be_plain(saved, "save()")
            successor = bench.successor(saved)
            found = successor.save()
            assert found == saved, f"saved {saved!r}, and after load {found!r}"
            successor.start()
            sound_so_far(bench)
            successor.stop()

    any_story(act)


def stops(sample: Sample) -> None:
    """A stopped actor refuses commands, sets no timers, and says nothing more."""
    with sample.bench() as bench:
        bench.advance(5.0)
        bench.stop()
        said = len(bench.events)
        for spec in sample.commands:
            must_be_refused(bench.command(spec.name), Reason.STOPPING, f"{spec.name} after the end")
        bench.advance(1_000.0)
        assert len(bench.events) == said, f"{bench.events[-1].name} was said after the end"
        assert not bench.failures, f"{bench.failures[0]!r} after the end"


def _that_fails(kind: type[DeviceActor]) -> type[DeviceActor]:
    def fail(self: DeviceActor, ticket: Ticket) -> None:
        raise RuntimeError("raised on purpose")

    members = {"__slots__": (), "fail_on_purpose": command("fail_on_purpose")(fail)}
    return type(kind.__name__, (kind,), members)


def _must_be_plain(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            assert isinstance(key, str), f"{where} has the key {key!r}, allowed: text"
            _must_be_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for item in value:
            _must_be_plain(item, where)
    else:
        assert isinstance(value, _PLAIN), f"{where} has a {type(value).__name__}"
