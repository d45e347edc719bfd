"""As much of a cell as an actor's command meets on its way out and back, without a loop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jacquemart.native import frames
from jacquemart.native.calls import Calls
from jacquemart.native.line import Line
from jacquemart.native.pump import Pump
from jacquemart.native.sending import Route, Sending
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.cell.straight_way import issuer_of
from jacquemart.runtime.kernel.under_way import UnderWay
from jacquemart.runtime.model.outcome import Outcome, Stages, Status
from measuring.plain_cell import Lamp, permit

OUTCOME = (bytes(16), "box", "", 0, "ok", "", 80.0, 10**15, 0, 0, 10**15)


class _Line(Line):
    """Drained by hand."""

    def look_soon(self) -> None:
        """Leave it to who counts."""


class _Calls(Calls):
    """Nothing expires."""

    def sweep_later(self) -> None:
        """Leave it."""


class SendingCell:
    """An actor, and the native way of its commands to a far end that answers at once."""

    def __init__(self, near: Pump, far: Pump) -> None:
        """Send by ``near``; what comes to ``far`` is answered."""
        self._far = far
        self._line, calls = _Line(), _Calls()
        self._line.begin(near, self._stray, self._stray, 256)
        calls.carry(self._line, self._stray)
        self.direct = Sending(
            most_routes=10, under_way=UnderWay(), waiting={}, clock=None, new_id=_same_id,
            shell=self, least_ns=0, outcome_type=Outcome, stages_type=Stages,
            statuses={int(status): status for status in Status}, rejected=Status.REJECTED,
            unknown=Status.INDETERMINATE, raised=RAISED,
        )  # fmt: skip
        self.direct.learn("box", "ping", "", Route("there", calls, 3, 0))
        host: Any = SimpleNamespace(commanding=self, clock=None, loop=None)
        spec: Any = SimpleNamespace(id="asker", zone="north")
        shard: Any = SimpleNamespace(permit=permit(losses=0))
        self.actor = Lamp(spec, SimpleNamespace(points=()), shard, 0, host)  # type: ignore[arg-type]
        self._answer = frames.encode_outcome(frames.OutcomeFrame(*OUTCOME))
        self.heard = 0

    issuer_of = staticmethod(issuer_of)

    def round_trip(self) -> None:
        """Command once by the public way, and hear the end."""
        self.actor.command("box", "ping", 80.0, then=self._hear)
        ((token, _),) = self._far.receive(1)
        self._far.send(token, self._answer)
        self._line.drain()

    def _hear(self, outcome: Outcome) -> None:
        self.heard += 1

    def _stray(self, found: object) -> None:
        raise SystemExit(f"a command went another way: {found!r}")


def _same_id() -> bytes:
    return bytes(16)  # the kernel's random numbers cost what they cost
