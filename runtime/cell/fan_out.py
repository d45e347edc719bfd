"""From a supervisor down to the cells: one frame a cell, one result for all, nobody forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS
from jacquemart.runtime.cell.bulk import devices_meant, merge, pattern, unanswered
from jacquemart.runtime.model.errors import FrameError, JacquemartError, UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: A cell ends every command so long after its deadline; then it has lost them.
ANSWER_AFTER_DEADLINE_NS = END_AFTER_DEADLINE_NS + 1_500_000_000


class CellFanOut:
    """Sends a bulk command to the cells that own a zone's shards."""

    def __init__(self, service: Service, views: Sequence[ShardView]) -> None:
        """Fan out from ``service`` to the cells of ``views``."""
        self._service = service
        self._views = views

    def __call__(self, bulk: Bulk, done: Callable[[BulkResult], object]) -> None:
        """Send; ``done`` gets one result with every device that is meant, once."""
        by_cell: dict[str, list[ShardView]] = {}
        for view in self._views:
            home = self._service.directory.homes.get(view.layout.spec.id, "")
            by_cell.setdefault(home, []).append(view)
        if not by_cell:
            self._service.loop.call_soon(done, merge(bulk.id, []))
            return
        parts: list[BulkResult] = []

        def collect(result: BulkResult) -> None:
            parts.append(result)
            if len(parts) == len(by_cell):
                done(merge(bulk.id, parts))

        for cell, views in by_cell.items():
            self._send(bulk, cell, views, collect)

    def _send(
        self,
        bulk: Bulk,
        cell: str,
        views: Sequence[ShardView],
        collect: Callable[[BulkResult], object],
    ) -> None:
        def answer(frame: bytes | None) -> None:
            if frame is None:
                collect(self._lost(bulk, views, Status.INDETERMINATE, f"{cell} did not answer"))
                return
            try:
                collect(decode_answer(frame))
            except (FrameError, UsageError) as error:  # refused as such: nothing was done
                collect(self._lost(bulk, views, Status.REJECTED, f"{cell}: {error}"))
            except JacquemartError as error:
                collect(self._lost(bulk, views, Status.INDETERMINATE, f"{cell}: {error}"))

        expires = bulk.deadline_ns + ANSWER_AFTER_DEADLINE_NS
        try:
            sent = self._service.caller(cell).call(messages.encode_bulk(bulk), expires, answer)
        except JacquemartError:
            sent = False
        if not sent:
            why = f"{cell} is not reachable" if cell else "no cell has it yet; try again"
            lost = self._lost(bulk, views, Status.REJECTED, why)
            self._service.loop.call_soon(collect, lost)

    def _lost(
        self, bulk: Bulk, views: Sequence[ShardView], status: Status, detail: str
    ) -> BulkResult:
        shards = [view.layout.spec for view in views]
        zones = {shard.zone for shard in shards}
        meant = devices_meant(bulk, shards, views[0].layout.templates, zones)
        return unanswered(bulk.id, meant, status, Reason.CELL_LOST, detail)

    @staticmethod
    def zones_meant(bulk: Bulk, zones: Iterable[str]) -> list[str]:
        """Return the zones that a bulk command's pattern matches."""
        wanted = pattern(bulk.zone)
        return [zone for zone in zones if wanted.match(zone)]

    @staticmethod
    def for_zone(bulk: Bulk, zone: str) -> Bulk:
        """Return the part of a bulk command for one zone."""
        return replace(bulk, zone=zone)


def decode_answer(frame: bytes) -> BulkResult:
    """Decode the answer to a bulk command.

    Raises:
        JacquemartError: the error that the cell sent instead.
    """
    if messages.kind_of(frame) == frames.ERROR:
        messages.decode_reply(frame)
    return messages.decode_bulk_result(frame)
