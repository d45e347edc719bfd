"""Commands of a zone that whoever gave them takes back: on disk first, then done, then said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from jacquemart.native import frames
from jacquemart.runtime.cell.bulk_desk import BulkDesk
from jacquemart.runtime.cell.withdrawing import TOO_LATE, identity_of, outcome_row
from jacquemart.runtime.kernel.command_window import Key
from jacquemart.runtime.kernel.lifecycle import Entry, Event
from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.command_desk import CommandDesk
    from jacquemart.runtime.cell.zone_desk import ZoneDesk

#: Who asks waits so long for the cell to say whether it was in time.
PATIENCE_S = 2.5
#: Commands of a zone that are looked through for one that is another principal's.
LOOKED_AT = 2_000

Told = dict[str, Any]


class Cancelling:
    """Answers the query ``cancel`` for the zones of a cell; see docs/protocol.md."""

    def __init__(self, desk: CommandDesk, bulks: BulkDesk) -> None:
        """Take back what ``desk`` and ``bulks`` have accepted."""
        self._desk = desk
        self._bulks = bulks
        self._waiting: dict[Key, tuple[Entry, list[asyncio.Future[Told]]]] = {}
        self._writing: set[Key] = set()
        desk.when_reached(self._reached, self._waiting)
        desk.recalled = self._recalled

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the query."""
        return {"cancel": self._cancel}

    def _cancel(self, args: Mapping[str, Any]) -> asyncio.Future[Told] | Told:
        """Take a command or bulk command back: ``principal``, ``id``.

        ``known`` is how many zones have it; ``others``: it is another principal's; ``bulk``: it
        is a bulk command, of which other zones may have parts.
        """
        key = identity_of(args)
        parts: list[asyncio.Future[Told] | Told] = []
        for desk in list(self._desk.desks.values()):
            entry = desk.admissions.live.get(key)
            ended = desk.book.state.commands.ended.get(key)
            if entry is not None and not entry.told:
                parts.append(self._take_back(desk, entry))
            elif entry is not None or ended is not None:
                parts.append(_ended((entry or ended).frame))  # type: ignore[union-attr]
            bulk: asyncio.Future[Told] = self._desk.loop.create_future()
            if self._bulks.cancel(desk.zone, key, partial(_tell_bulk, bulk)):
                parts.append(bulk)
        if not parts:
            return {**_NOTHING, "others": self._is_anothers(key)}
        return self._desk.loop.create_task(_merged(parts))

    def _is_anothers(self, key: Key) -> bool:
        """Whether a command with that id runs that is another principal's, among the oldest.

        Only the words of the refusal depend on it, so it may cost the zone next to nothing.
        """
        desks = self._desk.desks.values()
        return any(
            id == key[1] for desk in desks for _, id in islice(desk.admissions.live, LOOKED_AT)
        )

    def _take_back(self, desk: ZoneDesk, entry: Entry) -> asyncio.Future[Told]:
        loop = self._desk.loop
        answer: asyncio.Future[Told] = loop.create_future()
        self._waiting.setdefault(entry.key, (entry, []))[1].append(answer)
        timer = loop.call_later(PATIENCE_S, self._give_up, entry.key, answer)
        answer.add_done_callback(lambda _: timer.cancel())
        if entry.cancelled:
            desk.happen(entry, Event.CANCEL)  # its cell may not have heard of it
        elif entry.key not in self._writing:
            self._writing.add(entry.key)
            body = {
                "id": entry.key[1], "principal": entry.key[0],
                "boot_ns": self._desk.clock.boot_ns(),
            }  # fmt: skip
            written = partial(self._written, desk, entry)
            self._desk.append(desk, Draft(RecordKind.CANCEL, body), written)
        return answer

    def _written(self, desk: ZoneDesk, entry: Entry, error: JournalError | None) -> None:
        self._writing.discard(entry.key)
        if error is None:
            desk.happen(entry, Event.CANCEL)
            return
        for answer in self._waiting.pop(entry.key, (entry, []))[1]:
            if not answer.done():
                answer.set_exception(error)

    def _reached(self, key: Key) -> None:
        """Answer who waits, if the command has its end now."""
        found = self._waiting.get(key)
        if found is not None and found[0].told:
            del self._waiting[key]
            for answer in found[1]:
                self._say(answer, _ended(found[0].frame))

    def _recalled(self, entry: Entry, said: str) -> None:
        """Take what a cell says of a command; that it has taken it back is told by its end."""
        if said == TOO_LATE:
            for answer in self._waiting.pop(entry.key, (entry, []))[1]:
                self._say(answer, {**_NOTHING, "known": 1, "too_late": 1})

    def _give_up(self, key: Key, answer: asyncio.Future[Told]) -> None:
        """Say that its cell has not answered: what becomes of it is asked for later."""
        self._say(answer, {**_NOTHING, "known": 1, "asked": 1})
        found = self._waiting.get(key)
        if found is not None and all(one.done() for one in found[1]):
            del self._waiting[key]

    def _say(self, answer: asyncio.Future[Told], told: Told) -> None:
        if not answer.done():
            answer.set_result(told)


_NOTHING: Told = {
    "known": 0, "others": False, "bulk": False, "cancelled": 0, "too_late": 0, "asked": 0,
    "outcome": None,
}  # fmt: skip


def _ended(frame: bytes) -> Told:
    cancelled = frames.decode_outcome(frame).status == Status.CANCELLED
    return {
        **_NOTHING, "known": 1, "cancelled": int(cancelled), "too_late": int(not cancelled),
        "outcome": outcome_row(frame),
    }  # fmt: skip


def _tell_bulk(answer: asyncio.Future[Told], counts: tuple[int, int, int] | JournalError) -> None:
    if answer.done():
        return
    if isinstance(counts, JournalError):
        answer.set_exception(counts)
    else:
        names = zip(("cancelled", "too_late", "asked"), counts, strict=True)
        answer.set_result({**_NOTHING, "known": 1, "bulk": True, **dict(names)})


async def _merged(parts: list[asyncio.Future[Told] | Told]) -> Told:
    """Return what all zones say of one identity."""
    found = [await part if isinstance(part, asyncio.Future) else part for part in parts]
    return merge(found)


def merge(found: list[Told]) -> Told:
    """Put several answers to ``cancel`` together."""
    whole = dict(_NOTHING)
    for told in found:
        for name in ("known", "cancelled", "too_late", "asked"):
            whole[name] += told[name]
        whole["others"] = whole["others"] or told["others"]
        whole["bulk"] = whole["bulk"] or told.get("bulk", False)
        whole["outcome"] = whole["outcome"] or told["outcome"]
    return whole
