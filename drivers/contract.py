"""The driver's contract: code that speaks one protocol over a link, and holds no policy.

*Theory.* One driver object serves one link. The runtime's link shell owns everything that all
drivers need alike: the queue (commands before polls), poll periods, reconnection with backoff
and jitter, staleness, read-back of writes, and what becomes of a command. A driver only opens,
reads, writes and closes, and says truly what happened.

*Rules.*

1. ``read`` and ``write`` are never called concurrently on one driver, and only between a
   successful ``open`` and ``close``. A cancelled call must leave the driver usable or raise
   :class:`LinkError` from the next call, so that the shell reconnects.
2. A value that cannot be read is not an exception: it is a :class:`Bad` in its place. Raise
   only if the whole call failed: :class:`LinkError` (the link is gone),
   :class:`UnitError` (this unit is silent, the link works).
3. A write that was *not sent* raises or returns :class:`LinkError`, :class:`UnitError`,
   :class:`DeviceBusy` or :class:`DeviceRefused`. A write whose effect is *not known* is
   :class:`OutcomeUnknown`. Never retry a write inside a driver.
4. Check every answer whole (transaction, unit, function, count): an answer to another question
   is :class:`RemoteProtocolError`, never a value.
5. Look a last time right before the bytes of a write leave: ``self.last_look.send`` or
   ``self.last_look.check()``. A process may be frozen between the runtime's look and yours, and
   what it sends when it wakes may undo what its successor did.
6. No policy: no scaling of time, no rules of a kind, no arbitration.

A driver is a pure protocol part (``wire``: bytes or plans, no I/O) and a thin shell of I/O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, ClassVar

from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    NeverSent,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint, Taken
from jacquemart.runtime.model.last_look import LastLook
from jacquemart.runtime.model.quality import Quality

__all__ = [
    "Bad",
    "BoundPoint",
    "DeviceBusy",
    "DeviceRefused",
    "Driver",
    "DriverError",
    "LastLook",
    "LinkError",
    "NeverSent",
    "OutcomeUnknown",
    "Quality",
    "RemoteProtocolError",
    "Taken",
    "UnitError",
]

Publish = Callable[..., None]


class Driver(ABC):
    """One link to the field. Subclass it, implement ``open``, ``read``, ``write``, ``close``.

    Attributes:
        link: the link's id, driver options (``link.options``) and zone.
        publish: ``publish(slots, values, qualities=None, source_times=None)`` for drivers whose
            field speaks by itself; columns are sequences or buffers (u32, f64, u8, i64 ns of
            the wall clock). Callable at any time between ``open`` and ``close``, from the
            loop's thread.
        last_look: of the write in hand; see ``LastLook``.
    """

    last_look: LastLook = LastLook()
    blocking: ClassVar[bool] = False
    """True: the methods are plain ``def`` that may block; the shell runs them in a thread."""
    files: ClassVar[int] = 1
    """Files that a link has open: its sockets. A cell sees at its start that they are allowed."""
    own_addresses: ClassVar[bool] = False
    """True: ``address_of`` always gives an address, and no two devices the same, since their ids
    are in it; so whoever checks a city need not compare them."""

    shared_addresses: ClassVar[bool] = True
    """Whether ``address_of`` is the one below; known by itself. It need not be asked for each
    device then, since devices of one template share their points' addresses."""

    def __init_subclass__(cls, **named: Any) -> None:
        """Hold a blocking driver to plain methods; without a ``close`` it gets a plain one.

        Raises:
            TypeError: one of them is ``async``; the author's bug.
        """
        super().__init_subclass__(**named)
        own = cls.address_of.__func__  # type: ignore[attr-defined]
        cls.shared_addresses = own is Driver.address_of.__func__  # type: ignore[attr-defined]
        if not cls.blocking:
            return
        if cls.close is Driver.close:
            cls.close = _close_nothing  # type: ignore[method-assign,assignment]
        for name in ("open", "read", "write", "close"):
            method = getattr(cls, name)
            if iscoroutinefunction(method) and method is not getattr(Driver, name):
                raise TypeError(f"{cls.__name__} is blocking: its {name} must be a plain def")

    def __init__(self, link: LinkSpec, publish: Publish) -> None:
        """Store the link; do no I/O here."""
        self.link = link
        self.publish = publish

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
        return []

    @classmethod
    def check_point(
        cls, point: PointSpec, address: Mapping[str, Any]
    ) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
        return []

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        """Return the address of one device's point, in whatever form the driver wants it.

        Called once for each point before ``open``; the result is ``BoundPoint.address``.
        """
        return point.address

    def plan(self, points: Sequence[BoundPoint]) -> Any:
        """Prepare a read of these points, once; ``read`` gets the result each time."""
        return points

    def retain(self, points: Sequence[BoundPoint]) -> None:  # noqa: B027 - most need not know
        """Take note of all polled points that the link has from now on; called between two calls.

        Devices come and go while the link stays open. Forget here what is known of those that
        went (say, that they are to answer before the link counts as dead). Those that came were
        in a ``plan`` before.
        """

    @abstractmethod
    async def open(self) -> None:
        """Connect.

        Raises:
            LinkError: not reachable; the shell tries again with backoff.
        """

    @abstractmethod
    async def read(self, plan: Any) -> Sequence[float | Bad]:
        """Read the points of a plan; one value or :class:`Bad` for each, in order.

        A value that was heard earlier is a :class:`Taken`, so that it does not look newer than it
        is.

        Raises:
            LinkError: the link is gone. UnitError: the device is silent, the link works.
        """

    @abstractmethod
    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write the values; for each, None (acknowledged) or what went wrong, in order.

        Raises:
            DriverError: the same for all of them.
        """

    async def close(self) -> None:
        """Disconnect; never raises."""
        return


def _close_nothing(driver: Driver) -> None:
    """Close a blocking driver that holds nothing open."""
