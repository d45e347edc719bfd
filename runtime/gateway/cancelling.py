"""A command that its principal takes back, asked of whoever may have it.

A journalled command, a claim and a bulk command are known by their zones; a volatile command by
nobody but the cell of its device. Only the identity is needed to find it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from jacquemart.runtime.cell.cancelling import merge
from jacquemart.runtime.cell.withdrawing import ENDED, UNKNOWN, identity_of, outcome_row
from jacquemart.runtime.model.directory import Directory
from jacquemart.runtime.model.errors import NotYours, UnknownIdentity
from jacquemart.runtime.model.outcome import Status

#: Asks a cell: its name, the question, its arguments, and how long in seconds.
Ask = Callable[[str, str, Mapping[str, Any], float], Awaitable[Any]]
#: A zone has its answer after two and a half seconds, and a cell at once: one that is frozen must
#: not keep what the others say until the asker has gone.
ZONES_S, CELLS_S = 3.5, 1.2


async def cancel(
    ask: Ask, directory: Directory, args: Mapping[str, Any], anonymous: str
) -> dict[str, Any]:
    """Return what became of it: ``cancelled``, ``too_late``, ``asked``, ``outcome``.

    Raises:
        UnknownIdentity, NotYours: nothing was done. JacquemartError: a cell that may know it did
        not answer, or the journal takes nothing; it may be asked again.
    """
    principal, id = identity_of({**args, "principal": args.get("principal") or anonymous})
    identity = {"principal": principal, "id": id}
    zones = sorted(set(directory.zones.values()))
    found, broken = await _ask_all(ask, zones, "cancel", identity, ZONES_S)
    told = merge(found)
    if told["bulk"]:  # of which any zone may have a part
        told["asked"] += len(broken)
    if not told["known"]:
        cells = [cell.name for cell in directory.of_role("device")]
        volatile = {**identity, "volatile": True}  # of any other it is its zone that decides
        seen, silent = await _ask_all(ask, cells, "withdraw", volatile, CELLS_S)
        told = merge([told, *(_told(one) for one in seen if one["said"] != UNKNOWN)])
        broken = [*broken, *silent]
    if told["known"]:
        return {name: told[name] for name in ("cancelled", "too_late", "asked", "outcome")}
    if told["others"]:
        raise NotYours(
            f"the command {id.hex()} is not one of {principal}",
            advice="who gave it may take it back; a newer set takes its place, too",
        )
    if broken:
        raise broken[0]
    raise UnknownIdentity(
        f"no command {id.hex()} of {principal} is known",
        advice="it never came, or was forgotten long after its end",
    )


async def _ask_all(
    ask: Ask, cells: Sequence[str], verb: str, args: Mapping[str, Any], timeout_s: float
) -> tuple[list[Any], list[BaseException]]:
    """Return what the cells say, and why others say nothing."""
    asked = (ask(cell, verb, args, timeout_s) for cell in cells)
    found = await asyncio.gather(*asked, return_exceptions=True)
    return (
        [one for one in found if not isinstance(one, BaseException)],
        [one for one in found if isinstance(one, BaseException)],
    )


def _told(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cell says of a volatile command as a zone would say it."""
    outcome = outcome_row(said["frame"]) if said["said"] == ENDED else None
    cancelled = outcome is not None and outcome[2] == Status.CANCELLED
    return {
        "known": 1, "others": False, "bulk": False, "cancelled": int(cancelled),
        "too_late": int(not cancelled), "asked": 0, "outcome": outcome,
    }  # fmt: skip
