"""The zone's desk for dead letters: messages that nobody could handle, kept for people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.cell.state_desk import written
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority

#: What a letter has, and the type of each.
FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "id": bytes, "principal": str, "device": str, "verb": str, "point": str,
    "value": (float, int, bool, str, type(None)), "unit": str, "priority": int, "attempts": int,
    "reason": str, "stack": str,
}  # fmt: skip
MOST_TEXT = 2_000


class DeadLetterDesk:
    """Writes DEAD_LETTER, and answers when it is on disk."""

    def __init__(self, authority: Authority, loop: asyncio.AbstractEventLoop) -> None:
        """Write in the books of ``authority``."""
        self._authority = authority
        self._loop = loop

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the query ``dead_letter`` {zone, letters: [a map of FIELDS]}."""
        return {"dead_letter": self._keep}

    def _keep(self, args: Mapping[str, Any]) -> asyncio.Future[int]:
        zone, letters = text_arg(args, "zone"), args.get("letters")
        if not isinstance(letters, list):
            raise UsageError("argument 'letters' is no list")
        drafts = [Draft(RecordKind.DEAD_LETTER, _body(letter)) for letter in letters]
        return written(self._authority, self._loop, zone, drafts, len(drafts))


def _body(letter: Any) -> dict[str, Any]:
    if not isinstance(letter, dict):
        raise UsageError("a dead letter is no map", where="letters")
    body = {}
    for name, kind in FIELDS.items():
        value = letter.get(name)
        if not isinstance(value, kind):
            raise UsageError(f"{name!r} is {type(value).__name__}", where="letters")
        body[name] = value[:MOST_TEXT] if isinstance(value, str) else value
    return body
