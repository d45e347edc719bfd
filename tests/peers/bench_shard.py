"""A shard for one device on a bench: it keeps what the device submits and says."""

from __future__ import annotations

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor import DeviceActor, Ticket
from jacquemart.runtime.kernel.setpoints import Setpoints
from jacquemart.runtime.model.claim import Claim


class BenchShard:
    """Takes writes and keeps them."""

    def __init__(self, points: int) -> None:
        self.table = PointTable(points, 0)
        self.up, self.why = True, ""
        self.submitted: list[tuple[int, float, Ticket]] = []
        self.fed: list[tuple[str, bool]] = []
        self.setpoints = Setpoints()
        self.ended: list[tuple[Claim, str]] = []

    def substitute(self, slot: int, value: float | None) -> None:
        raise NotImplementedError

    def claim_ended(self, actor: object, claim: Claim, why: str) -> None:
        self.ended.append((claim, why))

    def submit(self, actor: DeviceActor, point: int, value: float, ticket: Ticket) -> None:
        self.submitted.append((point, value, ticket))

    def link_state(self, actor: DeviceActor) -> tuple[bool, str]:
        return self.up, self.why

    def feeds(self, actor: DeviceActor, alive: bool) -> None:
        self.fed.append((actor.id, alive))
