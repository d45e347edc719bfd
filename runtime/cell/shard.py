"""A shard: the devices of some links of one zone, their table, and its stream."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import Host
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.link import LinkHost, LinkShell
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.writes import Write
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.parameters import resolved
from jacquemart.runtime.model.withholding import WithholdingTable


class ShardHost(LinkHost, Host):
    """What a shard needs of its cell."""


class Shard:
    """The live form of a :class:`ShardSpec` in its cell."""

    def __init__(
        self,
        spec: ShardSpec,
        templates: Mapping[str, TemplateSpec],
        kinds: Mapping[str, type[DeviceActor]],
        drivers: Mapping[str, type[Any]],
        host: Any,
    ) -> None:
        """Build table, actors, drivers and plans; no I/O."""
        self.spec = spec
        self.layout = ShardLayout(spec, templates)
        self.table: PointTable = WithholdingTable(self.layout.capacity, len(self.layout.groups))
        self.layout.define(self.table)
        self.actors: list[DeviceActor] = []
        self._bound: list[BoundPoint | None] = [None] * self.layout.capacity
        self.links: dict[str, LinkShell] = {}
        by_link: dict[str, list[DeviceActor]] = {link.id: [] for link in spec.links}
        for device, base in zip(spec.devices, self.layout.bases, strict=True):
            template = templates[device.template]
            actor = kinds[template.kind](device, template, self, base, host)
            self.actors.append(actor)
            by_link[device.link].append(actor)
        for link in spec.links:
            self.links[link.id] = self.make_link(
                link, by_link[link.id], drivers[link.driver], host, self._bound
            )

    def make_link(
        self, link: LinkSpec, actors: list[DeviceActor], driver_type: Any, host: Any, bound: Any
    ) -> LinkShell:
        """Build a link's driver, plans and shell; no I/O. ``bound`` gets its points, by slot."""
        watchers: dict[int, Watch] = {}
        driver: DriverPort = driver_type(link, _publisher(self.table, host, watchers))
        rng = random.Random(f"{self.spec.id}/{link.id}")
        shell = LinkShell(link, driver, self.table, host, rng)
        groups = watch_and_bind(driver, actors, watchers, bound)
        plans, periods = [], []
        for period_ms, members in sorted(groups.items()):
            plans.append(ReadingPlan(members, driver.plan(members), watchers))
            periods.append(period_ms * 1_000_000)
        shell.prepare(actors, plans, periods, watchers)
        return shell

    def forget(self, removed: Iterable[tuple[DeviceSpec, int]], layout: ShardLayout) -> None:
        """Forget where the points of devices are that leave."""
        for device, base in removed:
            for slot in range(base, base + layout.size(device)):
                self._bound[slot] = None

    def adopt(
        self,
        layout: ShardLayout,
        added: Iterable[tuple[DeviceSpec, int]],
        actors: list[DeviceActor],
        bound: Mapping[int, BoundPoint],
    ) -> None:
        """Take a new layout, for which the table is large enough, and define who was added."""
        layout.define(self.table, added)
        self.spec, self.layout, self.actors = layout.spec, layout, actors
        self._bound.extend([None] * (layout.capacity - len(self._bound)))
        for slot, point in bound.items():
            self._bound[slot] = point

    def submit(self, actor: DeviceActor, point: int, value: float, ticket: Ticket) -> None:
        """Queue a write for a device's point."""
        shell = self.links[actor.spec.link]
        bound = self._bind(shell.driver, actor, point)
        feedback = bound
        if bound.spec.feedback:
            at = actor.template.point_index(bound.spec.feedback)
            feedback = self._bind(shell.driver, actor, at)
        guards = tuple(
            self._bind(shell.driver, actor, actor.template.point_index(name))
            for name in bound.spec.guards
        )
        shell.submit(Write(actor, ticket, bound, feedback, value, guards))

    def link_state(self, actor: DeviceActor) -> tuple[bool, str]:
        """Return whether a device's link is up, and its last error."""
        shell = self.links[actor.spec.link]
        return shell.up, shell.error

    def feeds(self, actor: DeviceActor, alive: bool) -> None:
        """Tell the devices that this one feeds whether they can be reached."""
        self.links[actor.spec.link].feed(actor.id, alive)

    def _bind(self, driver: DriverPort, actor: DeviceActor, point: int) -> BoundPoint:
        slot = actor.base + point
        bound = self._bound[slot]
        if bound is None:
            spec = actor.template.points[point]
            spec = resolved(spec, actor.spec)
            address = driver.address_of(spec, actor.spec)
            bound = self._bound[slot] = BoundPoint(slot, actor.spec, spec, address)
        return bound


def watch_and_bind(
    driver: DriverPort,
    actors: Iterable[DeviceActor],
    watchers: dict[int, Watch],
    bound: Any,
) -> dict[int, list[BoundPoint]]:
    """Note who watches what, and return the polled points by period in ms; ``bound``: by slot."""
    groups: dict[int, list[BoundPoint]] = {}
    polled: dict[str, list[tuple[int, PointSpec]]] = {}
    for actor in actors:
        template = actor.template
        points = polled.get(template.name)
        if points is None:
            points = polled[template.name] = [
                (at, point)
                for at, point in enumerate(template.points)
                if point.poll_ms > 0 and not point.address.get("derived")
            ]
        device, base = actor.spec, actor.base
        for at, name in actor.watched_points():
            watchers[base + at] = Watch(base + at, actor, name)
        if device.parameters:
            points = [(at, resolved(point, device)) for at, point in points]
        for at, point in points:
            group = groups.setdefault(point.poll_ms, [])
            found = BoundPoint(base + at, device, point, driver.address_of(point, device))
            bound[base + at] = found
            group.append(found)
    return groups


def _publisher(table: PointTable, host: Any, watchers: Mapping[int, Watch]) -> Any:
    def publish(slots: Any, values: Any, qualities: Any = None, source_times: Any = None) -> None:
        table.update_columns(slots, values, qualities, source_times, host.clock.wall_ns())
        if watchers:
            for slot in slots if isinstance(slots, (list, tuple)) else memoryview(slots):
                watch = watchers.get(slot)
                if watch is not None:
                    watch.tell(table, host.failed)
        if table.urgent:
            host.flush()

    return publish
