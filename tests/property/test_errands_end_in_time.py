"""Whatever becomes of its connections: a command has one end, five seconds after its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.runtime.cell.errand import LATE_REPEAT_NS, Errand
from jacquemart.runtime.cell.outcomes import outcome_in
from jacquemart.runtime.cell.waiting import Waiting
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

S = 1_000_000_000
PROMISE_NS = 5 * S
#: For the way to the client.
SPARE_NS = S // 10
HOME = CellAddress("zone-0", "zone", 1, "inproc://a", "inproc://b", 1, "here", "")
SILENT = -1
#: Of each connection: after how many ms it is reset; SILENT: nobody ever notices.
LIVES = st.lists(st.one_of(st.just(SILENT), st.integers(0, 7_000)), max_size=8)
#: For how many ms nobody can be reached, before each.
GAPS = st.lists(st.integers(0, 3_000), max_size=8)


class Sender:
    """A gateway whose connections are lost one after the other."""

    stopping = False

    def __init__(self, clock: VirtualClock, lives: list[int], gaps: list[int]) -> None:
        self.clock, self.frame = clock, b"a request"
        self.loop = asyncio.get_running_loop()
        self.errors: list[BaseException] = []
        self.waiting = Waiting(self.loop, clock, self.errors.append)
        self.lives, self.gaps = [*lives], [*gaps]
        self.reached_ns = 0
        self.expiries: list[int] = []
        self.replies: list[tuple[int, bytes]] = []
        self._gap()

    def _gap(self) -> None:
        gap_ms = self.gaps.pop(0) if self.gaps else 0
        self.reached_ns = self.clock.boot_ns() + gap_ms * 1_000_000

    def begun(self) -> None: ...

    def done(self) -> None: ...

    def reply(self, frame: bytes) -> None:
        self.replies.append((self.clock.boot_ns(), frame))

    def caller(self, name: str) -> Any:
        return self

    def call(self, frame: bytes, expires_ns: int, answer: Callable[[bytes | None], object]) -> bool:
        now = self.clock.boot_ns()
        if now < self.reached_ns:
            return False
        self.expiries.append(expires_ns)
        life_ms = self.lives.pop(0) if self.lives else SILENT
        over_ns = max(0, expires_ns - now)
        if life_ms != SILENT:
            over_ns = min(over_ns, life_ms * 1_000_000)

        def lost() -> None:
            self._gap()
            answer(None)

        self.loop.call_later(over_ns / 1e9, lost)
        return True


def carried(
    lives: list[int], gaps: list[int], deadline_ms: int, *, repeatable: bool
) -> tuple[list[tuple[int, bytes]], list[int], int, int]:
    """Return replies, expiries, deadline and when the command came."""

    async def story(clock: VirtualClock) -> tuple[list[tuple[int, bytes]], list[int], int, int]:
        sender = Sender(clock, lives, gaps)
        came = clock.boot_ns()
        deadline = came + deadline_ms * 1_000_000
        command = frames.Command(
            bytes(16), "ann", "lamp-1", "set", "level", 1.0, "", 8, deadline, 0
        )
        Errand(
            cast("Any", sender), cast("Any", sender), command, came, lambda: HOME, lambda _: b"",
            repeatable=repeatable, place="north",
        ).run()  # fmt: skip
        await asyncio.sleep(60.0)
        sender.waiting.stop()
        assert sender.errors == []
        assert len(sender.waiting) == 0
        return sender.replies, sender.expiries, deadline, came

    return run(story)


@settings(max_examples=150)
@given(LIVES, GAPS, st.integers(1, 9_000), st.booleans())
@example([5_900, SILENT], [], 100, True)  # found by the simulation: a silent reset, and the count
@example([4_800] * 4, [], 100, True)  # began anew with each connection
def test_a_command_has_one_end_in_time(
    lives: list[int], gaps: list[int], deadline_ms: int, repeatable: bool
) -> None:
    replies, expiries, deadline, _ = carried(lives, gaps, deadline_ms, repeatable=repeatable)
    ((at_ns, frame),) = replies
    assert at_ns <= deadline + PROMISE_NS - SPARE_NS
    outcome = outcome_in(frame)
    assert outcome.reason == Reason.CELL_LOST
    assert (outcome.status is Status.INDETERMINATE) == bool(expiries), "REJECTED: nobody had it"


@settings(max_examples=80)
@given(LIVES, GAPS, st.integers(-3_600_000, 0), st.booleans())
def test_a_late_repeat_has_a_moment_from_when_it_came(
    lives: list[int], gaps: list[int], deadline_ms: int, repeatable: bool
) -> None:
    replies, expiries, deadline, came = carried(lives, gaps, deadline_ms, repeatable=repeatable)
    ((at_ns, _),) = replies
    assert at_ns <= max(deadline + PROMISE_NS, came + LATE_REPEAT_NS + SPARE_NS) - SPARE_NS // 2
    assert all(came + LATE_REPEAT_NS <= expiry for expiry in expiries)
    if not gaps and not lives:
        assert at_ns >= came + LATE_REPEAT_NS, "who knows its end may need a moment"
