"""A command that its principal takes back, against a naive model of zone, journal, cell and field.

The model knows what is really true: what is on disk, where the command is, and whether it has left
for the field. The kernel hears only what a zone can hear, in any order that the world allows.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jacquemart.runtime.kernel.lifecycle import OVERDUE_NS, Do, Entry, Event, State, step
from jacquemart.runtime.model.outcome import Status

SECOND = 10**9
DEADLINE = 10 * SECOND


class CancelMachine(RuleBasedStateMachine):
    """Drives one command; the shell's part is done here, and judged."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.entry = Entry(("alice", bytes(16)), b"", DEADLINE, 0, 1, None)
        self.on_disk: set[str] = set()
        self.writing: list[str] = ["accepted"]
        """Records on their way to the disk, which takes them in their order."""
        self.cell = ""
        """What the cell has: nothing, ``waits``, ``left`` (for the field), or an end."""
        self.recall = False
        """A recall is on its way to the cell, behind the command."""
        self.executed = 0
        self.taken_back = False
        """The cell has taken it back: it is never executed from now on."""
        self.cancel_durable_at: tuple[State, str] | None = None
        self.ends: list[Status] = []
        self.told = Status.APPLIED

    def happen(self, event: Event) -> None:
        for do in step(self.entry, event, self.now):
            self.do(do)

    def do(self, do: Do) -> None:
        if do is Do.SEND:
            assert "accepted" in self.on_disk
            assert not self.entry.cancelled, "what is taken back goes to no cell"
            assert self.cell in ("", "unsent"), "nothing is sent twice"
            self.cell = "waits"
        elif do is Do.RECALL:
            assert "cancel" in self.on_disk, "a cell hears of it after the disk"
            self.recall = True
        elif do is Do.ANSWER:
            status = self.entry.end.status if self.entry.end is not None else self.told
            self.ends.append(status)
        elif do is Do.WRITE_END:
            self.writing.append("ended")

    # What the disk does ----------------------------------------------------------------------

    @precondition(lambda self: self.writing)
    @rule()
    def disk_writes(self) -> None:
        record = self.writing.pop(0)
        self.on_disk.add(record)
        if record == "cancel":
            self.cancel_durable_at = (self.entry.state, self.cell)
        self.happen(
            {"accepted": Event.DURABLE, "cancel": Event.CANCEL, "ended": Event.END_DURABLE}[record]
        )

    # What its principal does -----------------------------------------------------------------

    @precondition(lambda self: "cancel" not in self.on_disk and "cancel" not in self.writing)
    @rule()
    def principal_cancels(self) -> None:
        if not self.ends:
            self.writing.append("cancel")

    # What the cell does ----------------------------------------------------------------------

    @precondition(lambda self: self.cell == "waits" and self.now < DEADLINE)
    @rule()
    def cell_writes_to_the_field(self) -> None:
        assert not self.taken_back
        self.cell = "left"
        self.executed += 1

    @precondition(lambda self: self.recall and self.cell in ("waits", "left"))
    @rule()
    def recall_reaches_the_cell(self) -> None:
        self.recall = False
        if self.cell == "waits":
            self.cell, self.taken_back = "told", True
            self.told = Status.CANCELLED

    @precondition(lambda self: self.cell == "left")
    @rule()
    def cell_has_read_back(self) -> None:
        self.cell, self.told = "told", Status.APPLIED

    @precondition(lambda self: self.cell == "told")
    @rule()
    def cell_tells_the_end(self) -> None:
        self.happen(Event.OUTCOME)

    @precondition(lambda self: self.cell in ("waits", "told") and not self.executed)
    @rule()
    def cell_is_lost_and_had_not_sent_it(self) -> None:
        self.cell, self.recall = "unsent", False
        self.happen(Event.LOST_UNSENT)

    @precondition(lambda self: self.cell in ("left", "told") and self.executed)
    @rule()
    def cell_is_lost_and_may_have_sent_it(self) -> None:
        self.cell = "lost"
        self.happen(Event.LOST)

    @precondition(lambda self: self.cell == "waits" and self.entry.state is State.DISPATCHED)
    @rule()
    def cell_had_not_taken_it(self) -> None:
        self.cell, self.recall = "unsent", False
        self.happen(Event.UNSENT)

    @precondition(lambda self: self.entry.state is State.ACCEPTED)
    @rule()
    def successor_is_ready(self) -> None:
        self.happen(Event.READY)

    @precondition(lambda self: "accepted" in self.on_disk and "ended" not in self.on_disk)
    @rule()
    def zone_is_lost_and_its_successor_asks(self) -> None:
        if self.ends:
            return  # what is told may be told again; that is another test's
        cancelled = "cancel" in self.on_disk
        self.writing, self.recall = [], False
        self.entry = Entry(("alice", bytes(16)), b"", DEADLINE, 0, 1, None, State.ASKING)
        self.entry.cancelled = cancelled

    @precondition(lambda self: self.entry.state is State.ASKING)
    @rule()
    def cell_answers_the_successor(self) -> None:
        if self.cell == "":
            self.happen(Event.NEVER_SEEN)
        elif self.cell == "told":
            self.happen(Event.OUTCOME)
        elif self.cell == "unsent":
            self.happen(Event.LOST_UNSENT)
        elif self.cell == "lost":
            self.happen(Event.LOST)
        elif self.entry.cancelled:  # it runs there: the shell asks for it again
            self.recall = True

    @rule()
    def time_passes(self) -> None:
        self.now += 2 * SECOND
        self.happen(Event.TIME)

    # What must be true -----------------------------------------------------------------------

    @invariant()
    def one_end_and_no_lie(self) -> None:
        assert len(self.ends) <= 1
        assert self.executed <= 1
        if self.ends == [Status.CANCELLED]:
            assert not self.executed, "never called cancelled after its write has left"
            assert "cancel" in self.on_disk, "never said before the disk has it"
        if self.ends and self.ends[0] in (Status.EXPIRED, Status.REJECTED):
            assert not self.executed

    @invariant()
    def what_waited_in_the_zone_ends_at_once(self) -> None:
        if self.cancel_durable_at == (State.ACCEPTED, "unsent"):
            assert self.entry.state not in (State.ACCEPTED, State.DISPATCHED)

    def teardown(self) -> None:
        """Let the disk and time go on: there must be one end."""
        while self.writing:
            self.disk_writes()
        self.now = max(self.now, DEADLINE + OVERDUE_NS)
        self.happen(Event.TIME)
        assert len(self.ends) == 1
        self.one_end_and_no_lie()


TestCancel = CancelMachine.TestCase
TestCancel.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
