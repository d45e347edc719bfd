"""Bulk commands to devices that move between zones: each gets its command once, where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.cell.bulk import pattern, unanswered
from jacquemart.runtime.cell.fan_out import CellFanOut
from jacquemart.runtime.cell.membership import Roamers
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service


class RoamingFanOut(CellFanOut):
    """Commands a zone's devices: those that stand in it, and those that are in it just now.

    The cell of a roaming device decides by where the device is when the command comes; here, who
    is in the zone only counts for cells that do not answer.
    """

    def __init__(
        self, service: Service, zone: str, views: Sequence[ShardView], roamers: Roamers,
        all_views: Mapping[str, ShardView],
    ) -> None:  # fmt: skip
        """Fan out for one zone, whose shards have ``views``."""
        names = {view.layout.spec.id for view in views}
        more = [all_views[name] for name in roamers.shards if name not in names]
        super().__init__(service, [*views, *more])
        self._zone = zone
        self._roamers = roamers

    def _lost(
        self, bulk: Bulk, views: Sequence[ShardView], status: Status, detail: str,
        reason: str = Reason.CELL_LOST,
    ) -> BulkResult:  # fmt: skip
        kind, device = pattern(bulk.kind), pattern(bulk.device)
        meant = [
            spec.id
            for view in views
            if view.layout.spec.zone == self._zone
            for spec in view.layout.spec.devices
            if not self._roamers.roams(name := view.layout.templates[spec.template].kind)
            and kind.match(name)
            and device.match(spec.id)
        ]
        shards = [view.layout.spec.id for view in views]
        meant += [
            found
            for found, of in self._roamers.within(self._zone, shards)
            if kind.match(of) and device.match(found)
        ]
        return unanswered(bulk.id, meant, status, reason, detail)


class RoamingChoice:
    """In a device cell: which roaming devices a zone's part of a bulk command means.

    A device that crosses a border while a command comes zone by zone must get it once: so the
    first part of a command decides for all its parts where each device is.
    """

    #: Bulk commands whose decision is remembered.
    KEPT = 128

    def __init__(self) -> None:
        """Remember nothing."""
        self._decided: dict[tuple[str, bytes], dict[str, str]] = {}
        self._roaming: dict[str, tuple[object, list[DeviceActor]]] = {}

    def among(
        self,
        bulk: Bulk,
        standing: list[DeviceActor],
        shards: Mapping[str, Sequence[DeviceActor]],
    ) -> list[DeviceActor]:
        """Return the devices meant; not to be changed.

        Args:
            bulk: the part of a command for one zone.
            standing: what it means by home zones.
            shards: the actors of each shard of the cell.
        """
        roaming = [actor for name, actors in shards.items() for actor in self._of(name, actors)]
        if not roaming:
            return standing
        key = (bulk.principal, bulk.id)
        where = self._decided.get(key)
        if where is None:
            where = self._decided[key] = {actor.id: actor.zone for actor in roaming}
            while len(self._decided) > self.KEPT:
                del self._decided[next(iter(self._decided))]
        zone, kind, device = pattern(bulk.zone), pattern(bulk.kind), pattern(bulk.device)
        chosen = [actor for actor in standing if not actor.roams]
        for actor in roaming:
            here = zone.match(where.get(actor.id, actor.zone)) is not None
            if here and kind.match(actor.kind) and device.match(actor.id):
                chosen.append(actor)
        return chosen

    def _of(self, shard: str, actors: Sequence[DeviceActor]) -> list[DeviceActor]:
        """Return the roaming ones of a shard; looked for again when its actors are others."""
        known = self._roaming.get(shard)
        if known is None or known[0] is not actors:
            known = self._roaming[shard] = actors, [actor for actor in actors if actor.roams]
        return known[1]
