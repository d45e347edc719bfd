"""The short way of commands through a gateway: which are plain, and what the relay asks of it.

A command that nothing stands in the way of is sent on and answered natively (``native.relay``);
nobody can tell it from one that an :class:`Errand` has carried. What turns out not to be plain
after it was sent (no answer comes; its cell has moved) goes on as an errand from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.native.relay import Relay, Way
from jacquemart.runtime.cell.errand import LATE_REPEAT_NS, patience_ns
from jacquemart.runtime.gateway.homes import Home
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.wire.calls import Request

if TYPE_CHECKING:
    from jacquemart.runtime.gateway.gateway import Gateway


class PlainCommands:
    """What the relay asks of its gateway."""

    def __init__(self, gateway: Gateway, anonymous: str, furthest_ns: int) -> None:
        """Serve ``gateway``, whose devices are known.

        Args:
            anonymous: who commands without saying who.
            furthest_ns: how far away a deadline may be.
        """
        self._gateway = gateway
        clock = gateway.clock
        self.relay = Relay(
            self,
            homes=gateway.homes,
            waiting=gateway.waiting.rows,
            clock=None if isinstance(clock, SystemClock) else clock,
            anonymous=anonymous,
            furthest_ns=furthest_ns,
            journalled_ns=patience_ns(repeatable=True),
            volatile_ns=patience_ns(repeatable=False),
            at_least_ns=LATE_REPEAT_NS,
        )

    def way_to(self, place: str, volatile: bool) -> Way | None:
        """Return where the commands of a shard (``volatile``) or zone go; None: nobody is there."""
        directory = self._gateway.directory
        name = (directory.homes if volatile else directory.zones).get(place, "")
        address = directory.cells.get(name)
        if address is None:
            return None
        return Way(self._gateway.caller(name), address.epoch)

    def carry_on(
        self, peer: bytes, token: bytes, frame: bytes, home: Home, received_ns: int,
        answer: bytes | None,
    ) -> None:  # fmt: skip
        """Go on with a command as the errand that it would have been."""
        request = Request(self._gateway.server, peer, token, frame)
        errand = self._gateway.errand(request, frames.decode_command(frame), home, received_ns)
        errand.answered(answer)

    def failed(self, error: Exception, peer: bytes, token: bytes, frame: bytes) -> None:
        """Answer a command that failed for a fault of ours."""
        self._gateway.failed_request(Request(self._gateway.server, peer, token, frame), error)
