"""The device cell: thousands of device actors, their links, tables and streams, on one loop."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from jacquemart.runtime.actor.base import Actor
from jacquemart.runtime.actor.claimable import Claimable
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell import explain
from jacquemart.runtime.cell.bulk import Standing, choose
from jacquemart.runtime.cell.care import CellCare
from jacquemart.runtime.cell.cell_change import CellChange
from jacquemart.runtime.cell.claiming import CellClaims
from jacquemart.runtime.cell.closing import last_words
from jacquemart.runtime.cell.fencing import Fencing
from jacquemart.runtime.cell.first_looks import FirstLooks
from jacquemart.runtime.cell.intake import Intake
from jacquemart.runtime.cell.lease_keeper import LeaseKeeper
from jacquemart.runtime.cell.link import LinkShell
from jacquemart.runtime.cell.plain_commands import PlainCommands
from jacquemart.runtime.cell.resolve import Memory
from jacquemart.runtime.cell.roaming_commands import RoamingChoice
from jacquemart.runtime.cell.service import Service, text_arg
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.cell.topics import facts_topic, layout_topic, topics_of
from jacquemart.runtime.cell.warm import WarmShards
from jacquemart.runtime.cell.withdrawing import Withdrawing
from jacquemart.runtime.cell.zone_watch import ZoneWatch
from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.directory import CellConfig, Directory
from jacquemart.runtime.model.durability import is_volatile
from jacquemart.runtime.model.errors import UnknownDevice, UnknownPoint, UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.ids import split_point
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.model.text import describe
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request

SWEEP_S = 1.0
#: What must not wait for the tick is published at once, but so often at most: a field that changes
#: its qualities without end would else have every change carried, and fill whoever cannot keep up.
FLUSH_S = 0.005


class DeviceCell(Service):
    """Hosts shards. See house.md §2: one loop, no socket between actors of one cell."""

    shards: dict[str, Shard]
    start_cpu_s: dict[str, float]
    """Processor seconds that went into making its actors (and starting them) and its links."""
    _draining = False

    @property
    def draining(self) -> bool:
        """Whether the cell ends what is in hand, and leaves everything else to its successor."""
        return self._draining

    @draining.setter
    def draining(self, draining: bool) -> None:
        self._draining = draining
        self._plain.path.open = not draining

    def build_shards(self, kinds: Mapping[str, Any], drivers: Mapping[str, Any]) -> None:
        """Make the config's shards and start nothing: a standby (see ``CellHost.prepare``)."""
        self._warm.build(self.config, kinds, drivers, self)

    @cached_property
    def care(self) -> CellCare:
        """What looks after the actors."""
        return CellCare(self)

    @cached_property
    def _warm(self) -> WarmShards:
        return WarmShards()

    def start_shards(self, kinds: Mapping[str, Any], drivers: Mapping[str, Any]) -> None:
        """Make the shards (or take those that were built), start actors and links, and tick."""
        config = self.config
        self.devices: dict[str, DeviceActor] = {}
        self._by_zone: defaultdict[str, Standing] = defaultdict(Standing)
        self._roaming = RoamingChoice()
        self._territory: tuple[Sequence[ZoneSpec], Territory] | None = None
        self.intake = Intake(self)
        self.memory = Memory(self)
        self._claims = CellClaims(self, self.intake.seen, self.intake.ended)
        self.leases = LeaseKeeper(self, Fencing(self).begin)
        self.shards = {}
        self._tasks: dict[LinkShell, asyncio.Task[None]] = {}
        shards = self._warm.take(config.shards, config.templates, kinds, drivers, self)
        self.start_cpu_s = {
            part: sum(shard.spent_s[part] for shard in shards) for part in ("actors", "links")
        }
        began = time.thread_time()
        for shard in shards:
            self.enter(shard)
        self.care.inherit(config.inherits)
        self.care.begin_all(self.devices.values())
        self.start_cpu_s["actors"] += time.thread_time() - began
        links = [link for shard in self.shards.values() for link in shard.links.values()]
        # In virtual time nothing is work, or the same seed would not give the same history.
        worked = time.thread_time if isinstance(self.clock, SystemClock) else self.loop.time
        self._first_looks = FirstLooks(self.loop, links, worked)
        for link in links:
            self.run_link(link, self._first_looks.turns[link.spec.id])
        self.zone_watch = ZoneWatch(self)
        self._flush: asyncio.Handle | None = None
        self._published = 0.0
        self._plain = PlainCommands(self)
        self._plain.path.serve(self.server)
        self.server.channel.taker = self._plain.path
        self._tick_s = config.tick_ms / 1e3
        self._tick_at = self.loop.time()
        self._tick()
        self._sweep()

    async def stop(self, grace_s: float) -> None:
        """End the links (each ends its writes truly), then the actors, then the sockets."""
        self.draining = True
        self._first_looks.stop()
        self.zone_watch.stop()
        await last_words(self.devices.values(), self.running_links, grace_s)
        tasks = self.cut_links(list(self._tasks)).values()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        await self.leases.stop()
        for actor in self.devices.values():
            actor.stop()
        self._claims.stop()
        self._tick_timer.cancel()
        self._sweep_timer.cancel()
        if self._flush is not None:
            self._flush.cancel()
        self.care.stop()
        await super().stop(grace_s)

    def connect(self, directory: Directory) -> None:
        """Take a newer directory, and ask the zone cells in it for the leases."""
        super().connect(directory)
        self.leases.hurry()

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Have the shards of another config; devices, links and streams that stay, stay."""
        change = CellChange(self, config, kinds, drivers)
        await change.prepare()
        await change.do()

    def enter(self, shard: Shard) -> None:
        """Open a shard's topics and know its devices."""
        self.shards[shard.spec.id] = shard
        for topic in topics_of(shard.spec.id):
            self.publisher.open_topic(topic)
        self._by_zone[shard.spec.zone].add(shard.actors)
        self.devices.update(zip([actor.id for actor in shard.actors], shard.actors, strict=True))
        self.leases.enter(shard)

    def begin(self, actor: DeviceActor) -> None:
        """Start an actor, unless it must not be."""
        self.care.begin(actor)

    def run_link(self, link: LinkShell, after: asyncio.Future[None] | None = None) -> None:
        """Serve a link, once the task ``after`` which it comes has let go of the field."""

        async def run() -> None:
            if after is not None:
                await asyncio.wait([after])
            await link.run()

        self._tasks[link] = self.loop.create_task(run() if after is not None else link.run())

    def cut_links(self, links: Iterable[LinkShell]) -> dict[str, asyncio.Task[None]]:
        """Have links end, their writes truly; return the tasks that let go of the field."""
        tasks = {link.spec.id: self._tasks.pop(link) for link in links}
        for task in tasks.values():
            task.cancel()
        return tasks

    def know(self, gone: Iterable[DeviceActor], come: Iterable[DeviceActor]) -> None:
        """Know these devices no more, and those from now on; ``regroup`` follows."""
        for actor in gone:
            if self.devices.get(actor.id) is actor:
                del self.devices[actor.id]
        self.devices.update((actor.id, actor) for actor in come)

    def regroup(self) -> None:
        """Find the devices of each zone anew, for bulk commands."""
        self._by_zone.clear()
        for shard in self.shards.values():
            self._by_zone[shard.spec.zone].add(shard.actors)

    @property
    def running_links(self) -> Collection[LinkShell]:
        """The links that have a task."""
        return self._tasks.keys()

    def progress(self) -> dict[str, Any]:
        """Return how many links have been looked at."""
        running = self.running_links
        settled = sum(link.settled for link in running)
        up = sum(link.up for link in running)
        missing = self.leases.missing()
        return {
            "ready": settled == len(running) and not missing,
            "least_epoch": self.leases.least_epoch,
            "links": len(running),
            "links_settled": settled,
            "links_up": up,
            "links_down": settled - sum(link.up and link.settled for link in running),
            "devices": len(self.devices),
            "points": sum(shard.layout.points for shard in self.shards.values()),
            "detail": f"{up} of {len(running)} links up" + (missing and f"; {missing}"),
        }

    def counted(self) -> dict[str, int]:
        """Return what came, by name; also commands that the fast path has taken."""
        commands = self.counters["commands"] + self._plain.path.taken
        return {**self.counters, "commands": commands}

    def refusals(self) -> dict[str, int]:
        """Return what was refused or dropped, by name."""
        lost = sum(shard.table.lost_every for shard in self.shards.values())
        late = sum(shard.table.late for shard in self.shards.values())
        conflated = sum(shard.table.conflated for shard in self.shards.values())
        return {
            **super().refusals(),
            **self.leases.counters(),
            "kept_values_lost": lost,
            "late_values_dropped": late,
            "values_conflated": conflated,
        }

    def health(self) -> dict[str, Any]:
        """Return the process's health, which devices are in trouble, and how the leases stand."""
        return {
            **super().health(),
            **self.care.health(),
            "leases": self.leases.standings(),
            "start_cpu_s": {part: round(spent, 4) for part, spent in self.start_cpu_s.items()},
        }

    # Host of actors and links ----------------------------------------------------------------

    def emit(self, actor: Actor, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        """Publish an event of a device."""
        if isinstance(actor, DeviceActor):
            shard: str = actor.shard.spec.id  # type: ignore[attr-defined]
            self._fact(shard, name, actor.id, severity, detail, actor.zone)

    def link_changed(self, link: LinkShell, up: bool, detail: str) -> None:
        """Publish one event for a link, and none for each of its devices."""
        for shard in self.shards.values():
            if shard.links.get(link.spec.id) is link:
                if up:
                    for actor in link.actors:
                        if actor.claims is not None:
                            actor.claims.link_came_up()
                name = "link_up" if up else "link_down"
                facts = {"devices": len(link.actors), "why": detail}
                self._fact(shard.spec.id, name, link.spec.id, 0 if up else 2, facts)

    def link_parked(self, link: LinkShell, why: str) -> None:
        """Publish that a link is not opened any more."""
        for shard in self.shards.values():
            if shard.links.get(link.spec.id) is link:
                self._fact(shard.spec.id, "link_parked", link.spec.id, 2, {"why": why})

    def failed(self, actor: Any, error: BaseException) -> None:
        """Publish that an actor's or driver's code raised."""
        self.broken(error)
        if isinstance(actor, DeviceActor):
            self.care.failed(actor)
            self.emit(actor, "actor_failed", 2, {"error": describe(error)})

    def claim_ended(self, actor: Claimable, claim: Claim, why: str) -> None:
        """Have the zone know that a claim stands no more."""
        self._claims.ended(actor, claim, why)

    @property
    def territory(self) -> Territory:
        """Return where the city's zones lie; read when first asked for."""
        zones = self.config.zones
        if self._territory is None or self._territory[0] is not zones:
            self._territory = zones, Territory(zones)
        return self._territory[1]

    def _fact(
        self,
        shard: str,
        name: str,
        subject: str,
        severity: int,
        detail: Mapping[str, Any],
        zone: str = "",
    ) -> None:
        zone = zone or shard.partition("/")[0]
        event = Event(name, zone, subject, self.clock.wall_ns(), severity, dict(detail))
        self.publisher.event(facts_topic(shard), event)

    # The tick --------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._tick_at = max(self._tick_at + self._tick_s, self.loop.time())
        self._tick_timer = self.loop.call_at(self._tick_at, self._tick)
        self._publish()

    def flush(self) -> None:
        """Publish what must not wait for the tick: in the loop's next turn, seldom a bit later."""
        if self._flush is None:
            wait_s = self._published + FLUSH_S - self.loop.time()
            self._flush = (
                self.loop.call_later(wait_s, self._publish)
                if wait_s > 0.0
                else self.loop.call_soon(self._publish)
            )

    def _publish(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._published = self.loop.time()
        for shard in self.shards.values():
            self.publisher.readings(shard.readings_topic, shard.table)

    def _sweep(self) -> None:
        now = self.clock.wall_ns()
        for shard in self.shards.values():
            shard.table.sweep(now)
        self._sweep_timer = self.loop.call_later(SWEEP_S, self._sweep)

    # Requests --------------------------------------------------------------------------------

    def command(self, request: Request) -> None:
        """Hand a command to its device, once."""
        self.intake.command(request)

    def claim(self, request: Request) -> None:
        """Hand a claim to its device, once."""
        self._claims.take(request)

    def bulk(self, request: Request) -> None:
        """Fan a bulk command out to the devices it means."""
        self.intake.bulk(request)

    def meant_by(self, bulk: messages.Bulk) -> list[DeviceActor]:
        """Return the devices that a zone's part of a bulk command means here."""
        shards = {name: shard.actors for name, shard in self.shards.items()}
        return self._roaming.among(bulk, choose(bulk, self._by_zone), shards)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries of a device cell."""
        return {
            **super().queries(),
            "get": self._get,
            "why": lambda args: explain.why(self, text_arg(args, "subject")),
            "snapshot": self._snapshot,
            "condition": lambda args: self.care.of(self.known(text_arg(args, "device"))),
            **self.memory.queries(),
            **Withdrawing(self).queries(),
        }

    def known(self, device: str) -> DeviceActor:
        """Return the actor of a device.

        Raises:
            UnknownDevice: the asker's fault.
        """
        actor = self.devices.get(device)
        if actor is None:
            raise UnknownDevice(f"no device {device!r} in this cell")
        return actor

    def where(self, device: str, verb: str, point: str) -> tuple[str, str, bool] | None:
        """Return the zone and shard of a device of this cell, and whether a command is volatile."""
        actor = self.devices.get(device)
        if actor is None:
            return None
        home = actor.shard.spec  # type: ignore[attr-defined]
        return home.zone, home.id, is_volatile(actor.template, verb, point)

    def find(self, text: str) -> tuple[DeviceActor, int]:
        """Return the actor of ``device/point`` and the point's position.

        Raises:
            UnknownDevice, UnknownPoint, UsageError: the asker's fault.
        """
        device, point = split_point(text)
        actor = self.known(device)
        index = actor.template.point_index(point)
        if index < 0:
            known = ", ".join(spec.name for spec in actor.template.points)
            raise UnknownPoint(f"{device} has no point {point!r}", advice=f"it has: {known}")
        return actor, index

    def _get(self, args: Mapping[str, Any]) -> list[list[Any]]:
        points = args.get("points")
        if not isinstance(points, list) or not all(isinstance(p, str) for p in points):
            raise UsageError("argument 'points' must be a list of device/point")
        words = args.get("words") is True
        rows = []
        for text in points:
            actor, index = self.find(text)
            reading = actor.shard.table.read(actor.base + index)
            spec = actor.template.points[index]
            rows.append([text, *reading, spec.unit, *([list(spec.words)] if words else [])])
        return rows

    def _snapshot(self, args: Mapping[str, Any]) -> dict[str, Any]:
        topic = text_arg(args, "topic")
        kind, _, rest = topic.partition("/")
        shard = self.shards.get(rest[:-1])
        if shard is None or not rest.endswith("/") or kind not in ("r", "f", "l"):
            raise UsageError(f"no topic {topic!r} in this cell")
        position = {
            "topic": topic,
            "epoch": self.publisher.epoch,
            "sequence": self.publisher.sequence(topic),
        }
        if kind == "f":
            return {**position, "events": self.publisher.kept_events(topic)}
        if kind == "l":
            return {**position, **shard.layout.names()}
        return {
            **position,
            # Who has the city itself knows them, and they are most of a large shard's snapshot.
            **(shard.layout.names() if args.get("names") is not False else {}),
            "layout": self.publisher.sequence(layout_topic(shard.spec.id)),
            "columns": list(shard.table.snapshot()),
        }
