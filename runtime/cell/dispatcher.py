"""From a zone to the cells of its devices: commands are sent on, wait, or are lost with a cell."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.runtime.actor.base import CELL_STOPS
from jacquemart.runtime.cell.authority import Authority
from jacquemart.runtime.cell.carried import frame_for, outcome_of
from jacquemart.runtime.cell.ledger_reading import Left, read
from jacquemart.runtime.kernel.lifecycle import OVERDUE_NS, End, Entry, Event, State
from jacquemart.runtime.kernel.overtaken import Overtaken
from jacquemart.runtime.kernel.unwilling import Unwilling
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.errors import JacquemartError, StartError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service
    from jacquemart.runtime.cell.zone_desk import ZoneDesk

#: Commands that wait for their cell look for it this often.
LOOK_S = 0.02
#: So many are sent before the loop gets a turn.
MOST_A_TURN = 256
#: An OUTCOME that has one of these may be of a cell that goes; only then is it decoded here.
_MOVED = Reason.MOVED.encode()
_STOPPING = CELL_STOPS.encode()
_CLOCK = Reason.CLOCK.encode()
#: A cell is waited for so long to say whether it has taken a command back.
RECALL_NS = 5_000_000_000
#: Ledgers of lost cells that are kept: a cell takes many commands with it.
LEDGERS_KEPT = 8


class Dispatcher:
    """Sends a zone cell's commands to device cells; those of one cell keep their order."""

    def __init__(self, service: Service, authority: Authority) -> None:
        """Send from ``service``, by its directory as of the moment."""
        self._service = service
        self._authority = authority
        self._waiting: dict[str, OrderedDict[Entry, ZoneDesk]] = {}
        """By shard, so that many that wait for one cell cost as little as one."""
        self._shards: dict[Entry, str] = {}
        """Which of these each waits in."""
        self._by_device: dict[str, OrderedDict[Entry, None]] = {}
        """Those that wait, by their device: none newer goes before them."""
        self._in_order = False
        """What waits is being sent, the oldest first."""
        self._disordered: set[str] = set()
        """Shards in which they do not wait in the order in which they came."""
        self._blocked: set[str] = set()
        """Cells for which a command waits already."""
        self._unwilling: Unwilling[Entry] = Unwilling()
        self._timer: asyncio.TimerHandle | None = None
        self._ledgers: dict[CellAddress, Left | None] = {}
        self._overtaken = Overtaken()

    @property
    def waiting(self) -> int:
        """Commands that no cell has."""
        return len(self._shards)

    @property
    def in_the_way(self) -> tuple[Collection[object], ...]:
        """Containers; while there is nothing in them, what is new may be sent at once."""
        return self._blocked, self._by_device, self._unwilling.places

    def address_of(self, device: str) -> CellAddress | None:
        """Return the cell that has a device now; None while nobody has."""
        return self._cell_of(self._authority.shard_of(device))

    def _cell_of(self, shard: str) -> CellAddress | None:
        directory = self._service.directory
        return directory.cells.get(directory.homes.get(shard, ""))

    def send(self, desk: ZoneDesk, entry: Entry) -> None:
        """Send a command to its cell; the desk hears what becomes of it."""
        if entry.losses and self._overtaken.overtakes(_point_of(entry), entry.number):
            why = "its cell was lost with it, and may have sent a newer one before"
            end = End(Status.SUPERSEDED, Reason.NEWER, why)
            now = self._service.clock.boot_ns()
            entry.frame = outcome_of(entry.payload, end, entry.received_ns, now)
            entry.stands_by_end = True  # no cell knows of it
            desk.happen(entry, Event.OUTCOME)
            return
        address = self.address_of(entry.payload.device)
        free = address is not None and address.name not in self._blocked
        older = desk.waits_for_older(entry) or self._older_waits(entry)
        if free and address is not None and not older:
            try:
                caller = self._service.caller(address.name)
                sent = caller.call(
                    frame_for(entry.payload, address.epoch),
                    entry.deadline_ns + OVERDUE_NS,
                    partial(self.answered, desk, entry, address),
                )
            except JacquemartError:  # the directory has changed under our hands
                sent = False
            if sent:
                if self._unwilling:
                    self._unwilling.asked(address.name, entry, self._service.clock.boot_ns())
                return
        desk.happen(entry, Event.UNSENT)

    def lost(self, entry: Entry) -> None:
        """Take note of a command that may have been sent: nothing older goes after it."""
        if entry.payload.verb == "set":
            self._overtaken.may_be_sent(_point_of(entry), entry.number)

    def recall(self, entry: Entry, told: Callable[[Entry, str], object]) -> bool:
        """Have its cell take a command back; ``told`` hears what it says, if it says anything.

        If it has, the command ends by its OUTCOME, as ever. False: the cell was not reached.
        """
        address = self.address_of(entry.payload.device)
        if address is None:
            return False

        def answered(frame: bytes | None) -> None:
            if frame is None:
                return
            try:
                said = messages.decode_reply(frame)["said"]
            except (JacquemartError, LookupError, TypeError) as error:
                self._service.broken(error)
            else:
                told(entry, said)

        principal, id = entry.key
        try:
            return self._service.caller(address.name).call(
                messages.query("withdraw", principal=principal, id=id),
                self._service.clock.boot_ns() + RECALL_NS, answered,
            )  # fmt: skip
        except JacquemartError:  # the directory has changed: its loss will be told
            return False

    def wait(self, desk: ZoneDesk, entry: Entry) -> None:
        """Keep a command until its cell can be reached, or it is dropped."""
        shard = self._authority.shard_of(entry.payload.device)
        self._keep(entry, shard)
        group = self._waiting.setdefault(shard, OrderedDict())
        if group and next(reversed(group)).number > entry.number:
            # It was sent, and not taken; what came after it waits already.
            self._disordered.add(shard)
        group[entry] = desk
        address = self._cell_of(shard)
        if address is not None:
            self._blocked.add(address.name)
        if self._timer is None:
            self._timer = self._service.loop.call_later(LOOK_S, self.flush)

    def drop(self, entry: Entry) -> None:
        """Keep a command no longer: it has its end, or its zone has left."""
        shard = self._shards.pop(entry, None)
        if shard is not None:
            waiting = self._by_device[entry.payload.device]
            del waiting[entry]
            if not waiting:
                del self._by_device[entry.payload.device]
            group = self._waiting[shard]
            del group[entry]
            if not group:
                del self._waiting[shard]

    def settle(self) -> None:
        """Take note that devices may have other homes now, and try to send what waits."""
        self._unwilling.clear()
        waiting, self._waiting = self._waiting, {}
        for group in waiting.values():
            for entry, desk in group.items():
                shard = self._shards[entry] = self._authority.shard_of(entry.payload.device)
                self._waiting.setdefault(shard, OrderedDict())[entry] = desk
        self.flush()

    def flush(self) -> None:
        """Try to send what waits, for each device in the order in which it came."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._blocked.clear()
        left, now = MOST_A_TURN, self._service.clock.boot_ns()
        for shard in list(self._waiting):
            address = self._cell_of(shard)
            if address is not None:
                most = self._unwilling.most(address.name, left, now)
                left -= most - self._send_waiting(shard, address.name, most)
        if self._timer is not None and not left:
            self._timer.cancel()
            self._timer = None
        if self._shards and self._timer is None:
            self._timer = self._service.loop.call_later(LOOK_S if left else 0, self.flush)

    def _send_waiting(self, shard: str, cell: str, most: int) -> int:
        """Send what waits in a shard, up to the first that its cell does not take.

        Return how many more may be sent in this turn.
        """
        if shard in self._disordered:
            self._disordered.discard(shard)
            came = sorted(self._waiting[shard].items(), key=lambda one: one[0].number)
            self._waiting[shard] = OrderedDict(came)
        stay: list[tuple[Entry, ZoneDesk]] = []
        while cell not in self._blocked and (group := self._waiting.get(shard)):
            if not most:
                self._blocked.add(cell)  # nothing new goes before what waits
                break
            most -= 1
            entry, desk = next(iter(group.items()))
            self.drop(entry)
            if desk.waits_for_older(entry):
                stay.append((entry, desk))
            elif entry.state is State.ACCEPTED:
                self._in_order = True
                try:
                    desk.happen(entry, Event.READY)
                finally:
                    self._in_order = False
                if entry in self._shards:  # not taken: it is the first again
                    self._waiting[shard].move_to_end(entry, last=False)
                    self._disordered.discard(shard)
        for entry, desk in reversed(stay):
            self._keep(entry, shard)
            group = self._waiting.setdefault(shard, OrderedDict())
            group[entry] = desk
            group.move_to_end(entry, last=False)
        return most

    def stop(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self._shards.clear()
        self._by_device.clear()

    def _keep(self, entry: Entry, shard: str) -> None:
        self._shards[entry] = shard
        self._by_device.setdefault(entry.payload.device, OrderedDict())[entry] = None

    def _older_waits(self, entry: Entry) -> bool:
        """Whether a command that came before it waits for the same device.

        One that waits for what is asked about its device does not keep its whole cell waiting.
        """
        if self._in_order:
            return False
        waiting = self._by_device.get(entry.payload.device)
        if waiting is None:
            return False
        return any(one.number < entry.number for one in waiting)  # nearly always the first is

    def loss_of(self, entry: Entry, address: CellAddress) -> Event:
        """Return what the loss of a cell means for a command that it had."""
        left = self._left_by(address)
        if left is None or left.may_have_sent(*entry.key, entry.received_ns):
            return Event.LOST
        return Event.LOST_UNSENT

    def _left_by(self, address: CellAddress) -> Left | None:
        """Return what a lost cell has left; None: nothing is known, so all may have been sent."""
        if address not in self._ledgers:
            while len(self._ledgers) >= LEDGERS_KEPT:
                del self._ledgers[next(iter(self._ledgers))]
            try:
                self._ledgers[address] = read(address.ledger) if address.ledger else None
            except StartError:
                self._ledgers[address] = None
        return self._ledgers[address]

    def answered(
        self, desk: ZoneDesk, entry: Entry, address: CellAddress, frame: bytes | None
    ) -> None:
        """Take what the cell at ``address`` says of a command; None: it will say nothing."""
        service = self._service
        if entry.state is not State.DISPATCHED or (frame is None and service.stopping):
            return
        if frame is None:
            lost = service.directory.cells.get(address.name) != address
            desk.happen(entry, self.loss_of(entry, address) if lost else Event.TIME)
        elif messages.kind_of(frame) != frames.OUTCOME:
            entry.frame = self._from_error(entry, frame)
            entry.stands_by_end = True  # its cell remembers no outcome of it
            desk.happen(entry, Event.OUTCOME)
        elif (_MOVED in frame or _STOPPING in frame) and _was_not_taken(frame):
            self._unwilling.refused(address.name, entry)
            desk.happen(entry, Event.UNSENT)
            return
        else:
            entry.frame = frame
            if _CLOCK in frame and messages.is_refusal(frame, (Reason.CLOCK,)):
                entry.stands_by_end = True  # said on the way to a cell that never had it
            desk.happen(entry, Event.OUTCOME)
        self._unwilling.answered(address.name, entry)

    def _from_error(self, entry: Entry, frame: bytes) -> bytes:
        """Return the end of a command that its cell answered with an error."""
        try:
            messages.decode_reply(frame)
            why, refused = "its cell gave no outcome", False
        except JacquemartError as error:
            why, refused = str(error), error.code in ("usage", "bad_frame")
        status = Status.REJECTED if refused else Status.INDETERMINATE
        end = End(status, Reason.INTERNAL, why)
        return outcome_of(entry.payload, end, entry.received_ns, self._service.clock.boot_ns())


def _point_of(entry: Entry) -> tuple[str, str]:
    return entry.payload.device, entry.payload.point


def _was_not_taken(frame: bytes) -> bool:
    """Whether a cell that goes has sent nothing of a command, so that its successor may."""
    found = frames.decode_outcome(frame)
    stops = found.reason == Reason.STOPPING and CELL_STOPS in found.detail
    return found.status == Status.REJECTED and (found.reason == Reason.MOVED or stops)
