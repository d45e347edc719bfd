"""Typed stub of the parts of a bulk command."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from jacquemart.native.prototype import Prototype
from jacquemart.native.results import Names
from jacquemart.native.table import PointTable

FIELDS: Final[tuple[str, ...]]
"""Slots of an actor that are looked at."""

BOUND: Final[tuple[str, ...]]
"""What differs between the bound points of devices of one template."""

class Run(Protocol):
    """What parts ask of their bulk command in a cell."""

    applied: Any
    """The status of what was done."""

    def ended_some(self, count: int) -> None:
        """Take that so many devices have ended in columns."""
    def ticket_for(self, actor: Any) -> Any:
        """Return a ticket of this command for a device, without an end."""

class Writer(Protocol):
    """What parts ask of the writing side of their link."""

    def left(self, parts: Parts, row: int, actor: Any) -> Any:
        """Go on with a device that leaves the columns as with any other; return its ticket."""

class StandingValues(Protocol):
    """What a shard's points were last set to."""

    def column(self, slot: int) -> Any:
        """Return a writable column of f64 by slot, long enough for this one."""

class Outcomes:
    """The result of a bulk command in a cell, by the position of its devices."""

    def __init__(self, count: int) -> None:
        """Have no end of so many devices. ValueError: below 0."""
    @property
    def count(self) -> int: ...
    def put(
        self, at: int, status: int, value: float | None, dispatched: int, finished: int
    ) -> None:
        """Put in how one device ended; times are boot-time ns. IndexError: there is none."""
    def names(self, actors: list[Any]) -> Names:
        """Return the ids of all devices, whose actors these are. ValueError: they are not."""
    def columns(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Return u8 statuses, f64 values (NaN: none), u64 times of dispatch and of ends."""

class Gatherer:
    """Sorts the devices of a bulk command into parts and others."""

    def __init__(self, may_be_plain: Callable[[type[Any]], bool]) -> None:
        """``may_be_plain``: asked once for each class of actors."""
    def gather(
        self, actors: list[Any], begin: int, end: int,
        parts_for: Callable[[Any], Parts | None], outcomes: Outcomes,
    ) -> list[int]:  # fmt: skip
        """Take the plain ones of ``actors[begin:end]`` into parts; return where the others are.

        A device is plain if its actor is free, well and unclaimed, and its feedback does not tell
        that it cannot be reached. It is busy from then on.

        Args:
            actors: of which some are looked at, in order.
            begin, end: IndexError: there are not so many.
            parts_for: returns the parts that take an actor, with room, and None if nobody of its
                template on its link is plain; asked when one of these changes.
            outcomes: of all these actors; it is told their ids.
        """

class Parts:
    """Plain parts of a bulk command at one point of one template, on one link.

    A device in them is busy; it *ends* here if its feedback shows the value, and *leaves* as soon
    as anything else concerns it: then it is a ticket and a write, at the stage where it was.
    """

    verb: str

    def __init__(
        self, room: int, *, writer: Writer, run: Run, shard: Any, spec: Any, table: PointTable,
        outcomes: Outcomes, taken: Any, point_at: int, feedback_at: int, value: float,
        priority: int, unreachable: bytes, deadline_ns: int, received_ns: int,
    ) -> None:  # fmt: skip
        """Have no device yet.

        Args:
            room: devices, at most.
            writer, run: see there.
            shard, spec: of the devices, and of the point.
            table: of the shard.
            outcomes: of the whole command, in which their ends are put.
            taken: actors of which something else is on its way; None: of none.
            point_at, feedback_at: places of the point and of its feedback behind the first slot
                of a device.
            value: to be written.
            priority: 1 to 16.
            unreachable: qualities of the feedback with which a device cannot be reached.
            deadline_ns, received_ns: boot-time.

        Raises ValueError: no room, or a place below 0.
        """
    @property
    def writer(self) -> Any: ...
    @property
    def run(self) -> Any: ...
    @property
    def shard(self) -> Any: ...
    @property
    def spec(self) -> Any: ...
    @property
    def room(self) -> int:
        """Devices, at most."""
    @property
    def count(self) -> int:
        """Devices that came in."""
    @property
    def live(self) -> int:
        """Those that are in the columns."""
    @property
    def point_at(self) -> int: ...
    @property
    def feedback_at(self) -> int: ...
    @property
    def value(self) -> float: ...
    @property
    def priority(self) -> int: ...
    @property
    def deadline_ns(self) -> int: ...
    @property
    def received_ns(self) -> int: ...
    @property
    def dispatched_ns(self) -> int:
        """When they were handed to the driver; 0: not yet. As the following."""
    @property
    def acknowledged_ns(self) -> int: ...
    @property
    def settled_ns(self) -> int:
        """From then on, what is read back is final."""
    @property
    def until_ns(self) -> int:
        """Nothing is read back any more after that."""
    number: int
    """Counts the writes of their link."""
    losses: int
    """How often the lease had been lost when they came."""
    points: Sequence[Any] | None
    """Of those that were sent, as the driver has them; None again when all have ended or left."""
    @property
    def is_in_hand(self) -> bool:
        """Whether it was handed to the driver, which has not said yet what became of it."""
    def row_numbers(self) -> list[int]:
        """Return the rows that are in the columns, in order."""
    def ids(self) -> list[str]:
        """Return the ids of the devices of those rows, in order."""
    def first(self) -> Any:
        """Return the actor of the first of those rows; None: there is none."""
    def in_columns(self) -> list[Any]:
        """Return the actors of those rows, in order."""
    def slots(self, at: int) -> bytes:
        """Return the slots ``at`` places behind the first ones of those devices, as u32."""
    def bound(
        self, like: Prototype, point: Any, address_of: Callable[[Any, Any], Any] | None, at: int
    ) -> list[Any] | None:
        """Return one point of each of those devices, in order; None: one has parameters.

        Args:
            like: copies a bound point; its names are ``BOUND``, or ValueError.
            point: as the template has it.
            address_of: returns the address of the point of a device; None: it is the point's own.
            at: its place behind the first slot of a device.
        """
    def pairs(self, points: list[Any]) -> list[tuple[Any, float]]:
        """Return each of some points with the value, as a driver's ``write`` takes them."""
    def position(self, row: int) -> int:
        """Return where the device of a row stands in the bulk command. IndexError: no such row."""
    def leave_claimed(self) -> None:
        """Have those leave whose devices somebody claims now."""
    def dispatched(self, now_ns: int) -> None:
        """Take that they are handed to the driver now."""
    def acknowledged(self, now_ns: int, settled_ns: int, until_ns: int) -> None:
        """Take that the driver has acknowledged all that are in the columns."""
    def judge(
        self, tolerance: float, asked_ns: int, now_ns: int, setpoints: StandingValues,
        status: int,
    ) -> int:  # fmt: skip
        """End those whose feedback shows the value, as ``kernel.readback``; return how many did.

        Those leave of which something else is to be said: they do not show it though their time
        to settle was over when the read began, or somebody claims them.

        Args:
            tolerance: of the value.
            asked_ns: when the read began.
            now_ns: of their ends.
            setpoints: of the shard; what has ended stands there.
            status: of their ends.

        Raises ValueError: they were not acknowledged; the caller's bug.
        """
    def leave(self, actor: Any) -> bool:
        """Have a device leave; return whether it was in the columns."""
    def leave_all(self) -> None:
        """Have all leave that are in the columns."""
    def ticket_of(self, actor: Any) -> Any:
        """Return the ticket of a device, which it leaves for or had instead; None: it has none."""
    def settle(self) -> None:
        """Give each device that still refers to them a ticket of its own, with its end."""
