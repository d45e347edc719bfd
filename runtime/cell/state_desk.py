"""The zone's desk for what device cells want kept: saved states, and who is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.model.errors import JournalError, UsageError
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority

T = TypeVar("T")

MOST_WHY = 500


class StateDesk:
    """Writes STATE and PARKED, and answers when they are on disk."""

    def __init__(self, authority: Authority, loop: asyncio.AbstractEventLoop) -> None:
        """Write in the books of ``authority``."""
        self._authority = authority
        self._loop = loop

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the query ``save`` {zone, states: {device: {kind, state}}, parked: {device: why}}.

        An empty ``why``: the device is parked no more. The answer is the number of records.
        """
        return {"save": self._save}

    def _save(self, args: Mapping[str, Any]) -> asyncio.Future[int]:
        zone = text_arg(args, "zone")
        states, parked = _map(args, "states"), _map(args, "parked")
        known = self._authority.books.get(zone)
        before = known.state if known is not None else None
        drafts: list[Draft] = []
        for device, found in states.items():
            known_form = isinstance(found, dict)
            kind, state = (found.get("kind"), found.get("state")) if known_form else (None, None)
            if not isinstance(kind, str) or not isinstance(state, dict):
                raise UsageError(f"the state of {device!r} is no kind with a map", where="states")
            if before is None or before.states.get(device) != (kind, state):
                body: dict[str, Any] = {"device": device, "kind": kind, "state": state}
                drafts.append(Draft(RecordKind.STATE, body))
        for device, why in parked.items():
            if not isinstance(why, str):
                raise UsageError(f"why of {device!r} is no text", where="parked")
            if before is None or before.parked.get(device, "") != why:
                body = {"device": device, "parked": bool(why), "why": why[:MOST_WHY]}
                drafts.append(Draft(RecordKind.PARKED, body))
        return written(self._authority, self._loop, zone, drafts, len(drafts))


def written(
    authority: Authority,
    loop: asyncio.AbstractEventLoop,
    zone: str,
    drafts: list[Draft],
    answer: T,
) -> asyncio.Future[T]:
    """Append to a zone's journal; the future has ``answer`` when the records are on disk.

    Raises:
        UsageError: no journal of that zone is open here.
    """
    done: asyncio.Future[T] = loop.create_future()
    if not drafts:
        done.set_result(answer)
        return done

    def ended(error: JournalError | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(answer)
        else:
            done.set_exception(error)

    authority.append(zone, drafts, ended)
    return done


def _map(args: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = args.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"argument {name!r} is no map with text keys")
    return value
