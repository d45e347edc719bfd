"""After a restart of its zone: what became of each command is asked of the cell that had it.

*Theory.* A command whose ACCEPTED record is on disk and whose ENDED is not may be anywhere. The
cell of its device remembers what it was given since it was started. What it has, it tells; what
it was never given since before the command was accepted, nobody has sent, so that it may be sent
now. A cell that was started later than the command was accepted only knows what its predecessor
has left in its ledger.

What the zone's predecessor has sent may still be on its way, and come after that answer. Sent
again it is known again; but one that is taken back would be done although it was never seen. So
its cell is told that first, and ends it when it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.dispatcher import Dispatcher
from jacquemart.runtime.kernel.lifecycle import Entry, Event, State
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service
    from jacquemart.runtime.cell.zone_desk import ZoneDesk

#: Commands in one question.
ASKED_AT_ONCE = 500
ASK_NS = 1_000_000_000

#: What a cell says of a command.
ENDED, RUNNING, NEVER, SENT, UNSENT = "ended", "running", "never", "sent", "unsent"
_EVENTS = {NEVER: Event.NEVER_SEEN, UNSENT: Event.LOST_UNSENT, SENT: Event.LOST}


class CellAsker:
    """Asks cells for the ends of commands that were accepted before a restart."""

    def __init__(
        self,
        service: Service,
        dispatcher: Dispatcher,
        desks: Mapping[str, ZoneDesk],
        recalled: Callable[[Entry, str], object],
    ) -> None:
        """Ask for the entries of ``desks`` that are ASKING.

        ``recalled`` hears what a cell says of one that it was told to take back.
        """
        self._recalled = recalled
        self._service = service
        self._dispatcher = dispatcher
        self._desks = desks
        self._asked: set[str] = set()
        """Cells that have not answered yet."""

    def look(self) -> None:
        """Ask each cell about some commands, if it has answered the last question."""
        by_cell: dict[CellAddress, list[tuple[ZoneDesk, Entry]]] = {}
        for desk in self._desks.values():
            for entry in desk.asking:
                address = self._dispatcher.address_of(entry.payload.device)
                if address is not None and address.name not in self._asked:
                    asked = by_cell.setdefault(address, [])
                    if len(asked) < ASKED_AT_ONCE:
                        asked.append((desk, entry))
        for address, asked in by_cell.items():
            self._ask(address, asked)

    def _ask(self, address: CellAddress, asked: list[tuple[ZoneDesk, Entry]]) -> None:
        taken_back = dict.fromkeys(entry for _, entry in asked if entry.cancelled)  # in their order
        for entry in taken_back:
            if not self._dispatcher.recall(entry, self._recalled):
                return
        commands = [[*entry.key, entry.received_ns, entry.payload.device] for _, entry in asked]
        frame = messages.query("outcome_of", commands=commands)
        expires = self._service.clock.boot_ns() + ASK_NS
        try:
            caller = self._service.caller(address.name)
            answer = partial(self._answered, address.name, asked, taken_back)
            sent = caller.call(frame, expires, answer)
        except JacquemartError:
            sent = False
        if sent:
            self._asked.add(address.name)

    def _answered(
        self,
        name: str,
        asked: list[tuple[ZoneDesk, Entry]],
        taken_back: Collection[Entry],
        frame: bytes | None,
    ) -> None:
        self._asked.discard(name)
        if frame is None:
            return
        try:
            rows: Any = messages.decode_reply(frame)
            pairs = list(zip(asked, rows, strict=True))
        except (JacquemartError, ValueError, TypeError) as error:
            self._service.broken(error)
            return
        for (desk, entry), (known, outcome) in pairs:
            if entry.state is not State.ASKING:
                continue
            if known == NEVER and entry.cancelled and entry not in taken_back:
                continue  # its cell has not heard of that yet: it is asked again
            if known == RUNNING:
                desk.told(entry)  # what comes later waits behind it, in its actor's mailbox
                if entry.cancelled:  # it may not have heard of that
                    desk.happen(entry, Event.CANCEL)
            elif known == ENDED:
                entry.frame = outcome
                desk.happen(entry, Event.OUTCOME)
            else:
                desk.happen(entry, _EVENTS.get(known, Event.LOST))
