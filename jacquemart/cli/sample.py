"""What ``top`` shows at one moment, and the rates between two moments. Pure but for ``take``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.model.event import Event

if TYPE_CHECKING:
    from jacquemart.runtime.client import AsyncClient

#: Newest events in a sample.
EVENTS = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """Answers of a city to the same moment's questions."""

    taken_s: float
    """Monotonic clock."""
    wall_ns: int
    zones: Mapping[str, Any]
    cells: Sequence[Mapping[str, Any]]
    directory: int
    events: Sequence[Event]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class CellLoad:
    """A cell and what it did since the sample before; None where that is not known."""

    name: str
    role: str
    pid: int
    lag_ms: float | None
    rss_mb: float | None
    cpu_share: float | None
    """Of one core: 0.25 is a quarter."""
    commands_per_s: float | None
    """Single and bulk commands that this cell took."""
    failures: int
    note: str
    """Why it does not answer, or its last failure."""


async def take(client: AsyncClient) -> Sample:
    """Ask the city.

    Raises:
        JacquemartError: the gateway does not answer, or a cell is being replaced.
    """
    zones, top, events = await asyncio.gather(
        client.zones(), client.query("top"), client.query("events", number=EVENTS)
    )
    return Sample(
        time.monotonic(),
        time.time_ns(),
        zones,
        top["cells"],
        top["directory"],
        [Event.from_list(row) for row in events],
    )


def loads(now: Sample, before: Sample | None) -> list[CellLoad]:
    """Return the cells with their rates since the sample before."""
    known = {_incarnation(cell): cell for cell in before.cells} if before is not None else {}
    elapsed_s = now.taken_s - before.taken_s if before is not None else 0.0
    return [_load(cell, known.get(_incarnation(cell)), elapsed_s) for cell in now.cells]


def _incarnation(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """A replaced cell has the same name; its counters begin anew."""
    return cell.get("name"), cell.get("epoch"), cell.get("pid")


def _load(cell: Mapping[str, Any], before: Mapping[str, Any] | None, elapsed_s: float) -> CellLoad:
    counters = cell.get("counters", {})
    cpu: float | None = None
    commands: float | None = None
    if before is not None and elapsed_s > 0 and "cpu_s" in cell and "cpu_s" in before:
        cpu = max(0.0, cell["cpu_s"] - before["cpu_s"]) / elapsed_s
        commands = max(0, _commands(counters) - _commands(before["counters"])) / elapsed_s
    failures = cell.get("failures") or [""]
    return CellLoad(
        name=str(cell.get("name", "")),
        role=str(cell.get("role", "")),
        pid=int(cell.get("pid", 0)),
        lag_ms=cell.get("loop_lag_ms"),
        rss_mb=cell.get("rss_mb"),
        cpu_share=cpu,
        commands_per_s=commands,
        failures=int(counters.get("failures", 0)),
        note=str(cell.get("error") or failures[-1]),
    )


def _commands(counters: Mapping[str, int]) -> int:
    return counters.get("commands", 0) + counters.get("bulks", 0)
