"""What nobody waits for goes to disk with what somebody does, and soon in any case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from jacquemart.runtime.cell.authority import COMPANY_S, Authority
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.store.journal import Opened
from jacquemart.runtime.store.memory import MemoryJournal

CLOCK = SystemClock()


def parked(device: str) -> tuple[Draft, ...]:
    return (Draft(RecordKind.PARKED, {"device": device, "parked": True, "why": "why"}),)


class Books:
    """An authority over one journal in memory, and what its appends were told, in order."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.told: list[tuple[str, JournalError | None]] = []

        def opened(zone: str) -> Opened:
            return MemoryJournal.open(zone, loop.call_soon, CLOCK.wall_ns)

        self.authority = Authority(CLOCK, opened, loop.call_later)
        self.authority.open(["north"])
        journal = self.authority.books["north"].journal
        assert isinstance(journal, MemoryJournal)
        self.journal = journal
        self.before = len(journal.records)
        self.commits = 0
        take = journal.append

        def counted(drafts: Sequence[Draft], done: Callable[[JournalError | None], object]) -> int:
            self.commits += 1
            return take(drafts, done)

        journal.append = counted  # type: ignore[method-assign]

    def append(self, device: str, *, hurry: bool) -> None:
        def done(error: JournalError | None) -> None:
            self.told.append((device, error))

        self.authority.append("north", parked(device), done, hurry=hurry)

    @property
    def written(self) -> list[str]:
        return [record.body["device"] for record in self.journal.records[self.before :]]


def with_books(story: Callable[[Books], Awaitable[None]]) -> None:
    async def run() -> None:
        await story(Books())

    asyncio.run(run())


def test_it_goes_with_the_next_that_is_in_a_hurry_and_before_it() -> None:
    async def story(books: Books) -> None:
        books.append("a", hurry=False)
        books.append("b", hurry=False)
        assert books.written == []
        books.append("c", hurry=True)
        assert books.written == ["a", "b", "c"]
        assert books.commits == 1
        await asyncio.sleep(0)
        assert books.told == [("c", None), ("a", None), ("b", None)], "who waits hears first"

    with_books(story)


def test_what_was_refused_together_is_told_in_its_order() -> None:
    async def story(books: Books) -> None:
        books.journal.fault = full = JournalError("full")
        for device in ("a", "b", "c"):
            books.append(device, hurry=device == "c")
        await asyncio.sleep(0)
        assert books.told == [("a", full), ("b", full), ("c", full)]
        assert books.written == []

    with_books(story)


def test_it_goes_alone_when_no_company_comes() -> None:
    async def story(books: Books) -> None:
        books.append("a", hurry=False)
        await asyncio.sleep(20 * COMPANY_S)
        assert books.written == ["a"]
        assert books.told == [("a", None)]

    with_books(story)


def test_what_waits_for_company_is_written_before_its_journal_is_closed() -> None:
    async def story(books: Books) -> None:
        books.append("a", hurry=False)
        books.authority.open([])
        assert books.written == ["a"]
        await asyncio.sleep(2 * COMPANY_S)
        assert books.written == ["a"]
        assert books.told == [("a", None)]

    with_books(story)


def test_each_is_told_of_a_fault_that_came_while_it_waited() -> None:
    async def story(books: Books) -> None:
        books.append("a", hurry=False)
        books.journal.fault = full = JournalError("full")
        await asyncio.sleep(20 * COMPANY_S)
        assert books.told == [("a", full)]

    with_books(story)


def test_one_that_no_journal_can_hold_does_not_harm_the_others() -> None:
    async def story(books: Books) -> None:
        none = (Draft(RecordKind.PARKED, {"device": object()}),)
        failed: list[JournalError | None] = []
        books.authority.append("north", none, failed.append, hurry=False)
        books.append("b", hurry=False)
        await asyncio.sleep(20 * COMPANY_S)
        assert books.written == ["b"]
        assert [type(error) for error in failed] == [JournalError]

    with_books(story)


class ByHand:
    """A clock, and timers that come when it says so."""

    def __init__(self) -> None:
        self.now_ns = 10**9
        self.timers: list[tuple[int, Callable[[], object]]] = []

    def boot_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 10**18 + self.now_ns

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        self.timers.append((self.now_ns + round(seconds * 1e9), callback))

    def pass_ms(self, ms: int) -> None:
        until = self.now_ns + ms * 1_000_000
        while self.timers and (first := min(self.timers, key=lambda timer: timer[0]))[0] <= until:
            self.timers.remove(first)
            self.now_ns = first[0]
            first[1]()
        self.now_ns = until


def test_the_timer_of_who_found_company_cuts_nobody_elses_wait_short() -> None:
    time = ByHand()
    authority = Authority(
        time, lambda zone: MemoryJournal.open(zone, lambda done: done(), time.wall_ns), time.later
    )
    authority.open(["north"])
    journal = authority.books["north"].journal
    assert isinstance(journal, MemoryJournal)
    before = len(journal.records)

    def written() -> list[str]:
        return [record.body["device"] for record in journal.records[before:]]

    def append(device: str, *, hurry: bool) -> None:
        authority.append("north", parked(device), lambda error: None, hurry=hurry)

    for round in range(3):
        append(f"{round} lone", hurry=False)
        assert len(time.timers) == 1, "one, however many have waited"
        time.pass_ms(8)
        append(f"{round} company", hurry=True)
    append("last", hurry=False)
    time.pass_ms(19)
    assert "last" not in written(), "it is not written before it has waited"
    assert len(written()) == 6
    time.pass_ms(2)
    assert written()[-1] == "last"
    time.pass_ms(100)
    assert time.timers == []
