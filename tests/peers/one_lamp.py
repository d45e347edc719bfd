"""A fast path with one lamp behind it, and no cell: for what only its bytes matter to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jacquemart.native.fast_path import LONG_WAY, FastPath
from jacquemart.native.line import Line
from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.plain_commands import plans_of
from jacquemart.runtime.kernel.dedup import DedupWindow
from jacquemart.runtime.model.outcome import Status


class OneLamp(DeviceActor):
    """Gives its level back."""

    kind = "one_lamp"

    @command("dim", "dims", takes=Argument("%", 0.0, 100.0), volatile=True)
    def dim(self, ticket: Ticket) -> float:
        """Answer at once."""
        return float(ticket.value or 0.0)


class Answering(Line):
    """Keeps what is answered, and what went the long way."""

    def __init__(self) -> None:
        """Have answered nothing."""
        self.answered: list[tuple[bytes, ...]] = []
        self.long: list[tuple[bytes, ...]] = []
        pump = SimpleNamespace(send=lambda *parts: not self.answered.append(parts), readable=False)
        self.begin(pump, self.long.append, _raise, 256)


def lamp_path() -> FastPath:
    """Return the fast path of a cell at epoch 3 that has ``lamp-1``."""
    host: Any = SimpleNamespace(ledger=Ledger(), clock=None, loop=None)
    spec: Any = SimpleNamespace(id="lamp-1", zone="north")
    shard: Any = SimpleNamespace(permit=None)
    lamp = OneLamp(spec, SimpleNamespace(points=()), shard, 0, host)  # type: ignore[arg-type]
    return FastPath(
        epoch=3, devices={spec.id: lamp}, window=DedupWindow(100), marks=host.ledger, clock=None,
        shell=SimpleNamespace(failed=lambda error, *_: _raise(error)), ticket_type=Ticket,
        plan_for=plans_of, empty=(), inherits=False, applied=Status.APPLIED, raised=(),
    )  # fmt: skip


def offered(data: bytes) -> Answering:
    """Return a line on which ``data`` came to a lamp's fast path."""
    line = Answering()
    line.taker = lamp_path()
    line.hand_all([(b"peer", b"token", data)])
    return line


def taken(data: bytes) -> bytes | None:
    """Return what a lamp's fast path answers; None: it goes the long way."""
    answer = lamp_path().take(data, None, b"peer", b"token")
    return None if answer is LONG_WAY else answer


def _raise(error: BaseException) -> None:
    raise AssertionError(f"the fast path has raised {error!r}") from error
