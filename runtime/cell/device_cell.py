"""The device cell: thousands of device actors, their links, tables and streams, on one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.actor.base import RAISED, Actor
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell import explain
from jacquemart.runtime.cell.bulk import BulkRun, choose, unanswered
from jacquemart.runtime.cell.cell_change import CellChange
from jacquemart.runtime.cell.closing import last_words
from jacquemart.runtime.cell.first_looks import FirstLooks
from jacquemart.runtime.cell.link import LinkShell
from jacquemart.runtime.cell.outcomes import outcome_frame
from jacquemart.runtime.cell.roaming_commands import RoamingChoice
from jacquemart.runtime.cell.service import Service, text_arg
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.cell.topics import facts_topic, layout_topic, readings_topic, topics_of
from jacquemart.runtime.kernel.dedup import DedupWindow, Key, Seen
from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.directory import CellConfig
from jacquemart.runtime.model.errors import UnknownDevice, UnknownPoint, UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.ids import split_point
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.model.text import describe
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request

SWEEP_S = 1.0
#: Results of bulk commands kept for repeats; each may be a megabyte.
BULKS_KEPT = 128


class DeviceCell(Service):
    """Hosts shards. See house.md §2: one loop, no socket between actors of one cell."""

    shards: dict[str, Shard]

    def start_shards(
        self, kinds: Mapping[str, type[DeviceActor]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Make the shards, start their actors and links, and begin to tick."""
        config = self.config
        self.devices: dict[str, DeviceActor] = {}
        self._by_zone: dict[str, list[DeviceActor]] = {}
        self._roaming = RoamingChoice()
        self._territory: tuple[Sequence[ZoneSpec], Territory] | None = None
        self._dedup: DedupWindow[bytes] = DedupWindow()
        self._bulks: DedupWindow[bytes] = DedupWindow(BULKS_KEPT)
        self.shards = {}
        self._tasks: dict[LinkShell, asyncio.Task[None]] = {}
        for spec in config.shards:
            self.enter(Shard(spec, config.templates, kinds, drivers, self))
        for actor in self.devices.values():
            self.begin(actor)
        links = [link for shard in self.shards.values() for link in shard.links.values()]
        self._first_looks = FirstLooks(self.loop, links)
        for link in links:
            self.run_link(link, self._first_looks.turns[link.spec.id])
        self._flushing = False
        self._tick_s = config.tick_ms / 1e3
        self._tick_at = self.loop.time()
        self._tick()
        self._sweep()

    async def stop(self, grace_s: float) -> None:
        """End the links (each ends its writes truly), then the actors, then the sockets."""
        self._first_looks.stop()
        await last_words(self.devices.values(), self._links, grace_s)
        tasks = self.cut_links(list(self._tasks)).values()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for actor in self.devices.values():
            actor.stop()
        self._tick_timer.cancel()
        self._sweep_timer.cancel()
        await super().stop(grace_s)

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
        self._by_zone.setdefault(shard.spec.zone, []).extend(shard.actors)
        self.devices.update((actor.id, actor) for actor in shard.actors)

    def begin(self, actor: DeviceActor) -> None:
        """Start an actor."""
        try:
            actor.start()
        except RAISED as error:  # one actor never stops the others
            self.failed(actor, error)

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
        self._by_zone = {}
        for shard in self.shards.values():
            self._by_zone.setdefault(shard.spec.zone, []).extend(shard.actors)

    @property
    def _links(self) -> Collection[LinkShell]:
        return self._tasks.keys()

    def progress(self) -> dict[str, Any]:
        """Return how many links have been looked at."""
        settled = sum(link.settled for link in self._links)
        up = sum(link.up for link in self._links)
        return {
            "ready": settled == len(self._links),
            "links": len(self._links),
            "links_settled": settled,
            "links_up": up,
            "links_down": settled - sum(link.up and link.settled for link in self._links),
            "devices": len(self.devices),
            "points": sum(shard.layout.points for shard in self.shards.values()),
            "detail": f"{up} of {len(self._links)} links up",
        }

    def refusals(self) -> dict[str, int]:
        """Return what was refused or dropped, by name."""
        lost = sum(shard.table.lost_every for shard in self.shards.values())
        late = sum(shard.table.late for shard in self.shards.values())
        return {**super().refusals(), "kept_values_lost": lost, "late_values_dropped": late}

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
                name = "link_up" if up else "link_down"
                facts = {"devices": len(link.actors), "why": detail}
                self._fact(shard.spec.id, name, link.spec.id, 0 if up else 2, facts)

    def failed(self, actor: Any, error: BaseException) -> None:
        """Publish that an actor's or driver's code raised."""
        self.broken(error)
        if isinstance(actor, DeviceActor):
            self.emit(actor, "actor_failed", 2, {"error": describe(error)})

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
        """Publish what must not wait for the tick, as soon as the loop has a turn."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._publish)

    def _publish(self) -> None:
        self._flushing = False
        for shard in self.shards.values():
            columns = shard.table.drain()
            if columns is not None:
                self.publisher.batch(readings_topic(shard.spec.id), columns)

    def _sweep(self) -> None:
        now = self.clock.wall_ns()
        for shard in self.shards.values():
            shard.table.sweep(now)
        self._sweep_timer = self.loop.call_later(SWEEP_S, self._sweep)

    # Requests --------------------------------------------------------------------------------

    def command(self, request: Request) -> None:
        """Hand a command to its device, once."""
        command = frames.decode_command(request.frame)
        received = self.clock.boot_ns()
        key: Key = (command.principal, command.id)

        def end(status: Status, reason: str, detail: str) -> None:
            frame = frames.encode_outcome(
                frames.OutcomeFrame(
                    command.id,
                    command.device,
                    command.point,
                    status,
                    reason,
                    detail,
                    None,
                    received,
                    0,
                    0,
                    self.clock.boot_ns(),
                )
            )
            request.reply(frame)

        if command.epoch and command.epoch != self.config.epoch:
            end(Status.REJECTED, Reason.MOVED, f"this cell is at epoch {self.config.epoch}")
            return
        actor = self.devices.get(command.device)
        if actor is None:
            end(Status.REJECTED, Reason.UNKNOWN_DEVICE, f"no device {command.device!r} here")
            return
        content = (command.device, command.verb, command.point, repr(command.value), command.unit)
        seen, known = self._dedup.begin(key, content)
        if seen is Seen.NEW:
            ticket = Ticket(
                command.id,
                command.principal,
                command.device,
                command.verb,
                command.point,
                command.value,
                command.unit,
                command.priority,
                command.deadline_ns,
                received,
                lambda ticket: self._ended(key, ticket, request),
            )
            actor.post(ticket)
        elif seen is Seen.RUNNING:
            self._dedup.wait(key, request.reply)
        elif seen is Seen.FINISHED and known is not None:
            request.reply(known)
        else:
            end(Status.REJECTED, Reason.DUPLICATE_ID, "this id came before with other content")

    def _ended(self, key: Key, ticket: Ticket, request: Request) -> None:
        outcome = ticket.outcome
        assert outcome is not None
        frame = outcome_frame(outcome)
        if outcome.status is Status.REJECTED and outcome.reason == Reason.BUSY:
            waiters = self._dedup.forget(key)  # refused for now: the same id may come again
        else:
            waiters = self._dedup.finish(key, frame)
        for waiter in waiters:
            waiter(frame)
        request.reply(frame)

    def bulk(self, request: Request) -> None:
        """Fan a bulk command out to the devices it means."""
        bulk = messages.decode_bulk(request.frame)
        # One bulk command comes once for each zone that has devices here.
        key: Key = (f"{bulk.principal}\n{bulk.zone}", bulk.id)
        seen, known = self._bulks.begin(
            key, (bulk.zone, bulk.kind, bulk.device, bulk.point, repr(bulk.value), bulk.unit)
        )
        if seen is Seen.RUNNING:
            self._bulks.wait(key, request.reply)
            return
        if seen is Seen.FINISHED and known is not None:
            request.reply(known)
            return
        shards = {name: shard.actors for name, shard in self.shards.items()}
        actors = self._roaming.among(bulk, choose(bulk, self._by_zone), shards)
        if seen is not Seen.NEW:
            why = "this id came before with other content"
            meant = [actor.id for actor in actors]
            refused = unanswered(bulk.id, meant, Status.REJECTED, Reason.DUPLICATE_ID, why)
            request.reply(messages.encode_bulk_result(refused))
            return

        def done(result: messages.BulkResult) -> None:
            frame = messages.encode_bulk_result(result)
            for waiter in self._bulks.finish(key, frame):
                waiter(frame)
            request.reply(frame)

        BulkRun(bulk, actors, self.clock.boot_ns(), done, self.loop).start()

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries of a device cell."""
        return {
            **super().queries(),
            "get": self._get,
            "why": lambda args: explain.why(self, text_arg(args, "subject")),
            "snapshot": self._snapshot,
        }

    def find(self, text: str) -> tuple[DeviceActor, int]:
        """Return the actor of ``device/point`` and the point's position.

        Raises:
            UnknownDevice, UnknownPoint, UsageError: the asker's fault.
        """
        device, point = split_point(text)
        actor = self.devices.get(device)
        if actor is None:
            raise UnknownDevice(f"no device {device!r} in this cell")
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
            **shard.layout.names(),
            "layout": self.publisher.sequence(layout_topic(shard.spec.id)),
            "columns": list(shard.table.snapshot()),
        }
