"""From a supervisor down to the cells: one frame a cell, one result for all, nobody forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS
from jacquemart.runtime.cell.bulk import devices_meant, merge, pattern, unanswered
from jacquemart.runtime.kernel.lifecycle import OVERDUE_NS
from jacquemart.runtime.model.errors import (
    CellMoves,
    ClockUnknown,
    FrameError,
    JacquemartError,
    UsageError,
)
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: A cell ends every command so long after its deadline; then it has lost them.
ANSWER_AFTER_DEADLINE_NS = END_AFTER_DEADLINE_NS + 1_500_000_000
#: A cell that is handed over is waited for so long at most, and tried so often.
HAND_OVER_NS = 10_000_000_000
AGAIN_S = 0.02


class CellFanOut:
    """Sends a bulk command to the cells that own a zone's shards."""

    def __init__(self, service: Service, views: Sequence[ShardView]) -> None:
        """Fan out from ``service`` to the cells of ``views``."""
        self._service = service
        self._views = views

    def __call__(
        self,
        bulk: Bulk,
        done: Callable[[BulkResult], object],
        never_to: Collection[str] = (),
        waits: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send; ``done`` gets one result with every device that is meant, once.

        ``never_to``: cells that may have done it before, and would not know. ``waits``: whether
        it may still wait for the successor of a cell that is handed over.
        """
        if not self._views:
            self._service.loop.call_soon(done, merge(bulk.id, []))
            return
        clock = self._service.clock
        until_ns = min(bulk.deadline_ns, clock.boot_ns() + HAND_OVER_NS)

        def may_wait() -> bool:
            return clock.boot_ns() < until_ns and waits()

        self._spread(bulk, self._views, done, never_to, may_wait)

    def _spread(
        self,
        bulk: Bulk,
        views: Sequence[ShardView],
        done: Callable[[BulkResult], object],
        never_to: Collection[str],
        may_wait: Callable[[], bool],
    ) -> None:
        """Send each cell its part; what no cell has is looked for again."""
        by_cell: dict[str, list[ShardView]] = {}
        for view in views:
            home = self._service.directory.homes.get(view.layout.spec.id, "")
            by_cell.setdefault(home, []).append(view)
        parts: list[BulkResult] = []

        def collect(result: BulkResult) -> None:
            parts.append(result)
            if len(parts) == len(by_cell):
                done(merge(bulk.id, parts))

        for cell, mine in by_cell.items():
            if not cell and may_wait():  # the directory is not here yet, or a cell is replaced
                if not self._service.stopping:
                    again = partial(self._spread, bulk, mine, collect, never_to, may_wait)
                    self._service.loop.call_later(AGAIN_S, again)
            elif cell in never_to:
                why = f"{cell} does not know whether it was sent before; it is not sent again"
                unknown = self._lost(bulk, mine, Status.INDETERMINATE, why)
                self._service.loop.call_soon(collect, unknown)
            else:
                self._send(bulk, cell, mine, collect, may_wait)

    def _send(
        self,
        bulk: Bulk,
        cell: str,
        views: Sequence[ShardView],
        collect: Callable[[BulkResult], object],
        may_wait: Callable[[], bool],
    ) -> None:
        """Send one cell's part, and wait for its successor while it is handed over."""

        def again() -> None:
            if may_wait():
                self._send(bulk, cell, views, collect, may_wait)
            else:  # it was taken back meanwhile, say: its successor must not begin
                why = f"{cell} was handed over, and it is not sent any more"
                collect(self._lost(bulk, views, Status.REJECTED, why))

        def answer(frame: bytes | None) -> None:
            if frame is None:
                collect(self._lost(bulk, views, Status.INDETERMINATE, f"{cell} did not answer"))
                return
            try:
                collect(decode_answer(frame))
            except CellMoves as error:  # nothing was done
                if may_wait():
                    self._service.loop.call_later(AGAIN_S, again)
                else:
                    collect(self._lost(bulk, views, Status.REJECTED, f"{cell}: {error}"))
            except ClockUnknown as error:  # nothing was sent
                collect(self._lost(bulk, views, Status.REJECTED, str(error), Reason.CLOCK))
            except (FrameError, UsageError) as error:  # refused as such: nothing was done
                collect(self._lost(bulk, views, Status.REJECTED, f"{cell}: {error}"))
            except JacquemartError as error:
                collect(self._lost(bulk, views, Status.INDETERMINATE, f"{cell}: {error}"))

        expires = bulk.deadline_ns + OVERDUE_NS  # so that all know the end within five seconds
        try:
            sent = self._service.caller(cell).call(messages.encode_bulk(bulk), expires, answer)
        except JacquemartError:
            sent = False
        if not sent and may_wait():
            if not self._service.stopping:
                self._service.loop.call_later(AGAIN_S, again)
        elif not sent:
            why = f"{cell} is not reachable" if cell else "no cell has it yet; try again"
            lost = self._lost(bulk, views, Status.REJECTED, why)
            self._service.loop.call_soon(collect, lost)

    @property
    def cells(self) -> list[str]:
        """The cells that a bulk command goes to, as the directory has them now."""
        homes = self._service.directory.homes
        return sorted({homes.get(view.layout.spec.id, "") for view in self._views} - {""})

    def refused(self, bulk: Bulk, status: Status, reason: str, detail: str) -> BulkResult:
        """Return the result of a bulk command that goes to nobody."""
        if not self._views:
            return merge(bulk.id, [])
        found = self._lost(bulk, self._views, status, detail)
        why = dict.fromkeys(range(len(found.devices)), (reason, detail))
        return replace(found, exceptions=why)

    def _lost(
        self, bulk: Bulk, views: Sequence[ShardView], status: Status, detail: str,
        reason: str = Reason.CELL_LOST,
    ) -> BulkResult:  # fmt: skip
        shards = [view.layout.spec for view in views]
        zones = {shard.zone for shard in shards}
        meant = devices_meant(bulk, shards, views[0].layout.templates, zones)
        return unanswered(bulk.id, meant, status, reason, detail)

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
