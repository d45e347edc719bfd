"""Typed stub of the relay."""

from collections.abc import Callable, Container, Mapping
from typing import Any, Protocol

from jacquemart.native.calls import Calls
from jacquemart.native.line import Carrier

class Way:
    """To the cell that has to have the commands of a place."""

    def __init__(self, calls: Calls, epoch: int) -> None:
        """Lead to the cell that has ``calls``, and this epoch."""

class Shell(Protocol):
    """What a relay asks of its gateway."""

    def way_to(self, place: str, volatile: bool) -> Way | None:
        """Return where the commands of a shard (``volatile``) or zone go; None: the long way."""

    def carry_on(
        self, peer: bytes, token: bytes, frame: bytes, home: Any, received_ns: int,
        answer: bytes | None,
    ) -> None:  # fmt: skip
        """Go on with a command that was lost, or that its cell has sent back, perhaps.

        Args:
            peer, token, frame: as they came from its client.
            home: of its device, when it came.
            received_ns: when it came.
            answer: of its cell; None: there will be none.
        """

    def failed(self, error: Exception, peer: bytes, token: bytes, frame: bytes) -> None:
        """Answer a command that failed for a fault of ours."""

class Relay(Carrier):
    """Takes the commands of clients that nothing stands in the way of.

    A command is plain if it is well-formed and no repeat, its device is known, its deadline lies
    ahead and not too far, nothing waits for its place, and the shell knows a way there. It is sent
    on with principal and epoch, and the answer of its cell goes to its client as it came. Only what
    may be no end (no answer; the cell has sent it back) is given to the shell, which goes on with
    it as if it had sent it. Everything else is left untouched for the long way.
    """

    def __init__(
        self, shell: Shell, *, homes: Mapping[str, tuple[Any, ...]], waiting: Container[str],
        clock: Any, anonymous: str, furthest_ns: int, journalled_ns: int, volatile_ns: int,
        at_least_ns: int,
    ) -> None:  # fmt: skip
        """Work for a gateway.

        Args:
            shell: see there.
            homes: see ``homes``.
            waiting: the places for which something waits; the gateway's own, which changes.
            clock: with ``boot_ns``; None: the machine's.
            anonymous: who commands without saying who.
            furthest_ns: how far away a deadline may be.
            journalled_ns, volatile_ns: for an answer is waited so long after the deadline,
            at_least_ns: and so long after the command came, whichever is later.
        """
    def forget_ways(self) -> None:
        """Ask the shell again for every way: the directory or the devices have changed."""
    homes: Mapping[str, tuple[Any, ...]]
    """By device: shard, zone, template, its volatile commands and points (frozen sets). A dict."""
    open: bool
    """Whether anything is taken; a gateway that stops takes nothing."""
    on_idle: Callable[[], object] | None
    """Called whenever nothing is in hand any more."""
    @property
    def taken(self) -> int:
        """Commands that came this way."""
    @property
    def in_hand(self) -> int:
        """Those of them that have no answer."""
