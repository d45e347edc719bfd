"""Which devices of a bulk command are plain, and go their way together.

Plain is what goes the way of nearly all: a device that is free, well, reachable and unclaimed, of
whose point nothing is on its way, of a kind that leaves the way of a ``set`` as it is; a point that
is no pulse and has neither guards nor minimum times; a link that is up; a value that is allowed, of
no life-safety priority, in time; and a command that the cell before has sent to nobody here.
Everything else goes one by one (``BulkRun``), in the same bulk command, as it would have without
this module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jacquemart.native.parts import Gatherer, Parts
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.values import check_value
from jacquemart.runtime.cell.digests import SIZE, parts_of
from jacquemart.runtime.cell.writes import WRITES_A_CALL
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.quality import Quality

if TYPE_CHECKING:
    from jacquemart.runtime.cell.bulk import BulkRun
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.cell.link import LinkShell
    from jacquemart.runtime.cell.shard import Shard

#: A kind that has one of these of its own does something else with a ``set``: none is plain.
_OURS = (
    "post", "handle", "rule", "interlock", "written", "landed", "ended", "next_message",
    "last_ticket", "claiming", "withdraw", "_begin", "_send", "_unreachable",
)  # fmt: skip
#: Feedback of these qualities says that a device cannot be reached; the others if it is polled.
_FED_BY = bytes([Quality.BAD_FED_BY])
_SILENT = bytes([Quality.BAD_FED_BY, Quality.BAD_UNIT, Quality.BAD_COMM])


def may_be_plain(kind: type[DeviceActor]) -> bool:
    """Return whether devices of a kind may be plain."""
    if kind.keeps_state:  # it is looked at after each command
        return False
    return all(getattr(kind, name) is getattr(DeviceActor, name) for name in _OURS)


class PlainParts:
    """Takes the plain devices of the bulk commands of a cell."""

    def __init__(self, cell: DeviceCell) -> None:
        """Take those of ``cell``."""
        self.open = True
        """Whether anything is taken; if not, all go one by one."""
        self.taken = 0
        """Devices that came this way."""
        self._cell = cell
        self._gatherer = Gatherer(may_be_plain)
        self._kept: deque[Parts] = deque()
        self._rows = 0

    def take(self, run: BulkRun, begin: int, end: int) -> Sequence[int]:
        """Take the plain ones of the devices ``begin`` to ``end``; return where the others are."""
        bulk = run.bulk
        if (
            not self.open
            or bulk.priority <= LIFE_SAFETY
            or self._cell.clock.boot_ns() >= bulk.deadline_ns
            or self._some_were_done(run, begin, end)
        ):
            return range(begin, end)
        made = _Made(run)
        others = self._gatherer.gather(run.actors, begin, end, made.parts_for, run.outcomes)
        for link, parts in made.all:
            if parts.live:
                self.taken += parts.count
                run.parts.append(parts)
                self._keep(parts)
                link.submit_parts(parts)
        return others

    def _some_were_done(self, run: BulkRun, begin: int, end: int) -> bool:
        """Whether the cell before has sent it to one of these devices, or died of it."""
        inherited = self._cell.care.inheritance
        if not inherited.sent and not inherited.poisoned:
            return False
        ids = [actor.id for actor in run.actors[begin:end]]
        marks = parts_of(run.principal, ids, run.id)
        each = {marks[at : at + SIZE] for at in range(0, len(marks), SIZE)}
        return not (inherited.sent.isdisjoint(each) and inherited.poisoned.isdisjoint(each))

    def _keep(self, parts: Parts) -> None:
        """Remember parts as long as devices tell of them as their last command.

        Each may be the last of one device only, so older ones give those tickets of their own.
        """
        self._kept.append(parts)
        self._rows += parts.count
        while self._rows > 2 * len(self._cell.devices) and not self._kept[0].live:
            old = self._kept.popleft()
            self._rows -= old.count
            old.settle()


class _Made:
    """The parts of some devices of one bulk command, by shard, template and link."""

    def __init__(self, run: BulkRun) -> None:
        self._run = run
        self._open: dict[tuple[str, str, str], Parts | None] = {}
        self.all: list[tuple[LinkShell, Parts]] = []

    def parts_for(self, actor: DeviceActor) -> Parts | None:
        """Return the parts that take a device next; None: nobody of its template and link."""
        shard: Shard = actor.shard  # type: ignore[assignment]
        key = (shard.spec.id, actor.template.name, actor.spec.link)
        found = self._open.get(key)
        if key not in self._open or (found is not None and found.count >= found.room):
            found = self._open[key] = self._made_for(actor, shard)
        return found

    def _made_for(self, actor: DeviceActor, shard: Shard) -> Parts | None:
        run, template = self._run, actor.template
        bulk, link = run.bulk, shard.links[actor.spec.link]
        at = template.point_index(bulk.point)
        if at < 0 or not link.up or link.driver.blocking:
            return None
        spec = template.points[at]
        value, refusal = check_value(spec, bulk.value, bulk.unit)
        special = spec.pulse or spec.guards or spec.min_on_s or spec.min_off_s
        feedback_at = template.point_index(spec.feedback) if spec.feedback else at
        if refusal is not None or special or feedback_at < 0:
            return None
        polled = template.points[feedback_at].poll_ms > 0
        made = Parts(
            min(WRITES_A_CALL, len(link.actors)), writer=link.parts, run=run, shard=shard,
            spec=spec, table=shard.table, outcomes=run.outcomes, taken=link.writing_to() or None,
            point_at=at, feedback_at=feedback_at, value=value, priority=bulk.priority,
            unreachable=_SILENT if polled else _FED_BY, deadline_ns=bulk.deadline_ns,
            received_ns=run.received_ns,
        )  # fmt: skip
        self.all.append((link, made))
        return made
