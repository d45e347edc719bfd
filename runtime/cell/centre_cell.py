"""The centre cell: the command centre over all zones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jacquemart.native.batch import Batch
from jacquemart.native.table import Rollup
from jacquemart.runtime.actor.base import Actor
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.supervisor import CentreSupervisor
from jacquemart.runtime.cell.city_fan_out import CityFanOut
from jacquemart.runtime.cell.islanding import CentrePulse
from jacquemart.runtime.cell.journal_copies import JournalCopies
from jacquemart.runtime.cell.service import Service, number_arg, text_arg
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import CellUnreachable, UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request
from jacquemart.runtime.wire.follower import Follower

TOTAL_S = 0.5
SNAPSHOT_S = 5.0
CITY_TOPIC = "c/"

Rows = dict[tuple[str, str], Rollup]


class CentreCell(Service):
    """Follows all zones, keeps their aggregates, and commands them."""

    def start_centre(
        self, centre: type[CentreSupervisor], kinds: Mapping[str, type[DeviceActor]]
    ) -> None:
        """Make the command centre."""
        self._fan_out = CityFanOut(self)
        self.centre = centre("centre", self, kinds, self._fan_out)
        self.zone_rows: dict[str, Rows] = {zone.id: {} for zone in self.config.zones}
        self._stale: set[str] = set()
        self._changed = False
        self._followers: dict[str, tuple[CellAddress, Follower]] = {}
        self.publisher.open_topic(CITY_TOPIC)
        self.centre.start()
        self._total_timer = self.loop.call_later(TOTAL_S, self._total)
        self.pulse = CentrePulse(self, self._zone_contact)
        self._copies = JournalCopies(self)

    async def stop(self, grace_s: float) -> None:
        """Stop following."""
        self._total_timer.cancel()
        self.pulse.stop()
        await self._copies.stop()
        for _, follower in self._followers.values():
            follower.close()
        self.centre.stop()
        await super().stop(grace_s)

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Have other zones; the streams of those that stay go on."""
        zones = [zone.id for zone in config.zones]
        for zone in [zone for zone in self.zone_rows if zone not in zones]:
            self._stale.discard(zone)
            for _, follower in self._followers.values():
                follower.unfollow(f"z/{zone}/")
                follower.unfollow(f"e/{zone}/")
        self.zone_rows = {zone: self.zone_rows.get(zone, {}) for zone in zones}
        self.centre.kinds = kinds
        self._changed = True

    def connect(self, directory: Directory) -> None:
        """Follow each zone at the cell that supervises it now, and nowhere else."""
        super().connect(directory)
        topics: dict[str, list[str]] = {}
        for zone, cell in self.directory.zones.items():
            topics.setdefault(cell, []).extend((f"z/{zone}/", f"e/{zone}/"))
        for cell in [cell for cell in self._followers if cell not in topics]:
            self._followers.pop(cell)[1].close()
        for cell, wanted in topics.items():
            if cell in self.directory.cells:
                self._follower(cell).follow_only(wanted)

    def progress(self) -> dict[str, Any]:
        """Return whether every zone is followed."""
        ready = bool(self._followers) and all(f.synchronised for _, f in self._followers.values())
        return {"ready": ready, "detail": f"{len(self.zone_rows)} zones"}

    def _follower(self, cell: str) -> Follower:
        address = self.directory.cells[cell]
        known = self._followers.get(cell)
        if known is not None and known[0] == address:
            return known[1]
        if known is not None:
            known[1].abandon()

        async def ask(topic: str) -> dict[str, Any] | None:
            frame = await self.caller(cell).ask(messages.query("snapshot", topic=topic), SNAPSHOT_S)
            content = messages.decode_reply(frame) if frame is not None else None
            return content if isinstance(content, dict) else None

        follower = Follower(
            self.loop, self.context, address.stream, self.clock, self, ask, self.broken
        )
        self._followers[cell] = (address, follower)
        return follower

    # What the followers hear -----------------------------------------------------------------

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Take a zone's aggregates."""
        if topic.startswith("z/"):
            self.rows(topic, content["rows"])

    def batch(self, topic: str, batch: Batch) -> None:
        """Zones publish no readings."""

    def rows(self, topic: str, rows: list[list[Any]]) -> None:
        """Take a zone's aggregates."""
        zone = topic[2:-1]
        if zone not in self.zone_rows:
            return  # it has just left
        self._stale.discard(zone)
        self.zone_rows[zone] = {(row[0], row[1]): Rollup(*row[2:8]) for row in rows}
        self._changed = True

    def event(self, topic: str, event: Event) -> None:
        """Take a zone's event."""
        self.centre.take_event(event)

    def stale(self, topic: str) -> None:
        """Show a zone as STALE: its stream has a gap or is silent."""
        zone = topic[2:-1]
        if topic.startswith("z/") and zone in self.zone_rows:
            self._stale.add(zone)
            self.zone_rows[zone] = {
                key: row._replace(online=0, worst=max(row.worst, Quality.STALE_GAP))
                for key, row in self.zone_rows[zone].items()
            }
            self._changed = True

    def _total(self) -> None:
        self._total_timer = self.loop.call_later(TOTAL_S, self._total)
        if self._changed:
            self._changed = False
            rows = self.centre.total(self.zone_rows)
            self.publisher.rollup(
                CITY_TOPIC, [messages.rollup_row(*key, row) for key, row in rows.items()]
            )

    def emit(self, actor: Actor, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        """Publish an event of the centre itself."""
        event = Event(name, "", actor.id, self.clock.wall_ns(), severity, dict(detail))
        self.publisher.event("e/centre/", event)

    def _zone_contact(self, name: str, severity: int, zone: str, seconds: float) -> None:
        facts = {"silent_s": round(seconds, 1)}
        self.centre.take_event(Event(name, zone, zone, self.clock.wall_ns(), severity, facts))

    def failed(self, actor: Any, error: BaseException) -> None:
        """Take note of a bug in the centre's actor."""
        self.broken(error)

    # Commands --------------------------------------------------------------------------------

    def bulk(self, request: Request) -> None:
        """Command all zones that are meant."""
        bulk = messages.decode_bulk(request.frame)
        self.pulse.require_current()
        if not self.directory.version:
            raise CellUnreachable("the centre knows no zone yet; nothing was sent", advice="retry")
        self._fan_out(bulk, lambda result: request.reply(messages.encode_bulk_result(result)))

    # Queries ---------------------------------------------------------------------------------

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries of the centre."""
        return {
            **super().queries(),
            "zones": lambda _: self._zones(),
            "events": lambda args: self.centre.recent(int(number_arg(args, "number", 20))),
            "snapshot": self._snapshot,
        }

    def _zones(self) -> dict[str, Any]:
        names = {zone.id: zone.name for zone in self.config.zones}
        total = self.centre.total(self.zone_rows)
        return {
            "city": self.config.city_name,
            "zones": [
                {
                    "zone": zone,
                    "name": names[zone],
                    "stale": zone in self._stale,
                    **self.centre.summarize(rows),
                }
                for zone, rows in self.zone_rows.items()
            ],
            "total": self.centre.summarize(total),
        }

    def _snapshot(self, args: Mapping[str, Any]) -> dict[str, Any]:
        topic = text_arg(args, "topic")
        if topic != CITY_TOPIC:
            raise UsageError(f"no topic {topic!r} in the centre")
        rows = self.centre.total(self.zone_rows)
        return {
            "topic": topic,
            "epoch": self.publisher.epoch,
            "sequence": self.publisher.sequence(topic),
            "rows": [messages.rollup_row(*key, row) for key, row in rows.items()],
        }
