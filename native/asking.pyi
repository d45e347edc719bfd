"""Typed stub of asking."""

import asyncio
from collections.abc import Callable
from typing import Any

from jacquemart.native.calls import Awaited, Calls
from jacquemart.native.wording import Wording

class Asked(Awaited):
    """A request that may be sent twice, and has no answer yet."""

    frame: bytes
    first_ns: int
    """When it was sent first, on our boot-time clock."""
    until_ns: int
    """When it is given up."""
    repeated: bool
    """Whether it was sent twice, so that not every answer is one."""
    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
    def take(self, frame: bytes | None) -> None:
        """Take an answer to what was sent again, or that there will be none."""
    def is_due(self, now_ns: int) -> bool:
        """Return whether it is to be sent again, to the same gateway; each time later."""

class Asking:
    """Sends the requests of one asyncio client that may be sent twice."""

    def __init__(
        self, calls: Calls, create_future: Callable[[], asyncio.Future[Any]],
        is_blind: Callable[[bytes], bool], over_s: float, pause_s: float,
    ) -> None:  # fmt: skip
        """Send by ``calls``.

        Args:
            calls: the connection to the gateway.
            create_future: of the loop.
            is_blind: whether an answer is none to what was sent twice.
            over_s: a command is given up so long after its deadline.
            pause_s: before a request is sent again; then twice as long, and so on.
        """
    def speak(self, wording: Wording[Any]) -> None:
        """Say commands in these words from now on."""
    @property
    def waiting(self) -> set[Asked]:
        """Those without an answer that somebody waits for."""
    def ask(self, frame: bytes, expires_ns: int) -> asyncio.Future[bytes | None] | None:
        """Send a request; the future gets its answer, None when it is given up.

        None: nobody is there; nothing was sent.
        """
    def command(
        self, principal: str, subject: str, verb: str, value: object, within_s: float, unit: str,
        priority: int,
    ) -> asyncio.Future[Any] | None:  # fmt: skip
        """Say a command; see ``Wording.command``.

        The future gets the outcome as the wording reads it; if there is none, the frame that was
        sent and what was answered, or None. None: it is not plain, or nobody is there; nothing was
        sent.
        """
