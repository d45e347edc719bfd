"""A bulk command from above the zones down to their cells, with one result for all.

The command centre sends so, and a gateway while there is no centre: the zones know a bulk command
by its identity, so that one which comes by both ways is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.runtime.cell.bulk import devices_meant, merge, unanswered
from jacquemart.runtime.cell.fan_out import (
    AGAIN_S,
    ANSWER_AFTER_DEADLINE_NS,
    HAND_OVER_NS,
    CellFanOut,
    decode_answer,
)
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: A zone answers a little after its cells had to; see CellFanOut.
ZONE_ANSWERS_AFTER_NS = ANSWER_AFTER_DEADLINE_NS + 1_000_000_000


class CityFanOut:
    """Sends a bulk command to the zone cells that it means."""

    def __init__(self, service: Service) -> None:
        """Send from ``service``, by its directory as of the moment."""
        self._service = service

    def __call__(
        self, bulk: Bulk, done: Callable[[BulkResult], object], *, again: bool = False
    ) -> None:
        """Send; ``done`` gets one result with every device that is meant, once.

        ``again``: somebody had it who may have sent it, so that of zones which cannot be reached
        now nobody knows whether they have done it.
        """
        service, zones = self._service, self._service.directory.zones
        cells = sorted({zones[zone] for zone in CellFanOut.zones_meant(bulk, zones)})
        parts: list[BulkResult] = []
        if not cells:
            service.loop.call_soon(done, merge(bulk.id, parts))
            return

        def collect(result: BulkResult) -> None:
            parts.append(result)
            if len(parts) == len(cells):
                done(merge(bulk.id, parts))

        until_ns = min(bulk.deadline_ns, service.clock.boot_ns() + HAND_OVER_NS)
        unsent = Status.INDETERMINATE if again else Status.REJECTED
        for cell in cells:
            self._send(bulk, cell, collect, until_ns, unsent)

    def _send(
        self,
        bulk: Bulk,
        cell: str,
        collect: Callable[[BulkResult], None],
        until_ns: int,
        unsent: Status,
    ) -> None:
        """Send one zone cell's part, and wait for its successor while it is handed over."""

        def answer(frame: bytes | None) -> None:
            if frame is not None:
                try:
                    collect(decode_answer(frame))
                    return
                except JacquemartError as error:
                    why = str(error)
            elif self._service.stopping:
                return  # who sent this hears that we are gone, and asks the zones
            else:
                why = "did not answer"
            collect(self._lost(bulk, cell, Status.INDETERMINATE, f"{cell}: {why}"))

        expires = max(self._service.clock.boot_ns(), bulk.deadline_ns) + ZONE_ANSWERS_AFTER_NS
        try:
            sent = self._service.caller(cell).call(messages.encode_bulk(bulk), expires, answer)
        except JacquemartError:  # the directory does not know it any more
            sent = False
        if not sent and self._service.clock.boot_ns() < until_ns:
            if not self._service.stopping:
                again = partial(self._send, bulk, cell, collect, until_ns, unsent)
                self._service.loop.call_later(AGAIN_S, again)
        elif not sent:
            lost = self._lost(bulk, cell, unsent, f"{cell} is not reachable")
            self._service.loop.call_soon(collect, lost)

    def _lost(self, bulk: Bulk, cell: str, status: Status, detail: str) -> BulkResult:
        zones, config = self._service.directory.zones, self._service.config
        here = {zone for zone in CellFanOut.zones_meant(bulk, zones) if zones[zone] == cell}
        meant = devices_meant(bulk, config.shards, config.templates, here)
        return unanswered(bulk.id, meant, status, Reason.CELL_LOST, detail)
