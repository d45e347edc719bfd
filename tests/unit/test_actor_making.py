"""Actors that are made together are what their class would have made of each."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import Any

import pytest
from bench_host import BenchHost
from bench_shard import BenchShard

from jacquemart.actors.fleet import Bus
from jacquemart.actors.generic import GenericDevice
from jacquemart.actors.lighting import LightingCabinet, StreetLight
from jacquemart.actors.traffic import SignalController
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.actor.making import make_actors
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


class Loose(DeviceActor):
    """Without slots of its own, as its author may well leave it."""

    def on_start(self) -> None:
        self.seen: list[str] = []


class Own(DeviceActor):
    """With an ``__init__`` of its own."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.made = [self.id]


def slots_of(actor: DeviceActor) -> dict[str, Any]:
    names = [
        name
        for kind in type(actor).__mro__
        for name, member in vars(kind).items()
        if isinstance(member, MemberDescriptorType)
    ]
    return {name: getattr(actor, name) for name in names if hasattr(actor, name)}


@pytest.mark.parametrize(
    "kind",
    [Bus, DeviceActor, GenericDevice, LightingCabinet, Loose, Own, SignalController, StreetLight],
)
@pytest.mark.parametrize("number", [0, 1, 2, 7])
def test_actors_made_together_are_as_those_made_one_by_one(
    kind: type[DeviceActor], number: int
) -> None:
    def check(clock: VirtualClock) -> None:
        host, shard = BenchHost(clock), BenchShard(0)
        template = TemplateSpec("box", kind.kind, "scripted", kind.derived_points)
        specs = [DeviceSpec(f"box-{n}", "box", "north", "line") for n in range(number)]
        bases = [1_000 * n for n in range(number)]
        made = make_actors(kind, template, shard, host, specs, bases)
        twins = [
            kind(spec, template, shard, base, host) for spec, base in zip(specs, bases, strict=True)
        ]
        assert [type(actor) for actor in made] == [kind] * number
        assert [slots_of(actor) for actor in made] == [slots_of(actor) for actor in twins]
        assert [vars(a) if hasattr(a, "__dict__") else {} for a in made] == [
            vars(a) if hasattr(a, "__dict__") else {} for a in twins
        ]
        for actor in made:
            assert not any(
                isinstance(value, (list, dict, set)) for value in slots_of(actor).values()
            ), "what all share could be changed by one"

    async def main(clock: VirtualClock) -> None:
        check(clock)

    run(main)


def test_a_kind_that_makes_each_of_its_actors_itself_is_asked_for_each() -> None:
    async def main(clock: VirtualClock) -> None:
        host, shard = BenchHost(clock), BenchShard(0)
        template = TemplateSpec("box", "own", "scripted", ())
        specs = [DeviceSpec(f"box-{n}", "box", "north", "line") for n in range(3)]
        made = make_actors(Own, template, shard, host, specs, [0, 0, 0])
        assert [actor.made for actor in made] == [["box-0"], ["box-1"], ["box-2"]]  # type: ignore[attr-defined]

    run(main)
