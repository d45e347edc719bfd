"""A device cell in virtual time, whose config changes, and a zone's copy of its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from bench_host import Ends
from scripted_driver import ScriptedDriver, ScriptedField

from jacquemart.actors.generic import GenericDevice
from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.cell.device_cell import DeviceCell
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.cell.views_change import Ahead, ViewsChange
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.directory import CellConfig, ShardSpec
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.testing.virtual_time import VirtualClock

SETPOINT = PointSpec(
    "setpoint", "%", writable=True, feedback="level", tolerance=0.5, settle_ms=500, poll_ms=0
)
LEVEL, SLOW = PointSpec("level", "%", poll_ms=1_000), PointSpec("hours", "h", poll_ms=60_000)
TEMPLATES = {
    "plain": TemplateSpec("plain", "generic", "scripted", (SETPOINT, LEVEL)),
    "rich": TemplateSpec("rich", "generic", "scripted", (SETPOINT, LEVEL, SLOW)),
}
KINDS = {"generic": GenericDevice}


class NotingDriver(ScriptedDriver):
    """Writes down when each point was read."""

    def __init__(self, field: ScriptedField) -> None:
        super().__init__(field)
        self.looks: dict[str, list[int]] = {}

    async def read(self, plan: Sequence[BoundPoint]) -> Any:
        for point in plan:
            self.looks.setdefault(point.id, []).append(self.clock.boot_ns())
        return await super().read(plan)


class Stream:
    """Stands where a publisher does; the zone's copy hears it at once."""

    epoch = 1

    def __init__(self) -> None:
        self.views: dict[str, ShardView] = {}
        self.ahead: dict[str, Ahead] = {}
        self.numbers: dict[str, int] = {}
        self.events: list[Any] = []

    def open_topic(self, topic: str) -> None:
        self.numbers.setdefault(topic, 0)

    def close_topic(self, topic: str) -> None:
        del self.numbers[topic]

    def renumber(self, topic: str) -> None:
        self.numbers[topic] += 1

    def sequence(self, topic: str) -> int:
        return self.numbers[topic]

    def event(self, topic: str, event: Any) -> None:
        self.events.append(event)

    def readings(self, topic: str, table: PointTable) -> int:
        columns = table.drain()
        if columns is None:
            return 0
        self.batch(topic, columns)
        return 1

    def batch(self, topic: str, columns: tuple[bytes, ...]) -> None:
        view = self.views.get(topic[2:-1])
        if view is None:
            return
        try:
            view.table.apply_batch(*columns)
        except IndexError:
            typed = [memoryview(c).cast(k) for c, k in zip(columns, "IdBqq", strict=True)]
            self.ahead.setdefault(topic, Ahead()).apply(view.table, typed)


class CellWithoutZone(DeviceCell):
    """Nobody grants it leases, so it needs none."""

    def enter(self, shard: Shard) -> None:
        super().enter(shard)
        shard.permit = None


class ChangeBench:
    """One shard, ``north/0``, in a cell."""

    def __init__(
        self, clock: VirtualClock, links: Iterable[LinkSpec], devices: Iterable[DeviceSpec]
    ) -> None:
        self.clock, self.ends = clock, Ends(clock)
        self.field = ScriptedField(clock)
        self.drivers: dict[str, list[NotingDriver]] = {}
        self.spec = ShardSpec("north/0", "north", tuple(links), tuple(devices))
        self.cell = CellWithoutZone(self.config(), asyncio.get_running_loop(), None, clock)  # type: ignore[arg-type]
        self.stream = self.cell.publisher = Stream()  # type: ignore[assignment]
        # Nobody asks it anything.
        self.cell.server = SimpleNamespace(channel=SimpleNamespace())  # type: ignore[assignment]
        layout = ShardLayout(self.spec, TEMPLATES)
        table = PointTable(layout.capacity, len(layout.groups))
        layout.define(table)
        self.stream.views["north/0"] = ShardView(layout, table)
        self.cell.start_shards(KINDS, {"scripted": self._driver})  # type: ignore[dict-item]

    @property
    def shard(self) -> Any:
        return self.cell.shards["north/0"]

    @property
    def view(self) -> ShardView:
        return self.stream.views["north/0"]

    def _driver(self, link: LinkSpec, publish: Any) -> NotingDriver:
        made = NotingDriver(self.field)
        self.drivers.setdefault(link.id, []).append(made)
        return made

    def config(self, templates: Mapping[str, TemplateSpec] = TEMPLATES) -> CellConfig:
        return CellConfig("c", "C", "device-1", "device", 1, 20, (), templates, (self.spec,))

    async def change(
        self, links: Iterable[LinkSpec], devices: Sequence[DeviceSpec], *, zone_first: bool = True
    ) -> None:
        """Have these links and devices; who is the same keeps its slots, others come behind."""
        old = {
            d.id: (replace(d, name=""), base)
            for d, base in zip(self.spec.devices, self.shard.layout.bases, strict=True)
        }
        at = self.shard.layout.capacity
        bases: list[int] = []
        for device in devices:
            known = old.get(device.id)
            if known is not None and known[0] == replace(device, name=""):
                bases.append(known[1])
            else:
                bases.append(at)
                at += len(TEMPLATES[device.template].points)
        await self.take(
            ShardSpec("north/0", "north", tuple(links), tuple(devices), tuple(bases), at),
            zone_first=zone_first,
        )

    async def take(self, spec: ShardSpec, *, zone_first: bool = True) -> None:
        before, self.spec = self.spec, spec
        config = self.config()
        try:
            if not zone_first:
                await self.cell.take(config, KINDS, {"scripted": self._driver})  # type: ignore[dict-item]
                await asyncio.sleep(0.1)
            views = ViewsChange(self.stream.views, config)
            await views.prepare()
            await views.do()
            for topic in list(self.stream.ahead):
                if self.stream.ahead[topic].catch_up(self.view.table):
                    del self.stream.ahead[topic]
            if zone_first:
                await self.cell.take(config, KINDS, {"scripted": self._driver})  # type: ignore[dict-item]
        except BaseException:
            self.spec = before
            raise

    async def stop(self) -> None:
        tasks = self.cell.cut_links(list(self.cell._tasks)).values()
        if tasks:
            await asyncio.wait(tasks)
        for actor in self.cell.devices.values():
            actor.stop()
        self.cell._tick_timer.cancel()
        self.cell._sweep_timer.cancel()
