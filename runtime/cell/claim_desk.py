"""The zone's desk for claims: which stand, and which are no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.cell.state_desk import written
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority

log = logging.getLogger("jacquemart.cell")

#: Fields of an end, and their types.
_FIELDS: Mapping[str, type] = {
    "device": str, "point": str, "slot": int, "owner": str, "why": str, "id": bytes,
}  # fmt: skip


class ClaimDesk:
    """Writes CLAIM_ENDED, and tells what stands."""

    def __init__(
        self,
        authority: Authority,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        may_tell: Callable[[Mapping[str, Any], str], bool | None],
    ) -> None:
        """Read and write the books of ``authority``; ``may_tell``: see ``LeaseDesk.may_tell``."""
        self._authority = authority
        self._loop = loop
        self._clock = clock
        self._may_tell = may_tell

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries ``claim_ended`` (of cells) and ``claims`` (of everybody)."""
        return {"claim_ended": self._ended, "claims": self._claims}

    def _ended(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Keep ends; the answer comes when they are on disk.

        It has ``taken``, the number of records, and two lists of positions in ``ended``: ``old``,
        of devices that another incarnation of a cell has now, whose word counts, and ``again``, of
        devices of which it is not known who has them.
        """
        zone, ended = text_arg(args, "zone"), args.get("ended")
        if not isinstance(ended, list):
            raise UsageError("argument 'ended' is no list of claims")
        ends = [_end_of(row) for row in ended]
        said = [self._may_tell(args, end["device"]) for end in ends]
        old = [at for at, may in enumerate(said) if may is False]
        for at in old[:1]:
            device, who = ends[at]["device"], f"{args.get('cell')}@{args.get('epoch')}"
            log.warning("zone %s: %s had %s once, and tells ends of claims", zone, who, device)
        drafts = [
            Draft(RecordKind.CLAIM_ENDED, end) for end, may in zip(ends, said, strict=True) if may
        ]
        again = [at for at, may in enumerate(said) if may is None]
        answer = {"taken": len(drafts), "old": old, "again": again}
        return written(self._authority, self._loop, zone, drafts, answer)

    def _claims(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return what stands on devices whose id matches ``pattern``; leases over are left out."""
        pattern = text_arg(args, "pattern", "*")
        now, wall = self._clock.boot_ns(), self._clock.wall_ns()
        rows = [
            _told(claim, zone, wall - now)
            for zone, book in self._authority.books.items()
            for device, claims in book.state.claims.items()
            if fnmatchcase(device, pattern) and self._authority.zone_of(device) == zone
            for claim in claims
            if not claim.until_boot_ns or claim.until_boot_ns > now
        ]
        return {"rows": rows}


def _told(claim: Claim, zone: str, began_ns: int) -> dict[str, Any]:
    """Return a claim as people are told it: until when by the wall clock as it goes now."""
    row = {**claim.as_plain(), "zone": zone}
    until_ns = row.pop("until_boot_ns")
    if until_ns:
        row["until_wall_ns"] = began_ns + until_ns
    return row


def _end_of(row: Any) -> dict[str, Any]:
    """Return the body of a record.

    Raises:
        UsageError: the cell's bug.
    """
    if not isinstance(row, dict) or any(
        not isinstance(row.get(name), kind) for name, kind in _FIELDS.items()
    ):
        raise UsageError("an end of a claim needs " + ", ".join(_FIELDS), where="ended")
    return {name: row[name] for name in _FIELDS}
