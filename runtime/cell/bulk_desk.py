"""The bulk commands of a zone cell: on disk before anybody gets them, done once, one end each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.authority import Authority, ZoneBook
from jacquemart.runtime.cell.bulk import unanswered
from jacquemart.runtime.cell.bulk_asking import BulkAsker
from jacquemart.runtime.cell.fan_out import CellFanOut
from jacquemart.runtime.kernel.bulk_window import bulk_digest
from jacquemart.runtime.kernel.command_window import Key
from jacquemart.runtime.model.errors import JacquemartError, JournalError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: An end that the journal did not take is offered to it again after so long.
AGAIN_S = 0.5
#: Bulk commands of a zone that are under way; more are refused.
MOST_UNDER_WAY = 64

#: A cell is waited for so long to say what it has taken back.
WITHDRAW_NS = 2_000_000_000

Done = Callable[[BulkResult], object]
FanOutOf = Callable[[str], CellFanOut]
CancelTold = Callable[[tuple[int, int, int] | JournalError], object]

#: Columns of a result that older journals do not have.
_COLUMNS = ("values", "dispatched_ns", "finished_ns")


class _Run:
    """A bulk command that has no durable end."""

    def __init__(self, book: ZoneBook, bulk: Bulk, digest: bytes) -> None:
        self.book = book
        self.bulk = bulk
        self.digest = digest
        self.result: BulkResult | None = None
        self.waiters: list[Done] = []
        self.cancelled = False
        """The journal has it that whoever gave it takes it back."""
        self.from_before = False
        """It was accepted before a restart, and is not begun before the directory is here."""


class BulkDesk:
    """Takes each zone's part of a bulk command."""

    def __init__(self, service: Service, authority: Authority, fan_out_of: FanOutOf) -> None:
        """Fan out by what ``fan_out_of`` returns for a zone."""
        self._service = service
        self._authority = authority
        self._fan_out_of = fan_out_of
        self._live: dict[tuple[str, Key], _Run] = {}
        self._recovered: set[ZoneBook] = set()

    def take(self, bulk: Bulk, done: Done) -> None:
        """Take the part for the zone ``bulk.zone``; ``done`` gets its one result."""
        zone, key = bulk.zone, (bulk.principal, bulk.id)
        body = body_of(bulk, self._service.clock.boot_ns())
        digest = bulk_digest(body)
        book = self._authority.books.get(zone)
        live = self._run_of(zone, key)
        ended = book.state.bulks.ended.get(key) if book is not None else None
        if live is not None and live.digest == digest:
            if live.result is not None:
                done(live.result)
            else:
                live.waiters.append(done)
        elif live is not None or (ended is not None and ended.get("digest") != digest):
            why = "this id came before with other content"
            self._refuse(bulk, done, Reason.DUPLICATE_ID, why)
        elif ended is not None:
            done(self._again(bulk, ended))
        elif book is not None and 0 < bulk.deadline_ns <= book.state.bulks.low_water_ns:
            why = "its deadline lies before what is remembered; it was not executed now"
            self._refuse(bulk, done, Reason.TOO_OLD, why)
        elif bulk.deadline_ns <= self._service.clock.boot_ns():
            why = "its deadline passed before its zone had it"
            self._refuse(bulk, done, Reason.DEADLINE, why, Status.EXPIRED)
        elif book is None or book.fault is not None:
            fault = book.fault if book is not None else self._authority.closed.get(zone)
            why = f"the zone's journal cannot take it: {fault}; nothing was accepted, retry"
            self._refuse(bulk, done, Reason.JOURNAL, why)
        elif sum(place == zone for place, _ in self._live) >= MOST_UNDER_WAY:
            why = f"{MOST_UNDER_WAY} bulk commands are under way; retry in 1000 ms"
            self._refuse(bulk, done, Reason.BUSY, why)
        elif book.state.bulks.full(self._service.clock.boot_ns()):
            why = "too many bulk commands with deadlines ahead have ended; retry later"
            self._refuse(bulk, done, Reason.BUSY, why)
        else:
            self._accept(book, bulk, body, digest, done)

    def recover(self) -> None:
        """End what was accepted before a restart, once the directory is here.

        The same parts go out again: cells that had them answer what they did, and those that had
        not find the deadline passed, or do them. Cells that cannot know do not get them.
        """
        for zone, book in self._authority.books.items():
            if book in self._recovered:
                continue
            self._recovered.add(book)
            for key, body in list(book.state.bulks.running.items()):
                run = self._run_of(zone, key)
                if run is None or not run.from_before:
                    continue  # it came after the restart, and before the directory
                accepted_ns = body.get("boot_ns", 0)
                self._service.loop.call_later(AGAIN_S, self._ask_before, run, accepted_ns)

    def _run_of(self, zone: str, key: Key) -> _Run | None:
        """Return a bulk command that has no durable end; None: there is none of that identity.

        Before the directory is here, those of before a restart are only in the journal, and
        whoever asks for one again must find it: it is no new one.
        """
        run, book = self._live.get((zone, key)), self._authority.books.get(zone)
        body = book.state.bulks.running.get(key) if book is not None else None
        if run is None and book is not None and body is not None:
            run = _Run(book, bulk_of(body, zone), bulk_digest(body))
            run.cancelled, run.from_before = bool(body.get("cancelled")), True
            self._live[(zone, key)] = run
        return run

    def _ask_before(self, run: _Run, accepted_ns: int) -> None:
        cells = self._fan_out_of(run.bulk.zone).cells
        BulkAsker(
            self._service, run.bulk, accepted_ns, cells,
            lambda doubtful: self._fan_out(run, True, doubtful),
        )  # fmt: skip

    def _accept(
        self, book: ZoneBook, bulk: Bulk, body: Mapping[str, Any], digest: bytes, done: Done
    ) -> None:
        run = self._live[(bulk.zone, (bulk.principal, bulk.id))] = _Run(book, bulk, digest)
        run.waiters.append(done)

        def written(error: JournalError | None) -> None:
            if error is None:
                self._fan_out(run, False)
                return
            del self._live[(bulk.zone, (bulk.principal, bulk.id))]
            why = f"the zone's journal cannot take it: {error}; nothing was accepted, retry"
            for waiter in run.waiters:
                self._refuse(bulk, waiter, Reason.JOURNAL, why)

        self._append(run, Draft(RecordKind.BULK_ACCEPTED, body), written)

    def cancel(self, zone: str, key: Key, told: CancelTold) -> bool:
        """Take a zone's part back; ``told`` hears once what became of it. False: it is unknown.

        ``told`` gets how many devices ended CANCELLED, at how many it was too late, and how many
        cells have not answered; or the error of the journal, and then nothing was done.
        """
        book, run = self._authority.books.get(zone), self._run_of(zone, key)
        ended = book.state.bulks.ended.get(key) if book is not None else None
        statuses: bytes | None = ended.get("statuses", b"") if ended is not None else None
        if run is not None and run.result is not None:
            statuses = run.result.statuses
        if statuses is not None:
            cancelled = bytes(statuses).count(Status.CANCELLED)
            told((cancelled, len(statuses) - cancelled, 0))
            return True
        if run is None:
            return False
        if run.cancelled:
            self._withdraw(run, told)
            return True

        def written(error: JournalError | None) -> None:
            if error is not None:
                told(error)
                return
            run.cancelled = True
            self._withdraw(run, told)

        body = {
            "id": key[1], "principal": key[0], "boot_ns": self._service.clock.boot_ns(),
            "bulk": True,
        }  # fmt: skip
        self._append(run, Draft(RecordKind.CANCEL, body), written)
        return True

    def _withdraw(self, run: _Run, told: CancelTold) -> None:
        """Have the cells end what they have not sent."""
        bulk, cells = run.bulk, self._fan_out_of(run.bulk.zone).cells
        found: list[tuple[int, int, int]] = []

        def collect(counts: tuple[int, int, int]) -> None:
            found.append(counts)
            if len(found) == len(cells):
                told((*map(sum, zip(*found, strict=True)),))  # type: ignore[arg-type]

        def answered(frame: bytes | None) -> None:
            try:
                said = messages.decode_reply(frame) if frame is not None else None
                collect((said["cancelled"], said["too_late"], 0) if said else (0, 0, 1))
            except (JacquemartError, LookupError, TypeError):
                collect((0, 0, 1))

        frame = messages.query(
            "withdraw_bulk", zone=bulk.zone, principal=bulk.principal, id=bulk.id
        )
        expires = self._service.clock.boot_ns() + WITHDRAW_NS
        for cell in cells:
            try:
                sent = self._service.caller(cell).call(frame, expires, answered)
            except JacquemartError:
                sent = False
            if not sent:
                collect((0, 0, 1))
        if not cells:
            told((0, 0, 0))

    def _fan_out(self, run: _Run, again: bool, never_to: Collection[str] = ()) -> None:
        if run.cancelled:  # before a restart: whoever has not done it must not begin now
            self._withdraw(run, lambda _: None)

        def ended(result: BulkResult) -> None:
            if run.result is not None:
                return  # its zone has left meanwhile
            run.result = _doubted(result) if again else result
            waiters, run.waiters = run.waiters, []
            for waiter in waiters:
                waiter(run.result)
            self._write_end(run)

        def waits() -> bool:  # what may have been done before, or is taken back, is not sent anew
            return not again and not run.cancelled

        self._fan_out_of(run.bulk.zone)(run.bulk, ended, never_to, waits)

    def keep_only(self, zones: Container[str]) -> None:
        """End the bulk commands of zones that leave the city, while their journals are open."""
        for zone, key in [place for place in self._live if place[0] not in zones]:
            run = self._live[(zone, key)]
            if run.result is None:
                run.result = self._fan_out_of(zone).refused(
                    run.bulk, Status.INDETERMINATE, Reason.STOPPING, "the zone has left the city"
                )
                waiters, run.waiters = run.waiters, []
                for waiter in waiters:
                    waiter(run.result)
                self._write_end(run)
            self._live.pop((zone, key), None)  # nobody is left to hear of its end's record

    def _write_end(self, run: _Run) -> None:
        result, bulk = run.result, run.bulk
        assert result is not None
        body = {
            "id": bulk.id, "principal": bulk.principal, "devices": list(result.devices),
            "statuses": result.statuses, "values": result.values,
            "dispatched_ns": result.dispatched_ns, "finished_ns": result.finished_ns,
            "exceptions": [[at, *why] for at, why in result.exceptions.items()],
        }  # fmt: skip

        def written(error: JournalError | None) -> None:
            if error is None:
                self._live.pop((bulk.zone, (bulk.principal, bulk.id)), None)
            else:
                self._service.loop.call_later(AGAIN_S, self._write_end, run)

        self._append(run, Draft(RecordKind.BULK_ENDED, body), written)

    def _append(
        self, run: _Run, draft: Draft, written: Callable[[JournalError | None], object]
    ) -> None:
        if self._authority.books.get(run.bulk.zone) is run.book and not self._service.stopping:
            self._authority.append(run.bulk.zone, (draft,), written)

    def _refuse(
        self, bulk: Bulk, done: Done, reason: str, detail: str, status: Status = Status.REJECTED
    ) -> None:
        done(self._fan_out_of(bulk.zone).refused(bulk, status, reason, detail))

    def _again(self, bulk: Bulk, ended: Mapping[str, Any]) -> BulkResult:
        """Return the result of a bulk command that has ended before."""
        if "devices" not in ended:
            why = "it has ended, and its results are not kept any more"
            return self._fan_out_of(bulk.zone).refused(bulk, Status.REJECTED, Reason.TOO_OLD, why)
        devices, statuses = ended["devices"], ended["statuses"]
        empty = unanswered(bulk.id, devices, Status.REJECTED, "", "")
        exceptions = {row[0]: (row[1], row[2]) for row in ended.get("exceptions", ())}
        return replace(
            empty, statuses=statuses, exceptions=exceptions,
            **{name: ended.get(name, getattr(empty, name)) for name in _COLUMNS},
        )  # fmt: skip


def body_of(bulk: Bulk, now_ns: int) -> dict[str, Any]:
    """Return the body of its BULK_ACCEPTED record."""
    return {
        "id": bulk.id, "principal": bulk.principal, "zone": bulk.zone, "kind": bulk.kind,
        "device": bulk.device, "point": bulk.point, "value": bulk.value, "unit": bulk.unit,
        "priority": bulk.priority, "deadline_ns": bulk.deadline_ns, "boot_ns": now_ns,
    }  # fmt: skip


def bulk_of(body: Mapping[str, Any], zone: str) -> Bulk:
    """Return the bulk command of a BULK_ACCEPTED record."""
    return Bulk(
        body["id"], body["principal"], zone, body.get("kind", "*"), body.get("device", "*"),
        body.get("point", ""), body.get("value"), body.get("unit", ""), body.get("priority", 8),
        body.get("deadline_ns", 0),
    )  # fmt: skip


def _doubted(result: BulkResult) -> BulkResult:
    """Return a result after a restart: what a cell that is away did before, nobody knows."""
    statuses = bytearray(result.statuses)
    for at, (reason, _) in result.exceptions.items():
        if reason == Reason.CELL_LOST and statuses[at] == Status.REJECTED:
            statuses[at] = Status.INDETERMINATE
    return replace(result, statuses=bytes(statuses))
