"""Typed stub of the calls."""

from collections.abc import Callable

from jacquemart.native.line import Line, Taker

class Awaited:
    """What waits natively for the end of one call at a time; subclasses are native.

    It may stand wherever a function that takes an answer may.
    """

    def __call__(self, frame: bytes | None) -> None:
        """Take the end: an answer, or None."""

class Calls(Taker):
    """The requests of one connection that have no end yet.

    A message is a token (opaque to the peer, which sends it back as it came) and a frame. Each call
    has exactly one end: its answer, or None when its time is over or the connection is closed. An
    answer that nobody waits for is dropped, as is a message of another form.
    """

    mapped: bool
    """Whether what leaves is changed first, by the ``call`` of a subclass."""

    bundles: bool
    """Whether the peer takes bundles: then what is sent natively in one turn of the loop, after
    the first, leaves together, at its end at the latest. Off by default; off by itself when the
    peer has said that it knows none."""

    def carry(self, line: Line, on_error: Callable[[BaseException], object]) -> None:
        """Send by a line, and take what comes from it; once.

        ``on_error`` gets what those raise that end without an answer; of others the line tells.
        """
    @property
    def waiting(self) -> int:
        """How many have no end."""
    def call(self, frame: bytes, expires_ns: int, answer: Callable[[bytes | None], None]) -> bool:
        """Send a request; ``answer`` gets the reply frame, or None at ``expires_ns`` or at the end.

        Boot-time ns; what expires is looked at now and then. Returns False, and never calls
        ``answer``, if nothing was sent. Never calls it before it has returned.

        Raises:
            RuntimeError: ``answer`` is an Awaited that waits already. zmq.ZMQError: the context is
                gone.
        """
    def sweep(self, now_ns: int) -> None:
        """End with None what expires now; plan the next look if anything is left."""
    def end_all(self) -> None:
        """End all with None, in the order of their leaving. The line is to be closed before."""
    def leave_now(self) -> None:
        """Send what is held for the end of this turn."""
    def look(self) -> None:
        """Send what is held, as ``look_later`` has asked for."""
    def sweep_later(self) -> None:
        """Have ``sweep`` called after a while; subclasses do."""
    def look_later(self) -> None:
        """Have ``look`` called in the next turn of the loop; subclasses do."""
