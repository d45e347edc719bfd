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
from jacquemart.runtime.cell.polled import PolledPoints, bind
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.writes import Write
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.layout import ShardLayout
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
        self.table = WithholdingTable(self.layout.capacity, len(self.layout.groups))
        self.layout.define(self.table)
        self.actors: list[DeviceActor] = []
        self.links: dict[str, LinkShell] = {}
        by_link: dict[str, list[DeviceActor]] = {link.id: [] for link in spec.links}
        for device, base in zip(spec.devices, self.layout.bases, strict=True):
            template = templates[device.template]
            actor = kinds[template.kind](device, template, self, base, host)
            self.actors.append(actor)
            by_link[device.link].append(actor)
        for link in spec.links:
            self.links[link.id] = self.make_link(link, by_link[link.id], drivers[link.driver], host)

    def make_link(
        self, link: LinkSpec, actors: list[DeviceActor], driver_type: Any, host: Any
    ) -> LinkShell:
        """Build a link's driver, plans and shell; no I/O."""
        watchers: dict[int, Watch] = {}
        driver: DriverPort = driver_type(link, _publisher(self.table, host, watchers))
        rng = random.Random(f"{self.spec.id}/{link.id}")
        shell = LinkShell(link, driver, self.table, host, rng)
        groups = watch_and_poll(driver, actors, watchers)
        plans, periods = [], []
        for period_ms, members in sorted(groups.items()):
            plans.append(ReadingPlan(members, driver.plan(members), watchers))
            periods.append(period_ms * 1_000_000)
        shell.prepare(actors, plans, periods, watchers)
        return shell

    def adopt(
        self,
        layout: ShardLayout,
        added: Iterable[tuple[DeviceSpec, int]],
        actors: list[DeviceActor],
    ) -> None:
        """Take a new layout, for which the table is large enough, and define who was added."""
        layout.define(self.table, added)
        self.spec, self.layout, self.actors = layout.spec, layout, actors

    def submit(self, actor: DeviceActor, point: int, value: float, ticket: Ticket) -> None:
        """Queue a write for a device's point."""
        shell = self.links[actor.spec.link]
        bound = bind(shell.driver, actor, point)
        feedback = bound
        if bound.spec.feedback:
            at = actor.template.point_index(bound.spec.feedback)
            feedback = bind(shell.driver, actor, at)
        guards: tuple[BoundPoint, ...] = ()
        if bound.spec.guards:
            places = map(actor.template.point_index, bound.spec.guards)
            guards = tuple(bind(shell.driver, actor, place) for place in places)
        shell.submit(Write(actor, ticket, bound, feedback, value, guards))

    def link_state(self, actor: DeviceActor) -> tuple[bool, str]:
        """Return whether a device's link is up, and its last error."""
        shell = self.links[actor.spec.link]
        return shell.up, shell.error

    def feeds(self, actor: DeviceActor, alive: bool) -> None:
        """Tell the devices that this one feeds whether they can be reached."""
        self.links[actor.spec.link].feed(actor.id, alive)


def watch_and_poll(
    driver: DriverPort, actors: Iterable[DeviceActor], watchers: dict[int, Watch]
) -> dict[int, PolledPoints]:
    """Note who watches what, and return the polled points by period in ms."""
    groups: dict[int, PolledPoints] = {}
    polled: dict[str, list[tuple[PolledPoints, tuple[int, ...]]]] = {}
    for actor in actors:
        template = actor.template
        points = polled.get(template.name)
        if points is None:
            periods: dict[int, list[int]] = {}
            for at, point in enumerate(template.points):
                if point.poll_ms > 0 and not point.address.get("derived"):
                    periods.setdefault(point.poll_ms, []).append(at)
            points = polled[template.name] = [
                (groups.setdefault(period, PolledPoints(driver)), tuple(indices))
                for period, indices in periods.items()
            ]
        base = actor.base
        for at, name in actor.watched_points():
            watchers[base + at] = Watch(base + at, actor, name)
        for group, indices in points:
            group.add(actor, indices)
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
