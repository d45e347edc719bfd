"""The points of a link's devices, as the table shows them while the link or a feeder is down."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.quality import Quality


class LinkPoints:
    """Which points are the link's own, which hang on a feeder, and which nobody polls.

    Derived points are nobody's here: their devices compute them from what is read.
    """

    def __init__(self, table: PointTable, clock: Clock) -> None:
        """Know of no device yet."""
        self.dead_feeders: set[str] = set()
        """The devices behind this link whose power does not reach those that they feed."""
        self._table = table
        self._clock = clock
        self._actors: Sequence[DeviceActor] = ()
        self._templates: dict[str, _Places] = {}

    def know(self, actors: Sequence[DeviceActor]) -> None:
        """Take note of the link's devices."""
        self._actors = actors
        self._templates = {}
        for actor in actors:
            if actor.template.name not in self._templates:
                self._templates[actor.template.name] = _Places(actor.template)

    def welcome(self, coming: Iterable[DeviceActor], *, down: bool) -> None:
        """Mark the points of devices that come while the link, or what feeds them, is down."""
        present = {id for actor in self._actors for id in (actor.id, actor.spec.fed_by)}
        self.dead_feeders &= present
        wall = self._clock.wall_ns()
        for actor in coming:
            feeder, points = actor.spec.fed_by, actor.template.points
            if down or feeder in self.dead_feeders:
                real = [at for at, p in enumerate(points, actor.base) if "derived" not in p.address]
                bad = Quality.BAD_FED_BY if feeder else Quality.BAD_COMM
                self._table.mark_slots(real, bad, wall)

    def feeder_back(self, feeder: str) -> None:
        """Take BAD from what a device feeds: the next poll says how it is."""
        self.dead_feeders.discard(feeder)
        for actor in self._fed_by(feeder):
            self._age(actor)

    def feeder_lost(self, feeder: str) -> None:
        """Mark what a device feeds."""
        self.dead_feeders.add(feeder)
        now = self._clock.wall_ns()
        for actor in self._fed_by(feeder):
            self._table.mark(actor.base, len(actor.template.points), Quality.BAD_FED_BY, now)

    def link_back(self) -> None:
        """Take BAD from what nobody polls; a poll says how the others are."""
        if not any(places.unpolled for places in self._templates.values()):
            return
        for actor in self._actors:
            if actor.spec.fed_by not in self.dead_feeders:
                self._age(actor)

    def link_lost(self) -> None:
        """Mark all points: nothing reaches them."""
        now = self._clock.wall_ns()
        own, fed = array("I"), array("I")
        for actor in self._actors:
            base = actor.base
            (fed if actor.spec.fed_by else own).extend(
                [base + at for at in self._templates[actor.template.name].real]
            )
        self._table.mark_slots(own, Quality.BAD_COMM, now)
        self._table.mark_slots(fed, Quality.BAD_FED_BY, now)

    def _fed_by(self, feeder: str) -> list[DeviceActor]:
        return [actor for actor in self._actors if actor.spec.fed_by == feeder]

    def _age(self, actor: DeviceActor) -> None:
        """Take BAD from points that nobody polls: what they show is old, and no more than that."""
        now = self._clock.wall_ns()
        for at in self._templates[actor.template.name].unpolled:
            slot = actor.base + at
            value, quality, _, _ = self._table.read(slot)
            if quality in (Quality.BAD_COMM, Quality.BAD_FED_BY):
                never = math.isnan(value)
                old = Quality.BAD_NEVER_READ if never else Quality.STALE_AGE
                self._table.mark(slot, 1, old, now)


class _Places:
    """Which points of a template the field has, and which of those nobody polls."""

    __slots__ = ("real", "unpolled")

    def __init__(self, template: TemplateSpec) -> None:
        points = list(enumerate(template.points))
        self.real = tuple(at for at, point in points if not point.address.get("derived"))
        self.unpolled = tuple(at for at in self.real if template.points[at].poll_ms <= 0)
