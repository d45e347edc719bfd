"""Typed stub of sending."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from jacquemart.native.calls import Awaited, Calls
from jacquemart.native.frames import Command
from jacquemart.native.under_way import UnderWay

class Route:
    """A place that commands to a device go to."""

    def __init__(self, where: Any, calls: Calls, epoch: int, patience_ns: int) -> None:
        """Go by ``calls`` to a cell of that epoch.

        Args:
            where: as the shell knows the place.
            calls: the connection to the cell.
            epoch: of the cell.
            patience_ns: so long after its deadline a command's end is waited for.
        """
    @property
    def where(self) -> Any:
        """As the shell knows the place."""

class Issuer:
    """How a type of actors commands."""

    def __init__(
        self, kind: type[Any], *, by_id: bool, causes: Literal["nobody", "owner", "ask"]
    ) -> None:
        """Describe it. Where it has a shard, the permit of that says whether it may.

        Args:
            kind: the type; one that has made something else of its slots goes the long way.
            by_id: its principal is its id; else it is asked for ``principal``.
            causes: the command on whose way it acts: never one; its ``_owner``, but for a "set";
                what ``_cause`` says.
        """

class Sent(Awaited):
    """One command that left natively, until it has its end or the shell takes it over."""

    taken_by: Any
    """What the shell goes on with, once it has taken it over; None before."""
    @property
    def actor(self) -> Any:
        """Whose it is."""
    @property
    def told(self) -> Callable[[Any], object] | None:
        """Gets the Outcome; None: nobody wants it."""
    @property
    def guarded(self) -> bool:
        """Whether ``told`` is an author's code, whose failure is the actor's."""
    @property
    def cause(self) -> Any:
        """The command on whose way it was given; None: none."""
    @property
    def command(self) -> Command:
        """As it left."""
    @property
    def frame(self) -> bytes:
        """The same, as it went."""
    @property
    def received_ns(self) -> int:
        """When it was given, boot-time ns."""
    @property
    def losses(self) -> int:
        """How often the cell of its actor had lost its lease by then."""
    @property
    def route(self) -> Route:
        """Where it went."""
    def leave_now(self) -> None:
        """Leave now, if it is held for the end of this turn."""

class Shell(Protocol):
    """What sending asks of its cell."""

    def issuer_of(self, kind: type[Any]) -> Issuer:
        """Return how a type of actors commands."""
    def note_cause(self, cause: Any) -> None:
        """Note that a command counts as sent, since another leaves on its way."""
    def not_sent(self, sent: Sent) -> None:
        """Go on with a command that could not leave when its turn of the loop was over.

        Must not call the actor: it may be on the stack.
        """
    def take_over(self, sent: Sent, frame: bytes | None) -> None:
        """Go on with a command whose answer is no plain end: None, a refusal, another kind."""
    def is_async(self, actor: Any, result: Any) -> None:
        """Take that what an author's code gave back is a coroutine, which would never run."""

class Sending:
    """Sends the commands of a cell's actors that nothing stands in the way of.

    That is: it is known which cell has the device (``learn``), nothing waits for any place, the
    actor runs and is not parked, its cell has the lease, there is room, the deadline lies ahead,
    and what is sent has the form of a command. Such a one is counted and sent; if its answer is an
    end, its Outcome is made and told. In all else it says so, or hands over what came.
    """

    def __init__(
        self, *, most_routes: int, under_way: UnderWay[Any, Any], waiting: dict[str, Any],
        clock: Any, new_id: Callable[[], bytes] | None, shell: Shell, least_ns: int,
        outcome_type: type[Any], stages_type: type[Any], statuses: Mapping[int, Any],
        rejected: Any, unknown: Any, raised: tuple[type[BaseException], ...],
    ) -> None:  # fmt: skip
        """Send for a cell.

        Args:
            most_routes: are kept; with one more all are learnt anew.
            under_way: of the cell.
            waiting: by place; while there is anything in it, all go the long way.
            clock: with ``boot_ns``; None: the machine's.
            new_id: gives identities; None: they are random.
            shell: see there.
            least_ns: an end is waited for at least so long.
            outcome_type, stages_type: named tuples of the fields of an OUTCOME, in its order, with
                the stages apart.
            statuses: by their codes.
            rejected: the status that says that nothing was done.
            unknown: the status of a code that nobody knows.
            raised: what an author's code may raise.

        Raises:
            TypeError: a type is no such tuple.
        """
    def learn(self, device: str, verb: str, point: str, route: Route) -> None:
        """Know where commands with this verb to this point of a device go, until ``forget``."""
    def knows(self, device: str, verb: str, point: str) -> bool:
        """Return whether it is known where such a command goes."""
    def forget(self) -> None:
        """Know no way any more: devices may be elsewhere."""
    def command(
        self, actor: Any, device: str, verb: str, value: Any, point: str, unit: str,
        within_s: float, priority: int, then: Callable[[Any], object] | None,
    ) -> bool:  # fmt: skip
        """Send a command; False: it has to go the long way, and nothing has happened to it.

        ``then`` is an author's: what it raises is a failure of the actor.
        """
    def command_by(
        self, actor: Any, device: str, verb: str, value: Any, point: str, unit: str,
        deadline_ns: int, priority: int, told: Callable[[Any], object],
    ) -> bool:  # fmt: skip
        """As ``command``, by a deadline (boot-time ns); ``told`` is ours."""
    open: bool
    """Whether anything leaves natively."""
    under_way: UnderWay[Any, Any]
    noted: Any
    """The last cause that was told of."""
    @property
    def taken(self) -> int:
        """Commands that left this way."""
