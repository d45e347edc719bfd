"""Very many actors at once: one is made by its class, and the others are like it."""

from __future__ import annotations

from collections.abc import Sequence

from jacquemart.native.prototype import Prototype
from jacquemart.runtime.actor.base import Host
from jacquemart.runtime.actor.device import DeviceActor, DeviceShard
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec

#: What differs between two new actors of one template and shard; they share everything else.
OWN = ("id", "spec", "base")


def make_actors(
    kind: type[DeviceActor],
    template: TemplateSpec,
    shard: DeviceShard,
    host: Host,
    specs: Sequence[DeviceSpec],
    bases: Sequence[int],
) -> list[DeviceActor]:
    """Return an actor for each device of a template, in order; none is started.

    As ``kind(spec, template, shard, base, host)`` of each. A kind with an ``__init__`` or
    ``__new__`` of its own is asked for each of them; else one is made, and the others are copies
    of it, slot by slot: ``DeviceActor.__init__`` gives every actor nothing of its own but ``OWN``.
    """
    plain = kind.__init__ is DeviceActor.__init__ and kind.__new__ is object.__new__
    if not plain or len(specs) < 2:
        return [
            kind(spec, template, shard, base, host) for spec, base in zip(specs, bases, strict=True)
        ]
    first = kind(specs[0], template, shard, bases[0], host)
    made: list[DeviceActor] = Prototype(first, OWN).make([spec.id for spec in specs], specs, bases)
    return made
