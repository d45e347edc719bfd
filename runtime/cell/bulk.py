"""A bulk command inside a cell: one ticket a device, one result for all."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import translate
from re import Pattern, compile

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.devices import ids_of, templates_of
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.wire.messages import Bulk, BulkResult

#: Tickets posted before the loop gets a turn; about two milliseconds.
POSTS_A_TURN = 128


def pattern(text: str) -> Pattern[str]:
    """Compile a shell-style pattern (``*``, ``?``, ``[…]``), matched whole and case-true."""
    return compile(translate(text))


def choose(bulk: Bulk, by_zone: Mapping[str, Sequence[DeviceActor]]) -> list[DeviceActor]:
    """Return the devices that a bulk command means, out of those of each zone."""
    zone, kind, device = pattern(bulk.zone), pattern(bulk.kind), pattern(bulk.device)
    kinds: dict[str, bool] = {}
    chosen = []
    for name, actors in by_zone.items():
        if not zone.match(name):
            continue
        for actor in actors:
            of_kind = kinds.get(actor.kind)
            if of_kind is None:
                of_kind = kinds[actor.kind] = kind.match(actor.kind) is not None
            if of_kind:
                chosen.append(actor)
    if bulk.device == "*":
        return chosen
    return [actor for actor in chosen if device.match(actor.id)]


class BulkRun:
    """Tickets of one bulk command; ``done`` gets the result when the last one has ended."""

    __slots__ = ("_actors", "_done", "_left", "_loop", "_posted", "bulk", "tickets")

    def __init__(
        self,
        bulk: Bulk,
        actors: Sequence[DeviceActor],
        received_ns: int,
        done: Callable[[BulkResult], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Make the tickets; ``start`` posts them."""
        self.bulk = bulk
        self._actors = actors
        self._done = done
        self._left = len(actors)
        self._loop = loop
        self._posted = 0
        self.tickets = [
            Ticket(
                bulk.id, bulk.principal, actor.id, "set", bulk.point, bulk.value, bulk.unit,
                bulk.priority, bulk.deadline_ns, received_ns, self._ended,
            )
            for actor in actors
        ]  # fmt: skip

    def start(self) -> None:
        """Post a ticket to each device, some a turn, so that the loop serves others meanwhile.

        With no device, the result comes at once.
        """
        if not self._actors:
            self._done(result_of(self.bulk.id, self.tickets))
            return
        end = min(self._posted + POSTS_A_TURN, len(self._actors))
        for at in range(self._posted, end):
            self._actors[at].post(self.tickets[at])
        self._posted = end
        if end < len(self._actors):
            self._loop.call_soon(self.start)

    def _ended(self, _: Ticket) -> None:
        self._left -= 1
        if self._left == 0:
            self._done(result_of(self.bulk.id, self.tickets))


def result_of(identity: bytes, tickets: Sequence[Ticket]) -> BulkResult:
    """Put the outcomes of ended tickets into columns."""
    count = len(tickets)
    statuses = bytearray(count)
    values = [math.nan] * count
    dispatched = [0] * count
    finished = [0] * count
    exceptions: dict[int, tuple[str, str]] = {}
    for at, ticket in enumerate(tickets):
        outcome = ticket.outcome
        if outcome is None:  # not ended: nobody may call it done
            statuses[at] = Status.INDETERMINATE
            exceptions[at] = ("internal", "no outcome")
            continue
        statuses[at] = outcome.status
        if outcome.value is not None:
            values[at] = outcome.value
        dispatched[at] = outcome.stages.dispatched
        finished[at] = outcome.stages.finished
        if outcome.status is not Status.APPLIED:
            exceptions[at] = (outcome.reason, outcome.detail)
    return BulkResult(
        identity,
        [ticket.device for ticket in tickets],
        bytes(statuses),
        struct.pack(f"<{count}d", *values),
        struct.pack(f"<{count}Q", *dispatched),
        struct.pack(f"<{count}Q", *finished),
        exceptions,
    )


def merge(identity: bytes, parts: Sequence[BulkResult]) -> BulkResult:
    """Put the results of several cells together, in their order."""
    devices: list[str] = []
    exceptions: dict[int, tuple[str, str]] = {}
    for part in parts:
        for index, why in part.exceptions.items():
            exceptions[len(devices) + index] = why
        devices.extend(part.devices)
    return BulkResult(
        identity,
        devices,
        b"".join(part.statuses for part in parts),
        b"".join(part.values for part in parts),
        b"".join(part.dispatched_ns for part in parts),
        b"".join(part.finished_ns for part in parts),
        exceptions,
    )


def unanswered(
    identity: bytes, devices: Sequence[str], status: Status, reason: str, detail: str
) -> BulkResult:
    """Return the result for devices whose cell did not answer."""
    count = len(devices)
    return BulkResult(
        identity,
        list(devices),
        bytes([status]) * count,
        struct.pack("<d", math.nan) * count,
        bytes(8 * count),
        bytes(8 * count),
        dict.fromkeys(range(count), (reason, detail)),
    )


def devices_meant(
    bulk: Bulk,
    shards: Iterable[ShardSpec],
    templates: Mapping[str, TemplateSpec],
    zones: Collection[str],
) -> list[str]:
    """Return the devices that a bulk command means in some zones, from the city alone."""
    device, kind = pattern(bulk.device), pattern(bulk.kind)
    kinds = {name for name, template in templates.items() if kind.match(template.kind)}
    return [
        id
        for shard in shards
        if shard.zone in zones
        for id, template in zip(ids_of(shard.devices), templates_of(shard.devices), strict=True)
        if template in kinds and device.match(id)
    ]
