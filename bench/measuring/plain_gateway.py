"""As much of a gateway as a plain command meets: a relay, and the four ends of its sockets."""

from __future__ import annotations

from typing import Any

from jacquemart.native import frames
from jacquemart.native.calls import Calls
from jacquemart.native.line import Line
from jacquemart.native.pump import Pump
from jacquemart.native.relay import Relay, Way
from jacquemart.runtime.gateway.homes import home_of
from jacquemart.runtime.model.city import TemplateSpec

ID = bytes(range(16))
DEVICE = "lamp-21231-0417"


class QuietLine(Line):
    """Is drained by hand."""

    def look_soon(self) -> None:
        """Look at nothing by itself."""

    def count_lost(self, messages: int) -> None:
        """Lose nothing."""
        raise SystemExit("a message was lost")


class QuietCalls(Calls):
    """Give up nothing: nobody looks what is overdue."""

    def sweep_later(self) -> None:
        """Do not look."""


def fail(error: BaseException) -> None:
    """End, since nothing may fail."""
    raise SystemExit(f"{type(error).__name__}: {error}")


class PlainGateway:
    """One relay between two pairs of sockets; a command goes through, and its OUTCOME back."""

    def __init__(
        self, client: Pump, clients: Pump, cell: Pump, cells: Pump, deadline_ns: int
    ) -> None:
        """Relay from ``clients`` to ``cells``; ``client`` and ``cell`` are their other ends."""
        self._client, self._cell = client, cell
        self._line, self._calls = QuietLine(), QuietCalls()
        away = QuietLine()
        for line, pump in ((self._line, clients), (away, cells)):
            line.begin(pump, fail, fail, 256)
        self._calls.carry(away, fail)
        self._away = away
        template = TemplateSpec("lamp", "lamp", "simulated", (), volatile=("dim",))
        self.relay = Relay(
            self, homes={DEVICE: home_of("north/0", "north", template)}, waiting={}, clock=None,
            anonymous="anonymous", furthest_ns=2**62, journalled_ns=0, volatile_ns=0, at_least_ns=0,
        )  # fmt: skip
        self._line.taker = self.relay
        sent = frames.Command(ID, "", DEVICE, "dim", "", 80.0, "%", 8, deadline_ns, 0)
        self._command = (b"peer1", b"token123", frames.encode_command(sent))
        self._outcome = frames.encode_outcome(
            frames.OutcomeFrame(ID, DEVICE, "", 0, "ok", "", 80.0, 10**15, 10**15, 10**15, 10**15)
        )

    def carry_one(self) -> None:
        """Have a command come and leave, and its OUTCOME come back and leave."""
        self._client.send(*self._command)
        self._line.drain()
        token, _ = self._cell.receive()[0]
        self._cell.send(token, self._outcome)
        self._away.drain()
        if self._client.receive()[0] != (*self._command[:2], self._outcome):
            raise SystemExit("an OUTCOME did not come back")

    def way_to(self, place: str, volatile: bool) -> Way:
        """Return the only way that there is."""
        return Way(self._calls, 3)

    def carry_on(self, *_: Any) -> None:
        """Carry nothing."""
        raise SystemExit("a command came back")

    def failed(self, error: Exception, *_: bytes) -> None:
        """Fail as well."""
        fail(error)
