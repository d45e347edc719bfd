"""The zone cell: supervisors of zones, apart from the devices they supervise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable, Rollup
from jacquemart.runtime.actor.base import RAISED, Actor
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.supervisor import ShardView, Supervisor, merge_rollups
from jacquemart.runtime.cell import home_desk
from jacquemart.runtime.cell.authority import Authority, opener_of
from jacquemart.runtime.cell.bulk import merge
from jacquemart.runtime.cell.bulk_desk import BulkDesk
from jacquemart.runtime.cell.cancelling import Cancelling
from jacquemart.runtime.cell.claim_desk import ClaimDesk
from jacquemart.runtime.cell.command_desk import CommandDesk
from jacquemart.runtime.cell.dead_letter_desk import DeadLetterDesk
from jacquemart.runtime.cell.dead_letters import DeadLetters
from jacquemart.runtime.cell.fan_out import CellFanOut
from jacquemart.runtime.cell.islanding import ZoneIslanding
from jacquemart.runtime.cell.journal_copies import JournalFeed
from jacquemart.runtime.cell.lease_desk import LeaseDesk
from jacquemart.runtime.cell.left_devices import forget_left
from jacquemart.runtime.cell.listing import list_devices
from jacquemart.runtime.cell.membership import Roamers
from jacquemart.runtime.cell.outcome_query import OutcomeQuery
from jacquemart.runtime.cell.roaming_commands import RoamingFanOut
from jacquemart.runtime.cell.service import Service, text_arg
from jacquemart.runtime.cell.state_desk import StateDesk
from jacquemart.runtime.cell.views_change import Ahead, ViewsChange, columns_of, store_batch
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.withholding import WithholdingTable
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request
from jacquemart.runtime.wire.follower import Follower

#: Zones put their aggregates together this often.
ROLLUP_S = 0.1
#: While members keep changing they rest this long in between: putting thousands of points
#: together for sums that move a little would cost more than reading them. All zones rest at
#: once, so that what leaves one zone and enters another is told in one go.
REST_S = 0.5
SWEEP_S = 1.0
SNAPSHOT_S = 5.0
#: Devices that come to a running city are read within this time, or are at fault.
FIRST_LOOK_S = 10.0

Rows = dict[tuple[str, str], Rollup]


class ZoneCell(Service):
    """Follows the shards of its zones, keeps their tables, publishes rollups and events."""

    def start_zones(
        self, supervisor: type[Supervisor], kinds: Mapping[str, type[DeviceActor]]
    ) -> None:
        """Make a supervisor for each zone, and an empty table for each shard."""
        self.views: dict[str, ShardView] = {}
        self.supervisors: dict[str, Supervisor] = {}
        self.zone_rows: dict[str, Rows] = {}
        self._followers: dict[str, tuple[CellAddress, Follower]] = {}
        self._shards_of: dict[str, list[str]] = {zone.id: [] for zone in self.config.zones}
        self._supervisor = supervisor
        self._ahead: dict[str, Ahead] = {}
        self._owed: set[str] = set()
        """Zones whose aggregates must be told."""
        self._rests_until = 0.0
        """By the loop's clock."""
        self._first_look: dict[str, float] = {}
        """Zones that devices have come to -> until when those may be unread."""
        for spec in self.config.shards:
            layout = ShardLayout(spec, self.config.templates)
            table = WithholdingTable(layout.capacity, len(layout.groups))
            layout.define(table)
            self.views[spec.id] = ShardView(layout, table)
            self._shards_of[spec.zone].append(spec.id)
        self.roamers = Roamers(self.views, kinds)
        config = self.config
        state, newest = config.state, config.journal_format
        opener = opener_of(state, config.epoch, self.loop, self.clock, newest)
        self.authority = Authority(self.clock, opener, self.loop.call_later)
        self.authority.open(zone.id for zone in config.zones)
        self._states = StateDesk(self.authority, self.loop)
        self._letter_desk = DeadLetterDesk(self.authority, self.loop)
        self.authority.settle(config.shards, config.templates)
        self.desk = CommandDesk(self, self.authority)
        self._asked = OutcomeQuery(self.desk)
        self._letters = DeadLetters(self.desk)
        self._feed = JournalFeed(self, self.authority)
        self._bulks = BulkDesk(self, self.authority, self._fan_out)
        self._cancelling = Cancelling(self.desk, self._bulks)
        self.server.channel.taker = self.plain = self.desk.plain()
        self.leases = LeaseDesk(self)
        self._claim_desk = ClaimDesk(self.authority, self.loop, self.clock, self.leases.may_tell)
        for zone in self.config.zones:
            self._supervise(zone.id, kinds)
        for actor in self.supervisors.values():
            self._begin(actor)
        self.islanding = ZoneIslanding(self, lambda: self.supervisors.values())
        self._rollup_timer = self.loop.call_later(ROLLUP_S, self._rollup)
        self._sweep_timer = self.loop.call_later(SWEEP_S, self._sweep)

    async def stop(self, grace_s: float) -> None:
        """Stop following and supervising."""
        self._rollup_timer.cancel()
        self._sweep_timer.cancel()
        self.islanding.stop()
        for _, follower in self._followers.values():
            follower.close()
        for actor in self.supervisors.values():
            actor.stop()
        self.leases.stop()
        self.desk.stop()
        await super().stop(grace_s)
        self.authority.close()

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Have other zones, shards and devices; the streams that are followed go on."""
        change = ViewsChange(self.views, config)
        await change.prepare()
        zones = {zone.id: None for zone in config.zones}
        self._bulks.keep_only(zones)
        for name in change.gone:
            self._shards_of[self.views.pop(name).layout.spec.zone].remove(name)
            for _, follower in self._followers.values():
                follower.unfollow(f"r/{name}/")
                follower.unfollow(f"f/{name}/")
        for name in [name for name in self.supervisors if name not in zones]:
            self.supervisors.pop(name).stop("the city has changed: the zone was removed")
            del self.zone_rows[name]
            for topic in (f"z/{name}/", f"e/{name}/"):
                self.publisher.close_topic(topic)
        await change.do()
        for topic in list(self._ahead):
            self._catch_up(topic)
        self.roamers.kinds = kinds
        self.roamers.settle()
        self.desk.keep_only(zones)
        self.authority.open(zones)
        self.authority.settle(config.shards, config.templates)
        forget_left(self.authority)
        self.desk.settle()
        self.leases.settle()
        self._shards_of = {zone: [] for zone in zones}
        for spec in config.shards:
            self._shards_of[spec.zone].append(spec.id)
        for zone in zones:
            known = self.supervisors.get(zone)
            if known is None:
                self._begin(self._supervise(zone, kinds))
            else:
                known.kinds = kinds
                known.fan_out = self._fan_out(zone)
        self.supervisors = {zone: self.supervisors[zone] for zone in zones}
        self._owed.update(zones)
        until = self.loop.time() + FIRST_LOOK_S
        self._first_look.update(dict.fromkeys(change.growing, until))

    def _supervise(self, zone: str, kinds: Mapping[str, type[Any]]) -> Supervisor:
        made = self._supervisor(zone, self, kinds, self._fan_out(zone))
        self.supervisors[zone] = made
        self.publisher.open_topic(f"z/{zone}/")
        self.publisher.open_topic(f"e/{zone}/")
        self._gather(zone)
        return made

    def _begin(self, actor: Supervisor) -> None:
        if by_s := self.authority.clock_set_s(actor.id):
            actor.emit("wall_clock_set", 1, by_s=by_s)
        try:
            actor.start()
        except RAISED as error:
            self.failed(actor, error)

    def _fan_out(self, zone: str) -> CellFanOut:
        views = [self.views[name] for name in self._shards_of[zone]]
        return RoamingFanOut(self, zone, views, self.roamers, self.views)

    def connect(self, directory: Directory) -> None:
        """Follow each shard at the cell that owns it now, and nowhere else."""
        super().connect(directory)
        self.islanding.begin()
        topics: dict[str, list[str]] = {}
        for shard, cell in self.directory.homes.items():
            if shard in self.views:
                topics.setdefault(cell, []).extend((f"r/{shard}/", f"f/{shard}/"))
        for cell in [cell for cell in self._followers if cell not in topics]:
            self._followers.pop(cell)[1].close()
        for cell, wanted in topics.items():
            if cell in self.directory.cells:
                self._follower(cell).follow_only(wanted)
        self.desk.connected()
        self._bulks.recover()

    def progress(self) -> dict[str, Any]:
        """Return whether every shard is followed."""
        waiting = [n for n, (_, f) in self._followers.items() if not f.synchronised]
        followed = bool(self._followers) or not self.views
        return {
            "ready": followed and not waiting,
            "detail": f"following {len(self._followers) - len(waiting)} cells",
        }

    def health(self) -> dict[str, Any]:
        """Return the process's health and the streams' gaps."""
        gaps = sum(follower.gaps for _, follower in self._followers.values())
        return {**super().health(), "gaps": gaps, "zones": len(self.supervisors),
                "islanded": self.islanding.islanded}  # fmt: skip

    def _follower(self, cell: str) -> Follower:
        address = self.directory.cells[cell]
        known = self._followers.get(cell)
        if known is not None and known[0] == address:
            return known[1]
        if known is not None:
            known[1].abandon()

        async def ask(topic: str) -> dict[str, Any] | None:
            caller = self.caller(cell)
            question = messages.query("snapshot", topic=topic, names=False)
            frame = await caller.ask(question, SNAPSHOT_S)
            content = messages.decode_reply(frame) if frame is not None else None
            return content if isinstance(content, dict) else None

        follower = Follower(
            self.loop, self.context, address.stream, self.clock, self, ask, self.broken
        )
        self._followers[cell] = (address, follower)
        return follower

    # What the followers hear -----------------------------------------------------------------

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Take the whole state of a shard."""
        view = self.views.get(topic[2:-1])
        if topic.startswith("r/") and view is not None:
            columns = columns_of(content["columns"])
            if len(columns[0]) <= view.table.capacity:
                view.table.apply_batch(*columns)
            else:
                self._ahead.setdefault(topic, Ahead()).apply(view.table, columns)
            self.roamers.touch(topic[2:-1])

    def batch(self, topic: str, batch: Batch) -> None:
        """Take changed points of a shard."""
        view = self.views.get(topic[2:-1])
        if view is not None:  # else its shard has just left
            store_batch(view.table, batch, self._ahead, topic)
            self.roamers.touch(topic[2:-1])

    def table(self, topic: str) -> PointTable | None:
        """Return where the readings of a shard are stored."""
        view = self.views.get(topic[2:-1])
        return view.table if view is not None and topic.startswith("r/") else None

    def stored(self, topic: str) -> None:
        """Take note of changed points of a shard, which are in its table."""
        self.roamers.touch(topic[2:-1])

    def _catch_up(self, topic: str) -> None:
        view = self.views.get(topic[2:-1])
        if view is None or self._ahead[topic].catch_up(view.table):
            del self._ahead[topic]

    def rows(self, topic: str, rows: list[list[Any]]) -> None:
        """Shards publish no aggregates."""

    def event(self, topic: str, event: Event) -> None:
        """Take an event of a member."""
        supervisor = self.supervisors.get(event.zone)
        if supervisor is not None:
            try:
                supervisor.take_event(event)
            except RAISED as error:  # one supervisor stops no other, and no stream
                self.failed(supervisor, error)

    def stale(self, topic: str) -> None:
        """Show a shard as STALE: its stream has a gap or is silent."""
        view = self.views.get(topic[2:-1])
        if topic.startswith("r/") and view is not None:
            table = view.table
            _, _, qualities, _, _ = table.snapshot()
            usable = [slot for slot, code in enumerate(qualities) if code < Quality.STALE_AGE]
            table.mark_slots(usable, Quality.STALE_GAP, self.clock.wall_ns())
            self.roamers.touch(topic[2:-1])

    # Aggregates and events ---------------------------------------------------------------------

    def _rollup(self) -> None:
        self._tell_changes(patient=True)
        self._rollup_timer = self.loop.call_later(ROLLUP_S, self._rollup)

    def _tell_changes(self, *, patient: bool = False) -> None:
        """Put together what has changed; who asks is told nothing that a supervisor never saw.

        ``patient``: not so soon after the last time.
        """
        now = self.loop.time()
        rests = patient and now < self._rests_until
        moved = self.roamers.changed_zones()
        for zone, supervisor in self.supervisors.items():
            views = [self.views[name] for name in self._shards_of[zone]]
            changed = [view.table.changed_groups() for view in views]  # asks every table
            if any(changed) or zone in moved:
                self._owed.add(zone)
            if zone in self._owed and not rests:
                self._owed.discard(zone)
                self._rests_until = now + REST_S
                rows = self._gather(zone)
                self.publisher.rollup(
                    f"z/{zone}/",
                    [messages.rollup_row(*key, rollup) for key, rollup in rows.items()],
                )
                if not self._looks_first(zone):
                    self._show(supervisor, rows)
            elif zone in self._first_look and not self._looks_first(zone):
                del self._first_look[zone]
                self._show(supervisor, self.zone_rows[zone])
            for view in views:
                view.table.forget()  # nobody reads a zone's dirty slots

    def _looks_first(self, zone: str) -> bool:
        """Whether devices have come to a zone that may not have been looked at yet.

        That nobody has read them is no fault of theirs, and must not look like many faults.
        """
        return self.loop.time() < self._first_look.get(zone, 0.0)

    def _show(self, supervisor: Supervisor, rows: Rows) -> None:
        try:
            supervisor.rollups_changed(rows)
        except RAISED as error:  # one supervisor stops no other
            self.failed(supervisor, error)

    def _gather(self, zone: str) -> Rows:
        self.roamers.settle()
        parts: dict[tuple[str, str], list[Rollup]] = {}
        for name in self._shards_of[zone]:
            view = self.views[name]
            for key, group in view.layout.groups.items():
                if self.roamers.roams(key[0]):
                    continue  # counted where they are
                parts.setdefault(key, []).append(view.table.rollup(group))
        rows = {key: merge_rollups(found) for key, found in parts.items()}
        rows = {key: row for key, row in rows.items() if row.count}  # a kind may have left
        rows.update(self.roamers.rows(zone))
        self.zone_rows[zone] = rows
        return rows

    def _sweep(self) -> None:
        now = self.clock.wall_ns()
        for view in self.views.values():
            view.table.sweep(now)
        self.authority.look()
        self.roamers.touch(*self.roamers.shards)
        self._sweep_timer = self.loop.call_later(SWEEP_S, self._sweep)

    def emit(self, actor: Actor, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        """Publish an event of a zone."""
        facts = dict(detail)
        subject = str(facts.pop("subject", actor.id))
        time_ns = int(facts.pop("time_ns", 0)) or self.clock.wall_ns()
        self.publisher.event(
            f"e/{actor.id}/", Event(name, actor.id, subject, time_ns, severity, facts)
        )

    def failed(self, actor: Any, error: BaseException) -> None:
        """Take note of a bug in a supervisor."""
        self.broken(error)

    # Requests ----------------------------------------------------------------------------------

    def where(self, device: str, verb: str, point: str) -> tuple[str, str, bool] | None:
        """Return where a device of its zones is, and whether a command to it is volatile."""
        return self.authority.where(device, verb, point)

    def command(self, request: Request) -> None:
        """Have the desk take a command."""
        self.desk.command(request)

    def claim(self, request: Request) -> None:
        """Have the desk take a claim."""
        self.desk.claim(request)

    def bulk(self, request: Request) -> None:
        """Have each zone that is meant command its devices."""
        bulk = messages.decode_bulk(request.frame)
        zones = CellFanOut.zones_meant(bulk, self.supervisors)
        parts: list[messages.BulkResult] = []
        if not zones:
            request.reply(messages.encode_bulk_result(merge(bulk.id, parts)))
            return

        def done(result: messages.BulkResult) -> None:
            parts.append(result)
            if len(parts) == len(zones):
                request.reply(messages.encode_bulk_result(merge(bulk.id, parts)))

        for zone in zones:
            self._bulks.take(CellFanOut.for_zone(bulk, zone), done)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries of a zone cell."""
        return {
            **super().queries(),
            **self.islanding.queries(),
            **self.leases.queries(),
            **self._states.queries(),
            **self._letter_desk.queries(),
            **self._asked.queries(),
            **self._cancelling.queries(),
            **self._letters.queries(),
            **self._feed.queries(),
            **self._claim_desk.queries(),
            home_desk.HOMES: lambda args: home_desk.answer(self.authority, args),
            "zones": lambda _: self._zones(),
            "ls": lambda args: list_devices(self.views, args, self.roamers),
            "snapshot": self._snapshot,
        }

    def _zones(self) -> list[dict[str, Any]]:
        names = {zone.id: zone.name for zone in self.config.zones}
        self._tell_changes()
        return [
            {"zone": zone, "name": names[zone], **supervisor.summarize(self.zone_rows[zone])}
            for zone, supervisor in self.supervisors.items()
        ]

    def _snapshot(self, args: Mapping[str, Any]) -> dict[str, Any]:
        topic = text_arg(args, "topic")
        kind, _, rest = topic.partition("/")
        zone = rest[:-1]
        if zone not in self.supervisors or not rest.endswith("/") or kind not in ("z", "e"):
            raise UsageError(f"no topic {topic!r} in this cell")
        self._tell_changes()
        epoch, sequence = self.publisher.epoch, self.publisher.sequence(topic)
        position = {"topic": topic, "epoch": epoch, "sequence": sequence}
        if kind == "e":
            return {**position, "events": self.publisher.kept_events(topic)}
        rows = self.zone_rows[zone]
        return {**position, "rows": [messages.rollup_row(*key, row) for key, row in rows.items()]}
