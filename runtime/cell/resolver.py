"""Commands whose effect is unknown: their zone has the field read again until it knows more."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.authority import Authority
from jacquemart.runtime.cell.dispatcher import Dispatcher
from jacquemart.runtime.kernel.command_window import Body, Key
from jacquemart.runtime.model.errors import JacquemartError, JournalError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: The first look comes so long after the end, the next ones at double distances.
FIRST_S = 0.3
LONGEST_S = 60.0
#: After so many looks nobody will find out: it is resolved as unknown.
MOST_LOOKS = 14
#: A device that shows something else may only be slow: said to have failed from this look on.
FAILED_FROM_LOOK = 3
#: How long a cell may take to read.
READ_NS = 5_000_000_000
#: Questions on their way at a time.
AT_ONCE = 32


class Resolver:
    """Asks cells to read back what ended INDETERMINATE; writes RESOLVED, and tells it."""

    def __init__(self, service: Service, authority: Authority, dispatcher: Dispatcher) -> None:
        """Resolve what the books of ``authority`` have as unresolved, also of before a restart."""
        self._service = service
        self._authority = authority
        self._dispatcher = dispatcher
        self._looks: dict[Key, tuple[int, int]] = {}
        """How often it was looked at, and when (boot-time) it is next."""
        self._busy: set[Key] = set()

    def begin(self, zone: str) -> None:
        """Take note that a zone has another command to be resolved."""
        del zone  # ``look`` finds it, a few times a second

    def look(self) -> None:
        """Ask for those whose time has come."""
        now = self._service.clock.boot_ns()
        for zone, book in self._authority.books.items():
            for key, doubt in book.state.unresolved.items():
                if len(self._busy) >= AT_ONCE:
                    return
                looks, at = self._looks.setdefault(key, (0, now + int(FIRST_S * 1e9)))
                if key not in self._busy and now >= at:
                    self._ask(zone, key, doubt, looks, now)

    def _ask(self, zone: str, key: Key, doubt: Body, looks: int, now: int) -> None:
        pause_s = min(LONGEST_S, FIRST_S * 2.0**looks)
        self._looks[key] = (looks + 1, now + int(pause_s * 1e9))
        place = (doubt["device"], doubt["point"])
        standing = self._authority.books[zone].state.setpoints.get(place)
        newer = standing is not None and standing.wall_ns != doubt["wall_ns"]
        if newer or looks >= MOST_LOOKS:  # what is there now says nothing of what was
            self._found(zone, key, doubt, Status.INDETERMINATE, None)
            return
        address = self._dispatcher.address_of(doubt["device"])
        if address is None:
            return
        asked = {name: doubt[name] for name in ("device", "point", "value")}
        frame = messages.query("resolve", **asked)
        try:
            caller = self._service.caller(address.name)
            answer = partial(self._answered, zone, key, doubt)
            sent = caller.call(frame, now + READ_NS, answer)
        except JacquemartError:
            sent = False
        if sent:
            self._busy.add(key)

    def _answered(self, zone: str, key: Key, doubt: Body, frame: bytes | None) -> None:
        self._busy.discard(key)
        if frame is None:
            return
        try:
            found: Any = messages.decode_reply(frame)
            status, value = Status(found["status"]), found["value"]
        except (JacquemartError, ValueError, TypeError, LookupError):
            return  # a device that is no more, or a cell that does not know yet: looked at again
        looks, _ = self._looks.get(key, (0, 0))
        certain = status is Status.APPLIED or looks >= FAILED_FROM_LOOK
        if status in (Status.APPLIED, Status.FAILED) and certain:
            self._found(zone, key, doubt, status, value)

    def _found(self, zone: str, key: Key, doubt: Body, status: Status, value: float | None) -> None:
        book = self._authority.books.get(zone)
        if book is None or key not in book.state.unresolved:
            return
        self._busy.add(key)
        body = {"id": key[1], "principal": key[0], "status": int(status), "value": value}

        def written(error: JournalError | None) -> None:
            self._busy.discard(key)
            if error is not None:
                return  # it is looked at again
            self._looks.pop(key, None)
            self._tell(zone, key, doubt, status, value)

        self._authority.append(zone, (Draft(RecordKind.RESOLVED, body),), written)

    def _tell(self, zone: str, key: Key, doubt: Body, status: Status, value: float | None) -> None:
        service = self._service
        detail = {
            "id": key[1].hex(), "principal": key[0], "point": doubt["point"],
            "wanted": doubt["value"], "status": status.name,
            "value": None if value is None or math.isnan(value) else value,
        }  # fmt: skip
        severity = 0 if status is Status.APPLIED else 1
        event = Event(
            "command_resolved", zone, doubt["device"], service.clock.wall_ns(), severity, detail
        )
        service.publisher.event(f"e/{zone}/", event)
