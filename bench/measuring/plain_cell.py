"""As much of a device cell as a plain command meets, without a loop, a socket or a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jacquemart.native.fast_path import FastPath
from jacquemart.native.lease import Gate
from jacquemart.native.line import Line
from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.plain_commands import plans_of
from jacquemart.runtime.kernel.dedup import DedupWindow
from jacquemart.runtime.model.outcome import Status


class Lamp(DeviceActor):
    """Gives back what it gets."""

    kind = "counted_lamp"

    @command("dim", "dims", takes=Argument("%", 0.0, 100.0), volatile=True)
    def dim(self, ticket: Ticket) -> float:
        """Answer at once."""
        return float(ticket.value or 0.0)


def permit(**more: Any) -> Any:
    """Return a permit of a shard that has the lease, and nothing to restore."""
    gate = Gate()
    gate.extend(2**62)
    return SimpleNamespace(gate=gate, unrestored=set(), **more)


class PlainCell:
    """One lamp, and what a fast path asks of its cell."""

    def __init__(self) -> None:
        """Have the lease, and nothing in hand."""
        host: Any = SimpleNamespace(ledger=Ledger(), clock=None, loop=None)
        spec: Any = SimpleNamespace(id="lamp-21231-0417", zone="north")
        shard: Any = SimpleNamespace(permit=permit())
        lamp = Lamp(spec, SimpleNamespace(points=()), shard, 0, host)  # type: ignore[arg-type]
        window: DedupWindow[bytes] = DedupWindow(1_000)
        self.path = FastPath(
            epoch=3, devices={spec.id: lamp}, window=window, marks=host.ledger, clock=None,
            shell=self, ticket_type=Ticket, plan_for=plans_of, empty=(), inherits=False,
            applied=Status.APPLIED, raised=(Exception,),
        )  # fmt: skip

    def stands_in_the_way(self, principal: str, id: bytes) -> bool:
        """Nothing does."""
        return False

    def ended(self, *told: object) -> None:
        """Take note of nothing: everything ends at once."""


class Answers(Line):
    """A line that answers into nothing."""

    def __init__(self) -> None:
        pump = SimpleNamespace(send=lambda *_: True, readable=False)
        self.begin(pump, self.long_way, self.long_way, 256)

    def long_way(self, found: object) -> None:
        """Stop: this would be another path."""
        raise SystemExit(f"a message in a bundle went the long way: {found!r}")
