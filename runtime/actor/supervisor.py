"""Supervisors: actors that aggregate others and command them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jacquemart.native.table import PointTable, Rollup
from jacquemart.runtime.actor.base import Actor, Host
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.wire.messages import Bulk, BulkResult

Rows = Mapping[tuple[str, str], Rollup]


@dataclass(slots=True)
class ShardView:
    """A zone's copy of a shard's table."""

    layout: ShardLayout
    table: PointTable


class FanOut(Protocol):
    """How a supervisor sends a bulk command down; ``done`` gets the merged result, once."""

    def __call__(self, bulk: Bulk, done: Callable[[BulkResult], object]) -> None: ...


class Supervisor(Actor):
    """Base of zone supervisors and the command centre."""

    __slots__ = ("fan_out", "islanded", "kinds")

    def __init__(
        self, id: str, host: Host, kinds: Mapping[str, type[DeviceActor]], fan_out: FanOut
    ) -> None:
        """Supervise; ``kinds`` are the device kinds of the city."""
        super().__init__(id, host)
        self.kinds = kinds
        self.fan_out = fan_out
        self.islanded = False
        """Of a zone: it has lost its centre and goes on by itself."""

    @property
    def principal(self) -> str:
        """In whose name it commands devices."""
        return f"zone:{self.id}"

    def on_islanded(self) -> None:
        """Go on without the centre: it was not heard for 4 s. Called once, until it is back.

        Timers, holds and ``fan_out`` work as before. For what the centre would do otherwise.
        """

    def on_rejoined(self, away_s: float) -> None:
        """Lean on the centre again, which was away for ``away_s`` seconds.

        Whatever it wanted meanwhile has expired; do not change an output because of it.
        """

    def take_event(self, event: Event) -> None:
        """Take an event of a member. Publish what others should know with ``publish``."""

    def rollups_changed(self, rows: Rows) -> None:
        """Take the aggregates of all members, by (kind, point)."""

    def summarize(self, rows: Rows) -> dict[str, Any]:
        """Return counts and the kinds' own summary lines, for people and programs."""
        kinds: dict[str, Any] = {}
        for name in sorted({kind for kind, _ in rows}):
            kind = self.kinds.get(name, DeviceActor)
            lines = []
            primary: Rollup | None = None
            for aggregate in kind.summary:
                rollup = rows.get((name, aggregate.point))
                if rollup is None:
                    continue
                primary = primary or rollup
                lines.append([aggregate.label, _value(aggregate.how, rollup), aggregate.unit])
            members = [rollup for (of, _), rollup in rows.items() if of == name]
            primary = primary or max(members, key=lambda rollup: rollup.count)
            kinds[name] = {
                "count": primary.count,
                "online": primary.online,
                "worst": max(rollup.worst for rollup in members),
                "summary": lines,
            }
        return {"kinds": kinds}


class CentreSupervisor(Supervisor):
    """Base of the command centre: what its cell asks of it."""

    __slots__ = ()

    @property
    def principal(self) -> str:
        """In whose name it commands devices."""
        return self.id

    def recent(self, number: int) -> list[list[Any]]:
        """Return the newest events in their wire form, newest first."""
        raise NotImplementedError

    def total(self, zones: Mapping[str, Rows]) -> dict[tuple[str, str], Rollup]:
        """Return the city's aggregates from those of its zones."""
        parts: dict[tuple[str, str], list[Rollup]] = {}
        for rows in zones.values():
            for key, row in rows.items():
                parts.setdefault(key, []).append(row)
        return {key: merge_rollups(parts[key]) for key in sorted(parts)}


def _value(how: str, rollup: Rollup) -> float:
    if how == "online":
        return float(rollup.online)
    if how == "sum":
        return rollup.sum
    if how == "mean":
        return rollup.sum / rollup.online if rollup.online else float("nan")
    return rollup.minimum if how == "minimum" else rollup.maximum


def merge_rollups(parts: Sequence[Rollup]) -> Rollup:
    """Put aggregates of disjoint members together. NaN stands for "no online member"."""
    if len(parts) == 1:
        return parts[0]
    count = online = worst = 0
    total = 0.0
    low = high = float("nan")
    for part in parts:  # one pass: a city merges thousands of these a second
        count += part.count
        if part.worst > worst:
            worst = part.worst
        if not part.online:
            continue
        if not online or part.minimum < low:
            low = part.minimum
        if not online or part.maximum > high:
            high = part.maximum
        online += part.online
        total += part.sum
    return Rollup(count, online, total, low, high, worst)
