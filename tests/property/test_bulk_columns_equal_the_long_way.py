"""Nobody can tell a bulk command that goes in columns from one that goes device by device.

Two cities of the same kind get the same bulk commands, amid claims, parked devices, lamps that are
dead, stuck or busy, and commands beside them. In one of them nothing is plain. What each device
ended as, what was written to the field and how often, what stands, and what is counted is the same.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jacquemart.drivers.contract import (
    BoundPoint,
    DeviceBusy,
    DeviceRefused,
    Driver,
    DriverError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.testing import LocalCity

HERE = "test_bulk_columns_equal_the_long_way"
MOODS = ("well", "refuses", "busy_once", "silent", "unknown", "stuck", "late")
POINTS = """
level = { writable = true, poll_ms = 600000, range = [0, 100], settle_ms = 60 }
shown = { poll_ms = 600000 }
lagging = { writable = true, poll_ms = 600000, feedback = "shown", settle_ms = 60 }
near = { writable = true, poll_ms = 600000, settle_ms = 60, tolerance = 5.0 }
push = { writable = true, poll_ms = 600000, pulse = true, settle_ms = 60 }
words = { writable = true, poll_ms = 600000, words = ["off", "on"], settle_ms = 60 }
hidden = { writable = true, poll_ms = 0, settle_ms = 60 }
"""
SWITCH = "switch = { writable = true, poll_ms = 600000, min_on_s = 60, settle_ms = 60 }\n"
SETTABLE = ("level", "lagging", "near", "push", "switch", "words", "hidden")
DEVICES = {
    **{f"plain-{n}": ("plain", "street") for n in range(14)},
    **{f"careful-{n}": ("careful", "street") for n in range(4)},
    **{f"alley-{n}": ("plain", "alley") for n in range(6)},
    **{f"talker-{n}": ("talker", "alley") for n in range(2)},
    **{f"switched-{n}": ("switched", "alley") for n in range(2)},
}
CITY = """
[city]
id = "two-bulk-ways"
[zones.north]
""" + "".join(
    f'[links.{link}]\ndriver = "{HERE}:Moody"\nzone = "north"\n' for link in ("street", "alley")
) + "".join(
    f'[templates.{name}]\nkind = "{HERE}:{kind}"\ndriver = "{HERE}:Moody"\n'
    f"[templates.{name}.points]\n{points}"
    for name, kind, points in (
        ("plain", "Plain", POINTS), ("careful", "Careful", POINTS), ("talker", "Talker", POINTS),
        ("switched", "Plain", POINTS + SWITCH),
    )
) + "".join(
    f'[[device]]\nid = "{id}"\ntemplate = "{kind}"\nlink = "{link}"\n'
    for id, (kind, link) in DEVICES.items()
)  # fmt: skip


class Plain(DeviceActor):
    """Leaves everything as it is."""

    kind = "plain"
    open_points = True


class Careful(DeviceActor):
    """Has a rule of its own, so that it is never plain."""

    kind = "careful"
    open_points = True

    def rule(self, point: str, value: float) -> str | None:
        """Allow no 13."""
        return "no 13" if value == 13.0 else None


class Talker(DeviceActor):
    """Watches, and explains what failed in words of its own."""

    kind = "talker"
    open_points = True
    watched = frozenset(("level", "shown"))

    def on_start(self) -> None:
        """Have seen nothing."""
        self.told: list[tuple[str, float]] = []

    def reading(self, point: str, value: float, quality: int) -> None:
        """Remember, and be parked by 66."""
        self.told.append((point, value))

    def explain(self, point: str, verdict: Any) -> Any:
        """Say that it is a fault."""
        return type(verdict)(verdict.status, verdict.reason, f"a fault of {point}")


class Moody(Driver):
    """A field in memory, in which each device has a mood."""

    moods: ClassVar[dict[str, str]] = {}

    def __init__(self, link: Any, publish: Any) -> None:
        """Have nothing written."""
        super().__init__(link, publish)
        self.shown: dict[str, float] = {}
        self.log: list[tuple[str, float]] = []
        self._was_busy: set[str] = set()

    own_addresses = True

    @classmethod
    def address_of(cls, point: Any, device: Any) -> str:
        """Return a name."""
        return f"{device.id}/{point.name}"

    async def open(self) -> None:
        """Be there."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float]:
        """Show what was written; to ``shown`` it comes by ``lagging``."""
        return [self.shown.get(point.address.replace("/shown", "/lagging"), 0.0) for point in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Do what the mood says."""
        return [self._write(point, value) for point, value in writes]

    def _write(self, point: BoundPoint, value: float) -> DriverError | None:
        mood = self.moods.get(point.device.id, "well")
        if mood == "silent":
            return UnitError("it is silent", where=point.id)
        self.log.append((point.id, value))
        if mood == "refuses":
            return DeviceRefused("it says no", where=point.id)
        if mood == "busy_once" and point.id not in self._was_busy:
            self._was_busy.add(point.id)
            return DeviceBusy("not now", where=point.id)
        self._was_busy.discard(point.id)
        if mood == "late":
            loop = asyncio.get_running_loop()
            loop.call_later(0.01, self.shown.__setitem__, point.id, value)
        elif mood != "stuck":
            self.shown[point.id] = value
        return OutcomeUnknown("who knows", where=point.id) if mood == "unknown" else None


class Ways(NamedTuple):
    """The two cities, columns first, and clients of them."""

    cities: tuple[LocalCity, LocalCity]
    clients: tuple[Client, Client]
    holders: tuple[Client, Client]


def inside(city: LocalCity, action: Callable[[Any], Any]) -> Any:
    """Return what an action finds in the device cell, on its loop."""
    host = city.hosts["device-1"]
    return host._ask(lambda: action(host._service))


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    path: Path = tmp_path_factory.mktemp("ways") / "city.toml"
    path.write_text(CITY)
    with LocalCity(path) as columns, LocalCity(path) as long:
        inside(long, lambda cell: setattr(cell.intake.plain_parts, "open", False))
        both = columns, long
        yield Ways(
            both,
            (columns.client(principal="ada"), long.client(principal="ada")),
            (columns.client(principal="holder"), long.client(principal="holder")),
        )
        taken = [inside(one, lambda cell: cell.intake.plain_parts.taken) for one in (columns, long)]
        assert taken[0] > 100, "hardly anything came in columns: this has shown nothing"
        assert taken[1] == 0


BULKS = st.tuples(
    st.sampled_from([*SETTABLE, "level", "level", "shown", "nothing"]),
    st.sampled_from([0.0, 1, 1.0, 13.0, 50.5, 100.0, 101.0, -1.0, "on", "off", "dim"]),
    st.sampled_from(["*", "*", "*", "plain-*", "alley-*", "*-1"]),
    st.sampled_from([8, 8, 8, 2, 5, 16]),
    st.sampled_from(["", "", "", "%"]),
    st.booleans(),
    st.booleans(),
)
DEVICE = st.sampled_from(list(DEVICES))
SCENES = st.fixed_dictionaries({
    "moods": st.dictionaries(DEVICE, st.sampled_from(MOODS), max_size=4),
    "held": st.dictionaries(DEVICE, st.sampled_from([1, 6, 8, 12]), max_size=2),
    "locked": st.sets(DEVICE, max_size=1),
    "parked": st.sets(DEVICE, max_size=2),
    "bulks": st.lists(BULKS, min_size=1, max_size=3),
})  # fmt: skip


def timeless(detail: str) -> str:
    """Return a detail without how long something lasts yet."""
    return re.sub(r"for [0-9.]+ s more", "for some s more", detail)


def drivers(cell: Any) -> list[Moody]:
    """Return the drivers of a cell's links."""
    return [link.driver for shard in cell.shards.values() for link in shard.links.values()]


def prepare(city: LocalCity, holder: Client, scene: dict[str, Any]) -> list[Any]:
    """Put in the way what a scene has, and return how that ended."""
    ends: list[Any] = []
    for device, slot in scene["held"].items():
        held = holder.hold(f"{device}/level", 40.0, priority=slot)
        ends.append((device, held.status, held.reason))
    ends += [(id, holder.lockout(id, why="a test").status) for id in scene["locked"]]

    def act(cell: Any) -> None:
        for driver in drivers(cell):
            driver.log.clear()
            driver.shown.clear()
        for shard in cell.shards.values():
            shard.setpoints._values = array("d")
            for slot in range(shard.table.capacity):
                shard.table.update(slot, 0.0, 0, 0, cell.clock.wall_ns())
            for link in shard.links.values():
                for watch in link.watchers.values():  # whoever reads it by the way tells nothing
                    watch.tell(shard.table, cell.failed)
        for id in ("talker-0", "talker-1"):
            cell.devices[id].told.clear()
        cell.ledger.sent_count = 0
        for device in scene["parked"]:
            cell.devices[device].park("it is tested")

    inside(city, act)
    return ends


def clear(city: LocalCity, holder: Client, scene: dict[str, Any]) -> list[Any]:
    """Take it out of the way again."""
    ends = [holder.release(f"{id}/level", slot=slot).status for id, slot in scene["held"].items()]
    ends += [holder.release(device, slot=3).status for device in scene["locked"]]
    inside(city, lambda cell: [cell.devices[device].unpark() for device in scene["parked"]])
    return ends


def command(client: Client, bulk: tuple[Any, ...]) -> Any:
    """Give a bulk command, and return all that is told of it but times."""
    point, value, device, priority, unit, again, single = bulk
    ends: list[Any] = []
    if single:  # one that is no part of it, to a device that it means, right before
        one = client.set("plain-1/level", 7.0)
        ends.append((one.status, one.reason, timeless(one.detail), one.value))
    id = new_command_id()
    for _ in range(1 + again):
        found = client.set_all(
            point, value, device=device, priority=priority, unit=unit, id=id
        )  # fmt: skip
    for one in found.outcomes:
        stages = bool(one.stages.dispatched), bool(one.stages.finished)
        ends.append((one.device, one.status, one.reason, timeless(one.detail), one.value, *stages))
    return ends


def left(cell: Any) -> Any:
    """Return all that bulk commands leave in a cell and its field, but times."""
    devices: dict[str, Any] = {}
    for id, actor in cell.devices.items():
        last, table = actor.last_ticket, actor.shard.table
        points = len(actor.template.points)
        devices[id] = (
            actor._busy, actor.waiting, actor.parked, actor._owner is None, actor._rank,
            [actor.shard.setpoints.get(actor.base + at) for at in range(points)],
            [str(table.read(actor.base + at)[:2]) for at in range(points)],
            dict(getattr(actor, "told", ())),  # the last of each point: looks fall as they fall
            last and (
                last.verb, last.point, last.said, last.value, last.unit, last.priority,
                last.principal, last.status, last.reason, timeless(last.detail or ""), last.result,
                bool(last.dispatched_ns), bool(last.acknowledged_ns), bool(last.received_ns),
                last.outcome.value, last.of_bulk, last.end,
            ),
        )  # fmt: skip
    writes = [entry for driver in drivers(cell) for entry in sorted(driver.log)]
    shown = [driver.shown for driver in drivers(cell)]
    queues = [
        (len(link._queue), len(link._queue.unproven), link._queue.parts.proving, link.up)
        for shard in cell.shards.values() for link in shard.links.values()
    ]  # fmt: skip
    counts = dict(cell.counters), cell.intake.running, len(cell.intake.runs), cell.ledger.unmarked
    return devices, writes, shown, queues, counts, cell.ledger.sent_count


@settings(
    max_examples=45,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(SCENES)
def test_two_cities_do_and_tell_the_same_whichever_way_their_bulk_commands_go(
    ways: Ways, scene: dict[str, Any]
) -> None:
    Moody.moods = {
        id: mood for id, mood in scene["moods"].items()
        if id not in scene["held"] and id not in scene["locked"]
    }  # fmt: skip
    found = []
    for city, client, holder in zip(*ways, strict=True):
        try:
            began = prepare(city, holder, scene)
            told = [command(client, bulk) for bulk in scene["bulks"]]
            time.sleep(0.03 if "late" in Moody.moods.values() else 0.0)
            found.append([began, told, inside(city, left)])
        finally:
            Moody.moods, moods = {}, Moody.moods
            ends = clear(city, holder, scene)
            Moody.moods = moods
        found[-1].append(ends)
    differ = list(differences(*found))
    assert not differ, "\n".join(differ[:9])


def differences(mine: Any, other: Any, where: str = "") -> Iterator[str]:
    """Yield where two values differ."""
    if mine == other:
        return
    if isinstance(mine, dict) and isinstance(other, dict) and mine.keys() == other.keys():
        for key in mine:
            yield from differences(mine[key], other[key], f"{where} {key}")
    elif isinstance(mine, (list, tuple)) and len(mine) == len(other):
        for at, pair in enumerate(zip(mine, other, strict=True)):
            yield from differences(*pair, f"{where} {at}")
    else:
        yield f"{where}: {mine!r} in columns, {other!r} one by one"
