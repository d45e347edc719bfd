"""The peer: what stands at the other end of the link while a driver is tried.

A driver's author writes one: a real server, a simulator, a device on the bench. It shows some
devices, and does on request what goes wrong in the field. What it cannot do, it leaves out: the
cards that need it are then skipped, with the reason, and never passed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from jacquemart.drivers.contract import Driver, Publish
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec


class CannotDo(Exception):
    """The peer has no way to do what a card asks for."""


@dataclass(frozen=True, slots=True)
class PeerField:
    """What the peer shows.

    Attributes:
        link: the link, with the options that the driver needs to reach the peer. Give it short
            time-outs: some cards wait for them.
        devices: at least one device with its points; the first is the one that suffers. With a
            second, the cards also see that the others do not. The first needs a writable point
            for the cards that write, with ``low`` and ``high``, and its feedback point among
            the points.
    """

    link: LinkSpec
    devices: Sequence[tuple[DeviceSpec, Sequence[PointSpec]]]


class Peer(ABC):
    """The other end of a link. One is made, started and stopped for each card.

    Attributes:
        driver: the driver to try.
        call_limit_s: no call of the driver may take longer, whatever the peer does; the
            time-outs in the link's options must fit in.
    """

    driver: ClassVar[type[Driver]]
    call_limit_s: ClassVar[float] = 5.0

    def make_driver(self, link: LinkSpec, publish: Publish) -> Driver:
        """Return a new driver for the link."""
        return self.driver(link, publish)

    @abstractmethod
    async def start(self) -> PeerField:
        """Start to serve, and return what is shown."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop, and leave nothing behind."""

    # Everything below is optional.

    async def value(self, device: str, point: str) -> float:
        """Return what a point really holds."""
        self._cannot("tell what a point really holds")

    async def change(self, device: str, point: str, value: float) -> None:
        """Let the field itself change a point (not one that only follows others)."""
        self._cannot("change a point by itself")

    async def arrived(self) -> int:
        """Return how many writes of a value have arrived since the start, whatever came of them."""
        self._cannot("count the writes that arrive")

    async def connections(self) -> int:
        """Return how many connections are open just now."""
        self._cannot("count connections")

    async def refuse(self, on: bool) -> None:
        """Refuse new connections, or accept them again."""
        self._cannot("refuse connections")

    async def cut(self) -> None:
        """Break the connections now, with whatever is under way; new ones are accepted."""
        self._cannot("cut the link")

    async def hold(self, on: bool) -> None:
        """Take requests without answering, or answer (late) what has been held back."""
        self._cannot("hold answers back")

    async def held(self) -> None:
        """Return as soon as a request is held back."""
        self._cannot("hold answers back")

    async def silence(self, device: str, on: bool) -> None:
        """Let one device say nothing more, while the others go on; or let it speak again."""
        self._cannot("silence one device")

    async def refuse_writes(self, device: str, on: bool) -> None:
        """Let a device refuse writes by the book."""
        self._cannot("refuse writes")

    async def busy(self, device: str, on: bool) -> None:
        """Let a device answer writes with "busy"."""
        self._cannot("be busy")

    async def swallow(self, on: bool) -> None:
        """Carry writes out, but never answer them."""
        self._cannot("swallow the answers to writes")

    async def spoil(self, device: str, point: str, on: bool) -> None:
        """Make a point unreadable, or its value not a number."""
        self._cannot("spoil a point")

    async def confuse(self, on: bool) -> None:
        """Answer another question than the one asked (unit, function, count, transaction)."""
        self._cannot("answer another question")

    async def speak(self) -> None:
        """Say something that nobody asked for."""
        self._cannot("speak by itself")

    def unencodable(self, device: str, point: str) -> float:
        """Return a value that the protocol has no way to say for this point."""
        self._cannot("name a value that cannot be encoded")

    @staticmethod
    def _cannot(what: str) -> NoReturn:
        raise CannotDo(f"the peer cannot {what}")
