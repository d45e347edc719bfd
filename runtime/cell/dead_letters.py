"""Dead letters of a zone cell's zones: shown, sent again as new commands, or thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from jacquemart.native import frames
from jacquemart.runtime.cell.service import number_arg, text_arg
from jacquemart.runtime.kernel.command_window import Body
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.errors import JournalError, UnknownDevice, UsageError
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.command_desk import CommandDesk

Done = Callable[[JournalError | None], object]
#: A letter that is sent again has so long, unless who does it says otherwise.
WITHIN_MS = 10_000.0
MOST_WITHIN_MS = 3_600_000.0


class DeadLetters:
    """Answers the questions about dead letters; see docs/protocol.md."""

    def __init__(self, desk: CommandDesk) -> None:
        """Send again through ``desk``."""
        self._desk = desk

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries."""
        return {
            "dead_letters": self._list,
            "replay_dead_letter": self._replay,
            "drop_dead_letter": self._drop,
        }

    def _list(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the letters of devices whose id matches ``pattern``, as maps, oldest first."""
        pattern = text_arg(args, "pattern", "*")
        rows = [
            {**body, "zone": zone}
            for zone, book in self._desk.authority.books.items()
            for body in book.state.dead_letters.values()
            if fnmatchcase(body.get("device", ""), pattern)
        ]
        return {"rows": rows}

    def _replay(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Send a letter again as a command of ``by``, with an id and a deadline of its own.

        The answer, ``id``, ``status``, ``reason`` and ``detail``, comes with its end. The letter
        is no more, unless the new command was not accepted.
        """
        zone, body = self._letter(args)
        by = text_arg(args, "by", "anonymous")
        within_ms = min(number_arg(args, "within_ms", WITHIN_MS), MOST_WITHIN_MS)
        if body.get("verb") in CLAIM_VERBS:
            raise UsageError("a claim is not replayed: make it anew", where="verb")
        desk = self._desk
        command = frames.Command(
            new_command_id(), by, body["device"], body.get("verb", "set"), body.get("point", ""),
            body.get("value"), body.get("unit", ""), body.get("priority", 8),
            desk.clock.boot_ns() + int(within_ms * 1e6), 0,
        )  # fmt: skip
        answer: asyncio.Future[dict[str, Any]] = desk.loop.create_future()

        def ended(frame: bytes) -> None:
            found = frames.decode_outcome(frame)
            told = {
                "id": found.id, "status": found.status, "reason": found.reason,
                "detail": found.detail,
            }  # fmt: skip
            if found.status not in (Status.REJECTED, Status.EXPIRED):
                self._end(zone, body, by, "replayed", lambda error: None)
            if not answer.done():
                answer.set_result(told)

        desk.submit(command, ended)
        return answer

    def _drop(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Throw a letter away; answered when that is on disk."""
        zone, body = self._letter(args)
        answer: asyncio.Future[dict[str, Any]] = self._desk.loop.create_future()

        def done(error: JournalError | None) -> None:
            if error is None:
                answer.set_result({"dropped": 1})
            else:
                answer.set_exception(error)

        self._end(zone, body, text_arg(args, "by", "anonymous"), "dropped", done)
        return answer

    def _end(
        self,
        zone: str,
        body: Body,
        by: str,
        how: str,
        done: Callable[[JournalError | None], object],
    ) -> None:
        ended = {
            "id": body["id"], "principal": body["principal"], "device": body.get("device", ""),
            "by": by, "how": how,
        }  # fmt: skip
        draft = Draft(RecordKind.DEAD_LETTER_ENDED, ended)
        self._desk.authority.append(zone, (draft,), done)

    def _letter(self, args: Mapping[str, Any]) -> tuple[str, Body]:
        device, id = text_arg(args, "device"), args.get("id")
        if not isinstance(id, bytes):
            raise UsageError("argument 'id' is not bytes")
        book = self._desk.authority.book_of(device)
        if book is None:
            raise UnknownDevice(f"no device {device!r} in the zones of this cell")
        state: ZoneState = book.state
        body = state.dead_letters.get((text_arg(args, "principal"), id, device))
        if body is None:
            raise UsageError(f"{device} has no such dead letter", advice="ask 'dead_letters'")
        return book.zone, body
