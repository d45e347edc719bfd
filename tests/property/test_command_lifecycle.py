"""A journalled command's life against a naive model: whatever happens, in whatever order."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.kernel.admission import (
    COMMON_SHARE,
    CROWD,
    MOST_COMMANDS,
    MOST_REMEMBERED,
    Admissions,
)
from jacquemart.runtime.kernel.command_window import CommandWindow, digest_of
from jacquemart.runtime.kernel.ended_commands import SPAN_NS
from jacquemart.runtime.kernel.lifecycle import (
    MOST_LOSSES,
    OVERDUE_NS,
    TABLE,
    Do,
    Entry,
    Event,
    State,
    step,
)
from jacquemart.runtime.model.outcome import Reason, Status

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "commands.md"
SECOND = 10**9
DEADLINE = 10 * SECOND
#: What may happen to a command by where it is: the world's rules, not the kernel's.
POSSIBLE = {
    "disk": (Event.DURABLE, Event.NOT_DURABLE),
    "cell": (Event.UNSENT, Event.LOST_UNSENT, Event.LOST, Event.OUTCOME),
    "asked": (Event.OUTCOME, Event.NEVER_SEEN, Event.LOST, Event.LOST_UNSENT),
    "ended": (Event.END_DURABLE, Event.END_NOT_DURABLE),
}


class World:
    """Carries out what the kernel wants, and judges it."""

    def __init__(self, *, recovered: bool) -> None:
        state = State.ASKING if recovered else State.RECEIVED
        self.entry = Entry(("alice", bytes(16)), b"", DEADLINE, 0, 1, None, state)
        self.now = 0
        self.durable = recovered
        self.sends = 0
        self.maybe_sent = False
        self.answers = 0
        self.ends_wanted = 0
        self.letters = 0
        self.forgotten = False

    def possible(self) -> list[Event]:
        """Return what can happen next, besides that time passes."""
        if self.forgotten:
            return []
        if not self.durable and self.entry.state in (State.RECEIVED, State.LAPSED):
            return list(POSSIBLE["disk"])
        if self.entry.state is State.DISPATCHED:
            return list(POSSIBLE["cell"])
        if self.entry.state is State.ASKING:
            return list(POSSIBLE["asked"])
        if self.entry.state is State.ACCEPTED:
            return [Event.READY]
        return list(POSSIBLE["ended"])

    def happen(self, event: Event) -> None:
        before = self.entry.state
        if event is Event.DURABLE:
            self.durable = True
        for do in step(self.entry, event, self.now):
            if do is Do.SEND:
                assert not self.entry.cancelled, "what is taken back goes to no cell"
                assert self.durable, "nothing is done before the journal has it"
                assert self.now < DEADLINE, "nothing late is sent"
                assert not self.maybe_sent, "nothing that may have been sent is sent again"
                self.sends += 1
            elif do is Do.ANSWER:
                self.answers += 1
            elif do in (Do.WRITE_END, Do.WRITE_END_LATER):
                assert self.durable, "only what was accepted has an end in the journal"
                self.ends_wanted += 1
            elif do is Do.DEAD_LETTER:
                self.letters += 1
                assert self.entry.losses == MOST_LOSSES
            elif do is Do.FORGET:
                assert not self.forgotten
                self.forgotten = True
        if event is Event.LOST and before is not State.ENDED:
            self.maybe_sent = True
            assert self.entry.end is not None
            assert self.entry.end.status is Status.INDETERMINATE
        if self.entry.end is not None and self.entry.end.status is Status.EXPIRED:
            assert self.now >= DEADLINE, "only what is late expires"
        assert self.answers <= 1, "exactly one end"


CHOICES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6 * SECOND)), max_size=30)


@given(CHOICES, st.booleans())
@settings(max_examples=120, deadline=None)
def test_whatever_happens_a_command_has_one_end_and_nothing_late_or_twice(
    choices: list[tuple[int, int]], recovered: bool
) -> None:
    world = World(recovered=recovered)
    for choice, passes in choices:
        possible = world.possible()
        if choice < len(possible):
            world.happen(possible[choice])
        elif choice == 5 and passes % 2 and world.durable:
            world.happen(Event.CANCEL)
        else:
            world.now += passes
            world.happen(Event.TIME)
    # Then the disk works again, and time goes by: there must be an end.
    world.now = max(world.now, DEADLINE + OVERDUE_NS)
    for event in (Event.DURABLE, Event.TIME, Event.END_DURABLE):
        if event is not Event.DURABLE or not world.durable:
            world.happen(event)
    assert world.answers == 1
    assert world.forgotten
    end = world.entry.end
    if end is not None and end.status is Status.CANCELLED:
        assert world.entry.cancelled
        assert not world.maybe_sent


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_what_comes_too_late_changes_nothing(state: State, event: Event) -> None:
    if (state, event) in TABLE:
        return
    entry = Entry(("alice", bytes(16)), b"", DEADLINE, 0, 1, None, state)
    assert step(entry, event, 0) == ()
    assert entry.state is state


def test_every_rule_of_the_table_ends_or_has_a_last_resort() -> None:
    for (state, event), rules in TABLE.items():
        conditions = [rule.when for rule in rules]
        assert "always" not in conditions[:-1], "a rule behind that one is never reached"
        if event is not Event.TIME:
            assert conditions[-1] == "always", (state, event)


def test_the_guide_shows_the_table_as_it_is() -> None:
    rows = []
    for (state, event), rules in TABLE.items():
        for rule in rules:
            end = f"{rule.end.status.name} {rule.end.reason}" if rule.end is not None else ""
            do = ", ".join(one.name.lower() for one in rule.do)
            rows.append(
                f"| {state.name} | {event.name.lower()} | {rule.when} | {rule.then.name} | {end} "
                f"| {do} |"
            )
    table = GUIDE.read_text().partition("## The table")[2]
    shown = re.findall(r"^\| [A-Z]+ \|.*\|$", table, re.MULTILINE)
    assert shown == rows, "\n".join(["put this into docs/guides/commands.md:", *rows])


# Who may come in -----------------------------------------------------------------------------


def body(id: bytes, value: float, deadline: int, now: int) -> dict[str, object]:
    return {
        "id": id, "principal": "alice", "device": "lamp-1", "verb": "set", "point": "setpoint",
        "value": value, "unit": "", "priority": 8, "deadline_ns": deadline, "boot_ns": now,
    }  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "end", "restart", "wait"]),
        st.integers(0, 5),
        st.integers(1, 3),
        st.integers(0, 4),
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_one_execution_for_each_identity_over_any_number_of_restarts(
    steps: list[tuple[str, int, int, int]],
) -> None:
    """The naive model remembers everything for ever; the window keeps two ended commands."""
    window = CommandWindow(kept=2)
    admissions = Admissions(window)
    executed: dict[bytes, tuple[float, int]] = {}
    ended: dict[bytes, bytes] = {}
    now = 10 * SPAN_NS
    for what, which, value, more in steps:
        id = bytes([which]) * 16
        if what == "send":
            # A repeat has the deadline that the command had; a new one has its own.
            deadline = executed[id][1] if id in executed else now + more * 5 * SPAN_NS
            wanted = body(id, float(value), deadline, now)
            found = admissions.admit(
                ("alice", id), digest_of(wanted), deadline, 8, 1, now, "", None
            )
            if found.entry is not None:
                assert id not in executed, "an identity is executed once"
                assert deadline > now
                executed[id] = (float(value), deadline)
                window.accept(wanted)
            elif found.refusal is None:
                assert executed[id][0] == value, "another content is no repeat"
                assert found.frame == ended.get(id, b"")
                assert (found.running is None) == (id in ended)
            elif found.refusal.reason == "duplicate_id":
                assert executed[id][0] != value
            elif found.refusal.reason == "too_old":
                assert deadline <= now
            else:
                assert found.refusal.status is Status.EXPIRED
                assert deadline <= now
                assert id not in executed, "what was accepted is never said to have expired"
        elif what == "end" and id in executed and id not in ended:
            window.end({"id": id, "principal": "alice", "status": 0, "stages": [0, 0, 0, now]})
            ended[id] = window.ended[("alice", id)].frame if ("alice", id) in window.ended else b""
            if not ended[id]:
                ended[id] = b"gone"
            entry = admissions.live.get(("alice", id))
            if entry is not None:
                admissions.forget(entry, now)
        elif what == "restart":
            again = CommandWindow(kept=2)
            again.take(window.plain(), window.rows()[1])
            window, admissions = again, Admissions(again)
            for key, accepted in window.running.items():
                deadline = int(accepted["deadline_ns"])
                admissions.enter(
                    Entry(key, digest_of(accepted), deadline, 0, 1, None, State.ASKING)
                )
        elif what == "wait":
            now += more * 3 * SPAN_NS


def test_too_much_at_once_is_refused_with_a_time_and_life_safety_still_has_room() -> None:
    admissions = Admissions(CommandWindow())
    ids = (number.to_bytes(16, "big") for number in itertools.count())

    def admit(priority: int) -> str:
        found = admissions.admit(
            ("alice", next(ids)), b"", DEADLINE, priority, 10, SECOND, "", None
        )
        return found.refusal.reason if found.refusal is not None else "admitted"

    for _ in range(MOST_COMMANDS):
        if admit(8) == "busy":
            break
    assert len(admissions.live) == 0.9 * MOST_COMMANDS
    refused = admissions.admit(("bob", next(ids)), b"", DEADLINE, 8, 10, SECOND, "", None).refusal
    assert refused is not None
    assert re.search(r"retry in \d+ ms", refused.detail)
    assert admit(2) == "admitted"
    large = admissions.admit(("bob", next(ids)), b"", DEADLINE, 2, 2**30, SECOND, "", None)
    assert large.refusal is not None, "bytes are bounded too"


def test_a_window_full_of_commands_that_are_over_takes_new_ones_again() -> None:
    most = int(MOST_REMEMBERED * COMMON_SHARE)
    window = CommandWindow(kept=10)
    for number in range(most):
        key = {"principal": "alice", "id": number.to_bytes(16, "big")}
        window.accept({**key, "deadline_ns": DEADLINE, "digest": b"same"})
        window.end({**key, "status": int(Status.APPLIED)})
    admissions = Admissions(window)
    new = ("bob", bytes(16))
    early = admissions.admit(new, b"", 9 * DEADLINE, 8, 10, DEADLINE - 1, "", None)
    assert early.refusal is not None, "none of them may be forgotten yet"
    assert early.refusal.reason == "busy"
    later = admissions.admit(new, b"", 9 * DEADLINE, 8, 10, DEADLINE, "", None)
    assert later.entry is not None, "without a new record nobody would ever forget the old ones"
    body = {"principal": "bob", "id": bytes(16), "deadline_ns": 9 * DEADLINE, "digest": b"same"}
    window.accept({**body, "boot_ns": DEADLINE})
    window.end({**body, "status": int(Status.APPLIED)})
    assert len(window) == 10


def test_a_zone_that_cannot_keep_pace_is_crowded_until_it_can_but_not_for_life_safety() -> None:
    admissions, now = Admissions(CommandWindow()), SECOND

    def come(number: int, priority: int = 8) -> Any:
        key = ("bob", number.to_bytes(16, "big"))
        return admissions.admit(key, b"", 9 * DEADLINE, priority, 10, now, "", None)

    admissions.look(now)
    assert all(come(number).entry is not None for number in range(CROWD + 1)), "a burst is taken"
    for _ in range(6):
        now += SECOND // 5
        admissions.look(now)
    refused = come(10_000).refusal
    assert refused is not None
    assert (refused.status, refused.reason) == (Status.REJECTED, Reason.BUSY)
    assert "retry in" in refused.detail
    assert come(10_001, priority=2).entry is not None

    # As many end in a second as wait: that is pace enough, however many they are.
    for second in range(4):
        for number in range(CROWD):
            admissions.forget(admissions.live["bob", number.to_bytes(16, "big")], now)
            admissions.enter(Entry(("bob", number.to_bytes(16, "big")), b"", DEADLINE, 0, 10, None))
        now += SECOND
        admissions.look(now)
        assert admissions.crowded == (second == 0), second
    assert come(10_002).entry is not None


def test_what_waits_too_long_to_be_read_is_refused_but_not_what_is_known() -> None:
    admissions = Admissions(CommandWindow())
    known = admissions.admit(("bob", b"1" * 16), b"", DEADLINE, 8, 10, SECOND, "", None).entry
    admissions.behind = True
    again = admissions.admit(("bob", b"1" * 16), b"", DEADLINE, 8, 10, SECOND, "", None)
    assert again.running is known
    new = admissions.admit(("bob", b"2" * 16), b"", DEADLINE, 8, 10, SECOND, "", None).refusal
    assert new is not None
    assert new.reason == Reason.BUSY
