"""The cells on other hosts: whether they live, as the zone cells hear it, and as Ray does.

*Theory.* No pidfd and no shared memory reaches another host. But each device cell asks its zone
cell for its leases five times a second, and the zone cell is on the warden's host. So the warden
asks the zone cell how many questions it has heard of whom, and takes the count for a stamp: who
asks no more has ended, is frozen, or cannot be reached, and may write for less than a second more.
Its successor waits for the end of those leases anyway, so a wrong guess costs a hand-over and
nothing else: the old one is fenced off.

Silence is counted in answers of the zone cell that came on time. While it is replaced or slow,
nobody is silent. Ray is asked besides, every second: it knows of cells that never had a lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jacquemart.runtime.cluster.watch import FrozenWatch, Stage
from jacquemart.runtime.model.errors import CellUnreachable

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.keeper import Keeper
    from jacquemart.runtime.cluster.live_cell import LiveCell

#: How often the zone cells are asked.
ASK_S = 0.1
#: A cell that has asked for no lease for so long is lost: five questions.
SILENT_S = 1.0
HEARD = "heard"


class OtherHosts:
    """Watches for a :class:`Keeper`. For the warden's main thread."""

    def __init__(self, keeper: Keeper, freeze_s: float) -> None:
        """Watch nobody yet; ``freeze_s`` as in the warden's options."""
        self._keeper = keeper
        self._watch = FrozenWatch(silent_s=max(freeze_s, SILENT_S) if freeze_s > 0 else 0.0)
        self._next_s = 0.0

    def turn(self, now: float) -> None:
        """Take what the zone cells have answered, and ask them again if it is time."""
        cells = self._keeper.cells
        far = self._far()
        if not far:
            return
        for zone, heard in cells.answers(HEARD).items():
            if not isinstance(heard, Exception) and zone in cells.live:
                self._judge(now, far, heard)
        if now >= self._next_s:
            self._next_s = now + ASK_S
            for cell in cells.live.values():
                if cell.blueprint.role == "zone" and cell.line and not cell.owes(HEARD):
                    cell.line.call(HEARD)

    def _far(self) -> dict[str, LiveCell]:
        watch, cells = self._keeper.watch, self._keeper.cells
        return {
            name: cell
            for name, cell in cells.live.items()
            if cell.arrival and not cell.local_pid and watch.stage(name) is Stage.RUNNING
        }

    def _judge(self, now: float, far: dict[str, LiveCell], heard: dict[str, list[int]]) -> None:
        counts = {}
        for name, cell in far.items():
            epoch, count = heard.get(name, (0, 0))
            if epoch == cell.epoch:  # before its first question nobody can say anything
                counts[name] = count
        for name, seconds in self._watch.look(now, counts).items():
            self._keeper.lose(name, f"its zone has not heard of it for {seconds:.1f} s")

    def ask_ray(self, now: float) -> None:
        """Ask the cells through Ray, and take what they have answered since the last time."""
        keeper = self._keeper
        cells, watch = keeper.cells, keeper.watch
        far = [name for name in cells.running() if not cells.live[name].local_pid]
        if not far:
            return
        for name, answer in cells.answers("beat").items():
            if isinstance(answer, CellUnreachable):
                keeper.lose(name, str(answer))
            elif isinstance(answer, Exception):
                keeper.act(watch.missed(name, now))
            elif watch.stage(name) is Stage.RUNNING:
                keeper.act(watch.answered(name))
        for name in cells.owing("beat"):
            keeper.act(watch.missed(name, now))
        cells.call("beat", [name for name in far if name in cells.live])
