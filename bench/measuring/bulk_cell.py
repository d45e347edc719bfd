"""As much of a device cell as plain parts of a bulk command meet, without a loop or a driver."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jacquemart.native.parts import Gatherer, Outcomes, Parts
from jacquemart.native.table import PointTable
from jacquemart.runtime.cell.plain_parts import may_be_plain
from jacquemart.runtime.kernel.setpoints import Setpoints
from jacquemart.runtime.model.outcome import Status
from measuring.plain_cell import Lamp

#: A boot-time that never comes.
FAR_NS = 2**62


class BulkCell:
    """Some lamps whose feedback shows a value, and bulk commands that set it."""

    def __init__(self, lamps: int) -> None:
        """Have nothing in hand."""
        host: Any = SimpleNamespace(ledger=None, clock=None, loop=None)
        self._table = PointTable(lamps, 1)
        for slot in range(lamps):
            self._table.define(slot, 0, 0)
            self._table.update(slot, 1.0, 0, 1, 1)
        shard: Any = SimpleNamespace(setpoints=Setpoints())
        template: Any = SimpleNamespace(points=())
        self._shard, self._lamps = shard, lamps
        self._actors = [
            Lamp(SimpleNamespace(id=f"lamp-{n}", link="street"), template, shard, n, host)  # type: ignore[arg-type]
            for n in range(lamps)
        ]
        self._gatherer = Gatherer(may_be_plain)
        self.ended = 0

    def ended_some(self, count: int) -> None:
        """Count them."""
        self.ended += count

    def command(self) -> None:
        """Take all lamps in, hand them on, and end them."""
        outcomes = Outcomes(self._lamps)
        parts = Parts(
            self._lamps, writer=None, run=self, shard=self._shard, spec=None, table=self._table,
            outcomes=outcomes, taken=None, point_at=0, feedback_at=0, value=1.0,
            priority=8, unreachable=b"\xc3\xc4", deadline_ns=FAR_NS, received_ns=1,
        )  # type: ignore[arg-type]  # fmt: skip
        self._gatherer.gather(self._actors, 0, self._lamps, lambda _: parts, outcomes)
        parts.leave_claimed()
        parts.dispatched(2)
        parts.acknowledged(3, 4, FAR_NS)
        parts.judge(0.0, 3, 5, self._shard.setpoints, Status.APPLIED)
