"""The centre's copy of the zones' journals: from it a damaged one is repaired.

Each zone cell reads its own journal in a thread and hands records on; the centre asks for those
behind the last that it has. It lags by a second, and more under heavy load: it is asked for at
most ``ROWS`` records each ``ASK_S``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.authority import COPIES
from jacquemart.runtime.cell.service import number_arg, text_arg
from jacquemart.runtime.model.errors import JacquemartError, JournalError, UsageError
from jacquemart.runtime.store.copy_file import CopyFile
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.reader import JournalReader
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority
    from jacquemart.runtime.cell.service import Service

ASK_S = 0.5
ANSWER_S = 5.0
#: Records in one answer.
ROWS = 4_000
#: Bodies of so many bytes are enough for one answer.
MOST_BYTES = 4 * 2**20


class JournalFeed:
    """In a zone cell: hands the records of its journals to who copies them."""

    def __init__(self, service: Service, authority: Authority) -> None:
        """Read the journals in the state folder of ``service``, whose books are open."""
        self._service = service
        self._authority = authority

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return ``journal_after`` {zone, sequence}: rows behind that number, in order.

        And ``journal_ends`` {}: the number of the last record of each zone, so that nobody has to
        ask each of them whether there is anything new.
        """
        return {"journal_after": self._after, "journal_ends": lambda _: self._ends()}

    def _ends(self) -> dict[str, int]:
        return {zone: book.state.sequence for zone, book in self._authority.books.items()}

    def _after(self, args: Mapping[str, Any]) -> asyncio.Future[list[Any]]:
        zone, sequence = text_arg(args, "zone"), int(number_arg(args, "sequence", 0))
        state = self._service.config.state
        if not state:
            raise UsageError("this city's journals are in memory; there is nothing to copy")
        path = journal_path(Path(state), zone)

        def read() -> list[Any]:
            with JournalReader(path) as journal:
                anchor = journal.anchor().sequence
                rows: list[Any] = []
                size = 0
                for row in islice(journal.rows(max(sequence, anchor)), ROWS):
                    rows.append(row)
                    size += len(row[-1])
                    if size > MOST_BYTES:
                        break
                return rows

        return self._service.loop.run_in_executor(None, read)


class JournalCopies:
    """In the centre: follows all zones' journals, on disk."""

    def __init__(self, service: Service) -> None:
        """Copy into the state folder of ``service``; without one, do nothing."""
        self._service = service
        self._folder = Path(service.config.state) / COPIES if service.config.state else None
        self._files: dict[str, CopyFile] = {}
        self._task: asyncio.Task[None] | None = None
        if self._folder is not None:
            self._task = service.loop.create_task(self._follow(self._folder))

    async def stop(self) -> None:
        """Copy nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for file in self._files.values():
            file.close()

    async def _follow(self, folder: Path) -> None:
        while True:
            await asyncio.sleep(ASK_S)
            for cell in sorted(set(self._service.directory.zones.values())):
                with contextlib.suppress(JacquemartError):
                    await self._copy_all(folder, cell)

    async def _copy_all(self, folder: Path, cell: str) -> None:
        ends = await self._ask(cell, "journal_ends")
        zones = [zone for zone, at in self._service.directory.zones.items() if at == cell]
        for zone in zones:
            end = ends.get(zone, 0) if isinstance(ends, dict) else 0
            try:
                file = self._files.get(zone)
                if file is None:
                    file = self._files[zone] = await asyncio.to_thread(CopyFile, folder, zone)
                if end > file.last:
                    await self._copy(file, zone, cell)
            except JournalError as error:
                self._service.broken(error)  # the disk; said, and tried again

    async def _ask(self, cell: str, verb: str, **args: Any) -> Any:
        frame = await self._service.caller(cell).ask(messages.query(verb, **args), ANSWER_S)
        return messages.decode_reply(frame) if frame is not None else None

    async def _copy(self, file: CopyFile, zone: str, cell: str) -> None:
        rows = await self._ask(cell, "journal_after", zone=zone, sequence=file.last)
        if isinstance(rows, list) and rows:
            await asyncio.to_thread(file.append, rows)
