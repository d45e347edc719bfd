"""The authority of a zone cell: the books of its zones, and the only way to write in them.

A **book** is a zone's journal and the state that its records make. Whoever decides something for
a zone (commands, leases, claims, saved states) appends here, and acts when the record is on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from jacquemart.native.desk import Written
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.devices import ids_of, templates_of
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.durability import is_volatile
from jacquemart.runtime.model.errors import JournalCorrupt, JournalError, UsageError
from jacquemart.runtime.model.record import Draft, Record
from jacquemart.runtime.model.versions import PACKAGE
from jacquemart.runtime.store.journal import Journal, Opened
from jacquemart.runtime.store.memory import MemoryJournal

log = logging.getLogger("jacquemart.cell")

#: A snapshot is made after so many records, if the zone has been quiet for a moment …
SNAPSHOT_RECORDS = 5_000
#: … and after so many in any case.
SNAPSHOT_AT_MOST = 20_000
#: Pause between two pieces of one, which are about a millisecond's work each.
PIECE_S = 0.002
#: An append that nobody waits for goes to disk with the next, or after so long.
COMPANY_S = 0.02
#: Less than this is not waited for: loops count in milliseconds.
LEAST_S = 0.001
#: Folder of the centre's copies within the state folder.
COPIES = "copies"
#: A wall clock that goes another way by so much was set; a leap second is less.
CLOCK_SET_NS = 2_000_000_000
#: No record for so long is a quiet moment.
QUIET_NS = 2_000_000_000

Done = Callable[[JournalError | None], object]
Part = tuple[Sequence[Draft], Done]
Opener = Callable[[str], Opened]
Later = Callable[[float, Callable[[], object]], object]


class Loop(Protocol):
    """What journals need of the loop."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> object:
        """Call something in the next turn."""
        ...

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object:
        """Do the same from any thread."""
        ...


class Home(NamedTuple):
    """Where devices are at home, and what they are; one for all of a template in a shard."""

    shard: str
    zone: str
    template: TemplateSpec


class ZoneBook:
    """One zone's journal, and what it says."""

    def __init__(self, zone: str, journal: Journal, state: ZoneState) -> None:
        """Keep the book of ``zone``."""
        self.zone = zone
        self.journal = journal
        self.state = state
        self.snapshot_at = state.sequence
        """Number of the last record that is in a snapshot."""
        self.written_ns = 0
        """Boot-time of the last append."""
        self.alone: list[Part] = []
        """Appends that wait for company."""
        self.alone_ns = 0
        """Boot-time since when the first of them waits."""
        self.looks = False
        """Whether a timer is under way that looks how long they have waited."""
        self._packing = False

    @property
    def fault(self) -> JournalError | None:
        """Why nothing can be accepted now; None while all is well."""
        return self.journal.fault

    def snapshot(self, later: Later | None = None) -> None:
        """Have the journal keep the state as it is now; its older records may go.

        With ``later`` (``loop.call_later``) the work is done in small pieces.
        """
        if self._packing or self.state.sequence <= self.snapshot_at:
            return
        upto, pieces = self.state.sequence, self.state.pieces()
        if later is None:
            self._keep(b"".join(pieces), upto)
            return
        self._packing = True
        made: list[bytes] = []

        def go_on() -> None:
            piece = next(pieces, None)
            if piece is not None:
                made.append(piece)
                later(PIECE_S, go_on)
                return
            self._packing = False
            self._keep(b"".join(made), upto)

        go_on()

    def _keep(self, packed: bytes, upto: int) -> None:
        if self.journal.fault is None:
            self.snapshot_at = upto
            self.journal.snapshot(packed, upto)


class Authority:
    """The books of a zone cell's zones."""

    def __init__(self, clock: Clock, opener: Opener, later: Later | None = None) -> None:
        """Have no zone yet.

        Args:
            clock: for the times of records.
            opener: opens the journal of a zone.
            later: ``loop.call_later``, for work that must not hold the loop; None: it may.
        """
        self.books: dict[str, ZoneBook] = {}
        self.closed: dict[str, JournalError] = {}
        """Zones whose journal could not be opened, and why; they accept nothing."""
        self._clock = clock
        self._opener = opener
        self._later = later
        self._homes: dict[str, Home] = {}

    def open(self, zones: Iterable[str]) -> None:
        """Have exactly these zones: open the books of those that come, close those that go.

        A journal that cannot be opened is told and kept from accepting; the others go on.
        """
        wanted = dict.fromkeys(zones)
        for zone in [zone for zone in self.books if zone not in wanted]:
            self._close(self.books.pop(zone))
        self.closed = {zone: why for zone, why in self.closed.items() if zone in wanted}
        for zone in wanted:
            if zone not in self.books:
                self._open(zone)

    def settle(self, shards: Iterable[ShardSpec], templates: Mapping[str, TemplateSpec]) -> None:
        """Know where each device is at home, and what it is."""
        self._homes = {}
        for shard in shards:
            known: dict[str, Home] = {}
            for device, name in zip(
                ids_of(shard.devices), templates_of(shard.devices), strict=True
            ):
                home = known.get(name)
                if home is None:
                    home = known[name] = Home(shard.id, shard.zone, templates[name])
                self._homes[device] = home

    @property
    def homes(self) -> dict[str, Home]:
        """Where all devices of these zones are at home, as of the last ``settle``."""
        return self._homes

    def home_of(self, device: str) -> Home | None:
        """Return where a device is at home; None if no zone here has it."""
        return self._homes.get(device)

    def where(self, device: str, verb: str, point: str) -> tuple[str, str, bool] | None:
        """Return a device's zone and shard, and whether a command to it is volatile."""
        home = self._homes.get(device)
        if home is None:
            return None
        return home.zone, home.shard, is_volatile(home.template, verb, point)

    def book_of(self, device: str) -> ZoneBook | None:
        """Return the book of a device's zone; None if no zone here has it, or it is closed."""
        home = self._homes.get(device)
        return self.books.get(home.zone) if home is not None else None

    def shard_of(self, device: str) -> str:
        """Return the shard of a device; empty if no zone here has it."""
        home = self._homes.get(device)
        return home.shard if home is not None else ""

    def zone_of(self, device: str) -> str:
        """Return the zone of a device; empty if no zone here has it."""
        home = self._homes.get(device)
        return home.zone if home is not None else ""

    def append(self, zone: str, drafts: Sequence[Draft], done: Done, *, hurry: bool = True) -> None:
        """Write records, all or none; when they are on disk, the state has them.

        ``done`` is called later, on the loop, once: with None after the state has taken them,
        or with the error, and then they count for nothing. Without ``hurry`` they go to disk with
        the next that are in a hurry, or after ``COMPANY_S``: a commit less, and one less to wait
        for. Their order is that of the calls, whoever is in a hurry.

        Raises:
            UsageError: no book of that zone is open; our bug, or the asker's.
        """
        book = self.books.get(zone)
        if book is None:
            raise UsageError(f"no journal of zone {zone!r} is open here", where="journal")
        drafts = tuple(drafts)
        if not hurry and self._later is not None:
            book.alone.append((drafts, done))
            if len(book.alone) == 1:
                book.alone_ns = self._clock.boot_ns()
                self._look_later(book, COMPANY_S)
            return
        if book.alone:
            alone, book.alone = book.alone, []
            try:
                self._write(book, (*alone, (drafts, done)))
                return
            except UsageError:  # one of them is at fault
                book.alone = alone
                self._go_alone(book)
        self._write(book, ((drafts, done),))

    def _look_later(self, book: ZoneBook, seconds: float) -> None:
        # One timer a book: most find company, so one each would come when others have just begun
        # to wait, and cost these a commit of their own.
        if not book.looks and self._later is not None:
            book.looks = True
            self._later(seconds, partial(self._look_who_waits, book))

    def _look_who_waits(self, book: ZoneBook) -> None:
        book.looks = False
        if not book.alone:
            return
        left = COMPANY_S - (self._clock.boot_ns() - book.alone_ns) / 1e9
        if left < LEAST_S:
            self._go_alone(book)
        else:
            self._look_later(book, left)

    def _go_alone(self, book: ZoneBook) -> None:
        alone, book.alone = book.alone, []
        for drafts, done in alone:
            try:
                self._write(book, ((drafts, done),))
            except UsageError as error:  # the others are not to blame
                refused = JournalError(error.message)
                if self._later is not None:
                    self._later(0.0, partial(done, refused))

    def _write(self, book: ZoneBook, parts: Sequence[Part]) -> None:
        """Write what several have appended, as one: what is on disk is so in their order."""
        written = Written(book, parts, self._clock.wall_ns(), Record)
        book.written_ns = self._clock.boot_ns()
        drafts = parts[0][0]
        if len(parts) > 1:
            drafts = [draft for part, _ in parts for draft in part]
        written.last = book.journal.append(drafts, written)

    def clock_set_s(self, zone: str) -> float:
        """Return how far the wall clock was set before a zone's journal was opened, in seconds.

        Below 0: back. 0 if not by ``CLOCK_SET_NS``, as far as can be told.
        """
        book = self.books.get(zone)
        jump_ns = book.state.clock.jump_ns if book is not None else 0
        return round(jump_ns / 1e9, 1) if abs(jump_ns) >= CLOCK_SET_NS else 0.0

    def look(self) -> None:
        """Make snapshots where it is time; call it about once a second."""
        now = self._clock.boot_ns()
        for book in self.books.values():
            records = book.state.sequence - book.snapshot_at
            quiet = now - book.written_ns > QUIET_NS
            if records >= SNAPSHOT_AT_MOST or (records >= SNAPSHOT_RECORDS and quiet):
                book.snapshot(self._later)

    def close(self) -> None:
        """Close all books; idempotent. Blocks as long as the disks do."""
        for book in self.books.values():
            self._close(book)
        self.books.clear()

    def _open(self, zone: str) -> None:
        try:
            opened = self._opener(zone)
            state = ZoneState.unpack(opened.state)
        except JournalError as error:
            self.closed[zone] = error
            log.error("the journal of zone %s cannot be opened: %s", zone, error)
            return
        self.closed.pop(zone, None)
        snapshot_at = state.sequence
        for record in opened.records:
            if record.sequence > state.sequence:
                state.apply(record)
        book = self.books[zone] = ZoneBook(zone, opened.journal, state)
        book.snapshot_at = snapshot_at
        if by_s := self.clock_set_s(zone):
            log.warning("zone %s: the wall clock was set by %+.1f s meanwhile", zone, by_s)

    def _close(self, book: ZoneBook) -> None:
        try:
            self._go_alone(book)
            if book.journal.fault is None and book.state.sequence - book.snapshot_at > 1_000:
                book.snapshot()
            book.journal.close()
        except JournalError as error:
            log.error("the journal of zone %s could not be closed: %s", book.zone, error)


def opener_of(folder: str, epoch: int, loop: Loop, clock: Clock, most_format: int = 0) -> Opener:
    """Return what opens the journals of a zone cell.

    Args:
        folder: of the city's journals; empty: in memory, so that nothing outlives the process.
        epoch: of the zone cell.
        loop: on which journals call back.
        clock: whose times are in the records.
        most_format: the newest format that files are brought to; 0: the newest that there is.
    """

    def in_memory(zone: str) -> Opened:
        return MemoryJournal.open(zone, loop.call_soon, clock.wall_ns, epoch)

    if not folder:
        return in_memory

    def on_disk(zone: str) -> Opened:
        from jacquemart.runtime.store.copy_file import records_of
        from jacquemart.runtime.store.folder import journal_path
        from jacquemart.runtime.store.open import open_journal
        from jacquemart.runtime.store.repair import repair_journal
        from jacquemart.runtime.store.salvage import joined
        from jacquemart.runtime.store.settings import StoreSettings

        def opened() -> Opened:
            return open_journal(
                Path(folder), zone, post=loop.call_soon_threadsafe, wall_ns=clock.wall_ns,
                boot_id=boot_id(), boot_ns=clock.boot_ns, version=PACKAGE,
                settings=StoreSettings(most_format=most_format),
            )  # fmt: skip

        found = opened()
        if not isinstance(found.journal.fault, JournalCorrupt):
            return found
        found.journal.close()
        try:
            copy = records_of(Path(folder) / COPIES, zone)
            records = joined(journal_path(Path(folder), zone), copy)
            repair_journal(Path(folder), zone, records, most_format=most_format)
            log.warning("the journal of zone %s was damaged; repaired from the copy", zone)
        except JournalError as error:
            log.error("the journal of zone %s is damaged, and not repaired: %s", zone, error)
        return opened()

    return on_disk


def boot_id() -> str:
    """Return what tells this start of the host from every other; empty if it does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
