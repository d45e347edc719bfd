"""A shard: the devices of some links of one zone, their table, and its stream."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import Host
from jacquemart.runtime.actor.claimable import Claimable
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.making import make_actors
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.link import LinkHost, LinkShell
from jacquemart.runtime.cell.permit import Permit
from jacquemart.runtime.cell.polled import PolledPoints, bind
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.topics import readings_topic
from jacquemart.runtime.cell.writes import Write
from jacquemart.runtime.kernel.setpoints import Setpoints
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, TemplateSpec
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.devices import templates_of
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.withholding import WithholdingTable

#: Positions and names of the points that a template's devices watch.
Watched = tuple[tuple[int, str], ...]


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
        began = time.thread_time()
        self.spec = spec
        self.readings_topic = readings_topic(spec.id)
        self.layout = ShardLayout(spec, templates)
        self.table = WithholdingTable(self.layout.capacity, len(self.layout.groups))
        self.layout.define(self.table)
        self.setpoints = Setpoints()
        self._host = host
        self.permit: Permit | None = None
        """Its cell's, to write; None: a shard alone, in a test or a bench."""
        self.actors = self._make_actors(templates, kinds)
        made = time.thread_time()
        self.links: dict[str, LinkShell] = {}
        by_link: dict[str, list[DeviceActor]] = {link.id: [] for link in spec.links}
        for actor in self.actors:
            by_link[actor.spec.link].append(actor)
        for link in spec.links:
            self.links[link.id] = self.make_link(link, by_link[link.id], drivers[link.driver], host)
        self.spent_s = {"actors": made - began, "links": time.thread_time() - made}
        """Processor time of its making: table and actors, then links and plans."""

    def _make_actors(
        self, templates: Mapping[str, TemplateSpec], kinds: Mapping[str, type[DeviceActor]]
    ) -> list[DeviceActor]:
        """Make the devices' actors, in their order; those of one template together."""
        devices, bases = self.spec.devices, self.layout.bases
        places: dict[str, list[int]] = {}
        for at, name in enumerate(templates_of(devices)):
            places.setdefault(name, []).append(at)
        made: list[Any] = [None] * len(devices)
        for name, own in places.items():
            template = templates[name]
            actors = make_actors(
                kinds[template.kind], template, self, self._host,
                [devices[at] for at in own], [bases[at] for at in own],
            )  # fmt: skip
            if len(own) == len(made):
                return actors
            for at, actor in zip(own, actors, strict=True):
                made[at] = actor
        return made

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

    def substitute(self, slot: int, value: float | None) -> None:
        """Show a value in place of what is read; None: show what is read again."""
        self.table.substitute(slot, value, self._host.clock.wall_ns())

    def claim_ended(self, actor: Claimable, claim: Claim, why: str) -> None:
        """Tell the zone that a claim stands no more."""
        self._host.claim_ended(actor, claim, why)

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

    def read_again(self, actor: DeviceActor, point: int) -> bool:
        """Have a point read once, out of its turn; False if its link is down."""
        shell = self.links[actor.spec.link]
        if shell.up:
            shell.look_once([bind(shell.driver, actor, point)])
        return shell.up

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
    known: dict[str, tuple[list[tuple[PolledPoints, tuple[int, ...]]], Watched | None]] = {}
    for actor in actors:
        template = actor.template
        found = known.get(template.name)
        if found is None:
            periods: dict[int, list[int]] = {}
            for at, point in enumerate(template.points):
                if point.poll_ms > 0 and not point.address.get("derived"):
                    periods.setdefault(point.poll_ms, []).append(at)
            points = [
                (groups.setdefault(period, PolledPoints(driver)), tuple(indices))
                for period, indices in periods.items()
            ]
            found = known[template.name] = points, _watched_by_all(actor)
        points, watched = found
        base = actor.base
        for at, name in actor.watched_points() if watched is None else watched:
            watchers[base + at] = Watch(base + at, actor, name)
        for group, indices in points:
            group.add(actor, indices)
    return groups


def _watched_by_all(actor: DeviceActor) -> Watched | None:
    """Return what each device of a template watches; None: each says so itself."""
    if type(actor).reading is DeviceActor.reading:
        return ()  # it would not listen
    itself = type(actor).watched_points is not DeviceActor.watched_points
    return None if itself else tuple(actor.watched_points())


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
