"""Typed stub of the native desk."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from jacquemart.native.calls import Calls
from jacquemart.native.line import Carrier

class Route:
    """To the cell that has a shard."""

    def __init__(self, calls: Calls, epoch: int, address: Any) -> None:
        """Lead to the cell of ``address``, which has ``calls``, and this epoch."""

class Shell(Protocol):
    """What a desk asks of its zone cell."""

    def route_to(self, shard: str) -> Route | None:
        """Return where the commands of a shard go; None: the long way."""

    def append(self, zone: Any, draft: Any, done: Any, *, hurry: bool) -> None:
        """Append a record of a zone, as the long way does."""

    def reached(self, key: tuple[str, bytes]) -> None:
        """Tell who waits that a command was accepted, or has ended."""

    def answered(self, zone: Any, entry: Any, address: Any, frame: bytes | None) -> None:
        """Take what its cell says of a command, the long way."""

    def ended(self, zone: Any, entry: Any) -> None:
        """Take note that a command's end is in the journal."""

    def failed(self, error: Exception, peer: bytes, token: bytes, frame: bytes) -> None:
        """Answer a command that failed for a fault of ours."""

class Written:
    """Appends that go to disk as one; a journal calls it when they are there, or are not.

    The book's state takes the records, in their order; then who waits hears of it, whatever one of
    them raises. Of what is on disk the last one hears first: it was in a hurry, and those before it
    have waited for its company. What is refused is told in the order in which it was appended.
    """

    last: int
    """The number of the last record; to be set before it is called."""

    def __init__(
        self, book: Any, parts: Sequence[tuple[Sequence[Any], Callable[[Any], object]]],
        wall_ns: int, record: Callable[..., Any],
    ) -> None:  # fmt: skip
        """Stand for ``parts``: drafts, and who hears of them.

        Args:
            book: with ``state`` and ``journal``.
            parts: at least one.
            wall_ns: of the records.
            record: makes one of number, epoch, wall_ns, kind and body.
        """
    def __call__(self, error: Any) -> None:
        """Hear that all are on disk (None), or why none of them is."""

class Desk(Carrier):
    """Takes the commands of a zone cell that nothing stands in the way of, up to their ends.

    A command is plain if it is well-formed and no repeat, has a number or no value, its deadline
    lies ahead, its zone's journal is open and well, it is new, and there is room. Its record is
    written; when that is on disk it is sent, if nothing waits; when its cell tells an end that is
    none of REJECTED, that is told and written. Before each step the desk looks whether it is still
    plain. What is not goes on the long way from there, and what the one way has done to windows,
    journal and state is what the other would have done.
    """

    def __init__(
        self, shell: Shell, *, epoch: int, clock: Any, claims: Collection[str],
        in_the_way: Collection[Any], watched: Collection[Any], refusals: dict[Any, bytes],
        counters: dict[str, int], types: Mapping[str, Any], states: Sequence[Any],
        events: Sequence[Any], kinds: Sequence[Any], failure: type[BaseException],
        overdue_ns: int, patience_ns: int, most_live: int, most_known: int, most_bytes: int,
        overhead: int,
    ) -> None:  # fmt: skip
        """Work for a zone cell.

        Args:
            shell: see there.
            epoch: of the zone cell.
            clock: with ``boot_ns`` and ``wall_ns``; None: the machine's.
            claims: verbs that no command may have.
            in_the_way: containers; with anything in one, what is on disk is sent the long way.
            watched: containers; with anything in one, ``shell.reached`` is called.
            refusals: key -> OUTCOME; what is accepted leaves it.
            counters: of the cell; ``commands`` counts what is taken.
            types: ``entry``, ``draft``, ``record``, ``setpoint``, ``ended`` and ``body``.
            states: RECEIVED, DISPATCHED, ENDED, GONE.
            events: DURABLE, UNSENT.
            kinds: of records: ACCEPTED, ENDED.
            failure: what a connection raises where nobody is there.
            overdue_ns: an answer is waited for so long after the deadline.
            patience_ns: a socket that was never found empty for so long makes the zones' admissions
                ``behind``, until it is.
            most_live, most_known, most_bytes: from here on the long way decides.
            overhead: bytes of what is kept of a command besides its texts.
        """
    def have(self, zones: Mapping[str, Any], homes: Mapping[str, tuple[Any, ...]]) -> None:
        """Have just these zones, by their desks, and these devices; forget all routes."""
    def look(self) -> None:
        """Find out whether messages wait too long before they are read.

        Whoever takes none has to be asked now and then: else what was so when the last one came
        would stay so.
        """
    def forget_routes(self) -> None:
        """Ask the shell again for every route: the directory has changed."""
    homes: Mapping[str, tuple[Any, ...]]
    """By device: shard, zone, template. A dict."""
    open: bool
    """Whether anything is taken; what was taken goes on in any case."""
    @property
    def taken(self) -> int:
        """Commands that came this way."""
