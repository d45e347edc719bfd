"""The desk of a zone cell: every journalled command to its zones' devices passes here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.native.desk import Desk
from jacquemart.runtime.cell.asking import CellAsker
from jacquemart.runtime.cell.authority import Authority
from jacquemart.runtime.cell.carried import Carried, number_of, outcome_of
from jacquemart.runtime.cell.dispatcher import Dispatcher
from jacquemart.runtime.cell.plain_journalled import PlainJournalled
from jacquemart.runtime.cell.resolver import Resolver
from jacquemart.runtime.cell.zone_desk import ZoneDesk
from jacquemart.runtime.kernel.command_window import Key
from jacquemart.runtime.kernel.lifecycle import End, Entry
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.errors import JournalError, UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.record import Draft
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service
    from jacquemart.runtime.wire.calls import Request

#: Refusals that are kept for who asks at once what became of a command.
REFUSED_KEPT = 1_000
#: Commands are looked at for their deadlines this often.
LOOK_S = 0.2


class CommandDesk:
    """Takes commands and claims for the zones whose books are open."""

    def __init__(self, service: Service, authority: Authority) -> None:
        """Begin with the zones of ``authority``; see ``settle``."""
        self.service = service
        self.authority = authority
        self.clock = service.clock
        self.loop = service.loop
        self.dispatcher = Dispatcher(service, authority)
        self.desks: dict[str, ZoneDesk] = {}
        self.refusals: dict[Key, bytes] = {}
        """OUTCOMEs of commands that were not accepted, the latest."""
        self._reached: list[Callable[[Key], object]] = []
        self.watched: list[Collection[object]] = []
        """What those who listen wait for; while all are empty, nobody is called."""
        self.recalled: Callable[[Entry, str], object] = lambda entry, said: None
        """Hears what a cell says of a command that it was asked to take back."""
        self._asker = CellAsker(
            service, self.dispatcher, self.desks, lambda entry, said: self.recalled(entry, said)
        )
        self.resolver = Resolver(service, authority, self.dispatcher)
        self._plain: PlainJournalled | None = None
        self.settle()
        self._timer = self.loop.call_later(LOOK_S, self._look)

    def settle(self) -> None:
        """Have a desk for each open book; call it when the zones have changed."""
        books = self.authority.books
        for zone in [zone for zone, desk in self.desks.items() if books.get(zone) is not desk.book]:
            self.desks.pop(zone).close()
        for zone, book in books.items():
            if zone not in self.desks:
                self.desks[zone] = ZoneDesk(book, self)
        if self._plain is not None:
            self._plain.have(self.desks)

    def keep_only(self, zones: Container[str]) -> None:
        """End the commands of zones that leave the city, while their journals are still open."""
        for zone in [zone for zone in self.desks if zone not in zones]:
            self.desks.pop(zone).close()
        if self._plain is not None:
            self._plain.have(self.desks)

    def plain(self) -> Desk:
        """Return what takes commands that nothing stands in the way of; when all listen."""
        self._plain = PlainJournalled(self)
        self._plain.have(self.desks)
        return self._plain.native

    def connected(self) -> None:
        """Take note that the directory has changed: what waits may be sent now."""
        if self._plain is not None:
            self._plain.native.forget_routes()
        self.dispatcher.settle()

    def stop(self) -> None:
        """Take nothing any more; what has no end is its successor's."""
        self._timer.cancel()
        self.dispatcher.stop()

    def when_reached(self, listener: Callable[[Key], object], waiting: Collection[object]) -> None:
        """Have ``listener`` called with each command that was accepted or has ended.

        While ``waiting`` is empty, that may be left out.
        """
        self._reached.append(listener)
        self.watched.append(waiting)

    # Commands --------------------------------------------------------------------------------

    def command(self, request: Request) -> None:
        """Take a COMMAND frame."""
        command = frames.decode_command(request.frame)
        self._take(command, command.epoch, request.reply)

    def claim(self, request: Request) -> None:
        """Take a CLAIM frame."""
        claim = messages.decode_claim(request.frame)
        self._take(claim, claim.epoch, request.reply)

    def submit(self, carried: Carried, reply: Callable[[bytes], object]) -> None:
        """Take a command of the zone cell's own; ``reply`` gets its OUTCOME."""
        self._take(carried, 0, reply)

    def _take(self, carried: Carried, epoch: int, reply: Callable[[bytes], object]) -> None:
        home = self.authority.home_of(carried.device)
        refusal: End | None = None
        if epoch and epoch != self.service.config.epoch:
            why = f"this zone cell is at epoch {self.service.config.epoch}"
            refusal = End(Status.REJECTED, Reason.MOVED, why)
        elif isinstance(carried, frames.Command) and carried.verb in CLAIM_VERBS:
            refusal = End(Status.REJECTED, Reason.UNKNOWN_COMMAND, f"{carried.verb} is a CLAIM")
        elif home is None:
            why = f"no device {carried.device!r} in the zones of this cell"
            refusal = End(Status.REJECTED, Reason.UNKNOWN_DEVICE, why)
        elif home.zone not in self.desks:
            fault = self.authority.closed.get(home.zone)
            why = f"the zone's journal is not open: {fault}; nothing was accepted"
            refusal = End(Status.REJECTED, Reason.JOURNAL, why)
        if refusal is not None or home is None:
            now = self.clock.boot_ns()
            if refusal is not None:
                self.refuse(carried, refusal, now, reply)
            return
        number = number_of(carried, home.template) if isinstance(carried.value, str) else None
        self.desks[home.zone].take(carried, number, reply)

    # For the desks of the zones ----------------------------------------------------------------

    def append(
        self, desk: ZoneDesk, draft: Draft, done: Callable[[JournalError | None], object],
        *, hurry: bool = True,
    ) -> None:  # fmt: skip
        """Append a record of a desk's zone; nothing follows if the zone has left this cell."""
        if self.authority.books.get(desk.zone) is not desk.book:
            return
        try:
            self.authority.append(desk.zone, (draft,), done, hurry=hurry)
        except UsageError as error:
            refused = JournalError(error.message)
            self.loop.call_soon(partial(done, refused))

    def refuse(
        self, carried: Carried, refusal: End, now: int, reply: Callable[[bytes], object]
    ) -> None:
        """Answer a command that is not accepted."""
        frame = outcome_of(carried, refusal, now, now)
        reply(frame)
        if refusal.reason != Reason.DUPLICATE_ID:  # that says nothing of the first one's end
            self.note_refusal((carried.principal, carried.id), frame)

    def note_refusal(self, key: Key, frame: bytes) -> None:
        """Keep the OUTCOME of a command that was not accepted, and tell who waits for it."""
        self.refusals[key] = frame
        while len(self.refusals) > REFUSED_KEPT:
            del self.refusals[next(iter(self.refusals))]
        self.reached(key)

    def reached(self, key: Key) -> None:
        """Tell who waits that a command has reached another stage."""
        for listener in self._reached:
            listener(key)

    def ended(self, desk: ZoneDesk, entry: Entry) -> None:
        """Take note that a command's end is in the journal."""
        if entry.key in desk.book.state.unresolved:
            self.resolver.begin(desk.zone)

    def _look(self) -> None:
        self._timer = self.loop.call_later(LOOK_S, self._look)
        if self._plain is not None:
            self._plain.native.look()
        for desk in self.desks.values():
            desk.look()
        self._asker.look()
        self.resolver.look()
