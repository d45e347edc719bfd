"""What a poll asks of the sites, and what a site's own word changes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.drivers.contract import Bad, BoundPoint, Quality
from jacquemart.drivers.rsmp.address import RsmpAddress
from jacquemart.drivers.rsmp.decode import decode
from jacquemart.drivers.rsmp.machine.supervisor import AlarmSeen, Answer, Value

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.connection import Connection
    from jacquemart.drivers.rsmp.writing import Writer

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One point of a plan: its place, and what it is."""

    index: int
    point: BoundPoint
    address: RsmpAddress


class ReadPlan:
    """Points by the site that they are of."""

    __slots__ = ("by_site", "points")

    def __init__(self, points: Sequence[tuple[BoundPoint, RsmpAddress]]) -> None:
        """Sort points."""
        self.points = points
        self.by_site: dict[str, list[Entry]] = {}
        for index, (point, address) in enumerate(points):
            self.by_site.setdefault(address.site, []).append(Entry(index, point, address))


def decode_point(
    address: RsmpAddress, values: dict[Key, Value], bits: int | None, connection: Connection,
    writer: Writer,
) -> float | Bad:  # fmt: skip
    """Return a point's value of what is known of its site."""
    component = address.component
    alarm: AlarmSeen | None = None
    if address.status.startswith("alarm/"):
        code = address.status.split("/")[1]
        alarm = connection.machine.alarms.get((component, code))
    priority, asked, state = "", 0.0, 0.0
    if address.status in ("priority", "request"):
        told = values.get((component, "S0033", "status"))
        found = writer.requests.look(address, told.value if told is not None else None)
        priority, asked, state = found
    return decode(
        address, lambda code, name: values.get((component, code, name)), bits, alarm, priority,
        asked, state,
    )  # fmt: skip


async def read_site(
    connection: Connection, entries: Sequence[Entry], writer: Writer, timeout_s: float,
    found: list[float | Bad],
) -> None:  # fmt: skip
    """Ask a site for what some points need, and put their values into their places."""
    wanted: dict[str, dict[tuple[str, str], None]] = {}
    needs_bits = ""
    for entry in entries:
        pairs = wanted.setdefault(entry.address.component, {})
        pairs |= dict.fromkeys(entry.address.pairs)
        if entry.address.status in ("aggregated", "local"):
            needs_bits = entry.address.component
    components = [component for component, pairs in wanted.items() if pairs]
    questions = [
        _ask(connection, component, list(wanted[component]), timeout_s) for component in components
    ]
    bits, answers = await asyncio.gather(_bits(connection, needs_bits, timeout_s), _all(questions))
    values: dict[Key, Value] = {}
    errors: dict[str, Bad] = {}
    for component, answer in zip(components, answers, strict=True):
        for value in answer.values:
            values[component, value.code, value.name] = value
        if answer.error:
            quality = Quality.BAD_CONFIG if answer.refused else Quality.BAD_UNIT
            errors[component] = Bad(quality, answer.error)
    for entry in entries:
        address = entry.address
        if address.status in ("aggregated", "local") and bits is None:
            detail = f"{entry.point.device.id}: no aggregated status"
            found[entry.index] = Bad(Quality.BAD_UNIT, detail)
        elif address.component in errors and address.pairs:
            bad = errors[address.component]
            detail = f"{entry.point.device.id}: {bad.detail}"
            found[entry.index] = Bad(bad.quality, detail)
        elif not address.status:
            found[entry.index] = Bad(Quality.BAD_CONFIG, "a command has no value to read")
        else:
            found[entry.index] = decode_point(address, values, bits, connection, writer)


async def _ask(
    connection: Connection, component: str, pairs: list[tuple[str, str]], timeout_s: float
) -> Answer:
    """Ask for all at once; if the site refuses that, for each code alone: it may lack only one."""
    answer = await connection.request(component, pairs, timeout_s)
    codes = list(dict.fromkeys(code for code, _ in pairs))
    if not answer.refused or len(codes) == 1:
        return answer
    alone = [
        connection.request(component, [pair for pair in pairs if pair[0] == code], timeout_s)
        for code in codes
    ]
    parts = await _all(alone)
    values = [value for part in parts for value in part.values]
    if not values:
        return answer
    for code, part in zip(codes, parts, strict=True):
        if part.error:
            values += [Value(*pair, None, "undefined") for pair in pairs if pair[0] == code]
    return Answer(answer.token, values, parts[0].at_ms)


async def _bits(connection: Connection, component: str, timeout_s: float) -> int | None:
    return await connection.aggregated(component, timeout_s) if component else connection.bits


async def _all(questions: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    return list(await asyncio.gather(*questions))


class Watched:
    """The points of one site that are published as it tells them."""

    def __init__(self) -> None:
        """Start with none."""
        self._entries: dict[int, Entry] = {}

    def add(self, entries: Iterable[Entry]) -> list[Key]:
        """Watch points; return the values that were not watched before."""
        before = set(self.keys())
        self._entries |= {entry.point.slot: entry for entry in entries if entry.address.status}
        return [key for key in self.keys() if key not in before]

    def keep(self, slots: Collection[int]) -> None:
        """Watch no others than these."""
        self._entries = {slot: one for slot, one in self._entries.items() if slot in slots}

    def keys(self) -> list[Key]:
        """Return component, code and name of every value that is watched."""
        found: dict[Key, None] = {}
        for entry in self._entries.values():
            address = entry.address
            found |= {(address.component, code, name): None for code, name in address.pairs}
        return list(found)

    def told(
        self, connection: Connection, component: str, writer: Writer
    ) -> tuple[list[int], list[float], list[int]]:
        """Return slots, values and qualities of what is known of a component."""
        slots: list[int] = []
        values: list[float] = []
        qualities: list[int] = []
        for slot, entry in self._entries.items():
            address = entry.address
            if address.component != component:
                continue
            value = decode_point(address, connection.values, connection.bits, connection, writer)
            if isinstance(value, Bad):
                if value.quality in (Quality.BAD_UNIT, Quality.BAD_NEVER_READ):
                    continue  # not all of its parts were told yet
                qualities.append(int(value.quality))
            else:
                qualities.append(int(Quality.GOOD))
            slots.append(slot)
            values.append(math.nan if isinstance(value, Bad) else value)
        return slots, values, qualities
