"""A bulk command inside a cell: columns for what is plain in it, and one result for all."""

from __future__ import annotations

import asyncio
import math
import struct
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import translate
from re import Pattern, compile
from typing import TYPE_CHECKING

from jacquemart.native.parts import Outcomes, Parts
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import TAKEN_BACK, Part, Ticket
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.devices import ids_of, templates_of
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.errors import InternalError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.plain_parts import PlainParts

#: Tickets posted before the loop gets a turn; about two milliseconds.
POSTS_A_TURN = 128
#: Devices that are looked at for what is plain; about two milliseconds, too.
PARTS_A_TURN = 4_096


def pattern(text: str) -> Pattern[str]:
    """Compile a shell-style pattern (``*``, ``?``, ``[…]``), matched whole and case-true."""
    return compile(translate(text))


class Standing:
    """The devices of a zone in a cell, and their classes: known once, not looked for each time."""

    __slots__ = ("actors", "classes")

    def __init__(self) -> None:
        """Have none."""
        self.actors: list[DeviceActor] = []
        """Replaced when some come, never changed: bulk commands under way go by it."""
        self.classes: set[type[DeviceActor]] = set()

    def add(self, actors: Sequence[DeviceActor]) -> None:
        """Have some more."""
        self.actors = [*self.actors, *actors]
        self.classes.update(map(type, actors))


def choose(bulk: Bulk, by_zone: Mapping[str, Standing]) -> list[DeviceActor]:
    """Return the devices that a bulk command means, out of those of each zone; not to be changed.

    With 100,000 of them each look at every one costs milliseconds, so most often there is none.
    """
    zone, kind, device = pattern(bulk.zone), pattern(bulk.kind), pattern(bulk.device)
    chosen: list[DeviceActor] = []
    for name, standing in by_zone.items():
        if not zone.match(name):
            continue
        kinds = {one.kind: kind.match(one.kind) is not None for one in standing.classes}
        if not all(kinds.values()):
            chosen = chosen + [actor for actor in standing.actors if kinds[actor.kind]]
        else:
            chosen = chosen + standing.actors if chosen else standing.actors
    if bulk.device == "*":
        return chosen
    return [actor for actor in chosen if device.match(actor.id)]


class BulkRun:
    """One bulk command in a cell; ``done`` gets the result when the last device has its end.

    What is plain in it goes together (``PlainParts``); every other device has a ticket.
    """

    applied = Status.APPLIED

    def __init__(
        self,
        bulk: Bulk,
        actors: list[DeviceActor],
        received_ns: int,
        done: Callable[[BulkResult], None],
        loop: asyncio.AbstractEventLoop,
        ends_before: Callable[[Ticket], bool] = lambda _: False,
        plain: PlainParts | None = None,
    ) -> None:
        """Prepare; ``start`` begins.

        Args:
            bulk: the zone's part.
            actors: of the devices that it means.
            received_ns: boot-time of its arrival.
            done: called once.
            loop: of the cell.
            ends_before: ends a ticket that must not be posted, and says so.
            plain: takes the plain ones; None: all have tickets.
        """
        self.bulk = bulk
        self.actors = actors
        self.received_ns = received_ns
        self.outcomes = Outcomes(len(actors))
        self.tickets: dict[int, Ticket] = {}
        """By the position of their devices, of those that are not in columns."""
        self.withdrawn = False
        """Whoever gave it has taken it back: what was not posted yet never is."""
        self._done = done
        self._loop = loop
        self._ends_before = ends_before
        self._plain = plain
        self.parts: list[Parts] = []
        """The columns that its plain devices are in, or were."""
        self.cancelled = 0
        """Devices that ended as taken back; known when all have ended."""
        self.count = self._left = len(actors)
        self._next = 0
        self._others: deque[int] = deque()
        """Positions of devices that get tickets and have none yet."""

    @property
    def principal(self) -> str:
        """Who has given it."""
        return self.bulk.principal

    @property
    def id(self) -> bytes:
        """Return its identity."""
        return self.bulk.id

    def start(self) -> None:
        """Begin with some devices a turn, so that the loop serves others meanwhile.

        100,000 tickets at once would hold it longer than its cell's lease can wait. With no
        device, the result comes at once.
        """
        if not self.actors:
            self._finish()
            return
        if not self._others:
            begin, self._next = self._next, min(self._next + PARTS_A_TURN, len(self.actors))
            found: Sequence[int] = range(begin, self._next)
            if self._plain is not None and not self.withdrawn:
                found = self._plain.take(self, begin, self._next)
            self._others.extend(found)
        for _ in range(min(POSTS_A_TURN, len(self._others))):
            self._post(self._others.popleft())
        if self.unposted:
            self._loop.call_soon(self.start)

    def _post(self, position: int) -> None:
        actor = self.actors[position]
        ticket = self.leaves(actor, position)
        if self._ends_before(ticket):
            return
        if self.withdrawn:
            now = actor.host.clock.boot_ns()
            ticket.finish(Status.CANCELLED, Reason.WITHDRAWN, TAKEN_BACK, now_ns=now)
        else:
            actor.post(ticket)

    def leaves(self, actor: DeviceActor, position: int) -> Ticket:
        """Return the ticket of a device that is not in columns, or not any more."""
        ticket = self.tickets[position] = self.ticket_for(actor)
        return ticket

    def ticket_for(self, actor: DeviceActor) -> Ticket:
        """Return a ticket of this command for a device."""
        bulk = self.bulk
        return Part(
            bulk.id, bulk.principal, actor.id, "set", bulk.point, bulk.value, bulk.unit,
            bulk.priority, bulk.deadline_ns, self.received_ns, self._ended,
        )  # fmt: skip

    def waiting(self) -> list[tuple[DeviceActor, Ticket]]:
        """Return the devices whose tickets were posted and have no end yet."""
        tickets = self.tickets.items()
        return [(self.actors[at], ticket) for at, ticket in tickets if ticket.outcome is None]

    @property
    def unposted(self) -> bool:
        """Whether some devices have not got their tickets yet."""
        return bool(self._others) or self._next < self.count

    def ended_some(self, count: int) -> None:
        """Take that so many devices have ended in columns."""
        self._left -= count
        if self._left == 0:
            self._finish()

    def _ended(self, _: Ticket) -> None:
        self.ended_some(1)

    def _finish(self) -> None:
        result = self._result()
        done, self._done = self._done, _ended_twice
        # Columns that devices tell of keep it; they must not keep with it all the others.
        self.actors, self.tickets, self.parts, self.outcomes = [], {}, [], Outcomes(0)
        self._plain, self._ends_before = None, _never
        done(result)

    def leave_some(self) -> bool:
        """Have some devices leave their columns that were not sent; False: there are none."""
        for parts in self.parts:
            if parts.live and not parts.dispatched_ns:
                parts.leave_all()
                return True
        return False

    def _result(self) -> BulkResult:
        put = self.outcomes.put
        exceptions: dict[int, tuple[str, str]] = {}
        for at, ticket in sorted(self.tickets.items()):
            assert ticket.status is not None
            put(at, ticket.status, ticket.result, ticket.dispatched_ns, ticket.finished_ns)
            self.cancelled += ticket.status is Status.CANCELLED
            if ticket.status is not Status.APPLIED:
                exceptions[at] = (ticket.reason or "", ticket.detail or "")
        devices = self.outcomes.names(self.actors)
        return BulkResult(self.bulk.id, devices, *self.outcomes.columns(), exceptions)


def _never(_: Ticket) -> bool:
    return False


def _ended_twice(_: BulkResult) -> None:
    raise InternalError("a bulk command ended twice")


def merge(identity: bytes, parts: Sequence[BulkResult]) -> BulkResult:
    """Put the results of several cells together, in their order."""
    if len(parts) == 1 and parts[0].id == identity:
        return parts[0]  # nothing to copy, be it of 100,000 devices
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
