"""Whatever comes between a cell's start and its lease, each device's commands keep their order.

A zone sends over one ordered way and sends again, the oldest first, what comes back. The cell is
the kernel with a clock. The rule is the naive one: what was executed, sorted by when it was sent
first, is what was executed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.kernel.sent_back import PATIENCE_NS, SentBack, Turn

STEP_NS = 5_000_000


@dataclass
class Sent:
    number: int
    device: str
    volatile: bool
    at: int
    deadline: int
    gone: bool
    """Cancelled, or its client has left: it never comes again."""

    @property
    def key(self) -> tuple[str, bytes]:
        return ("alice", self.number.to_bytes(16, "big"))


@dataclass
class Cell:
    early_until: int
    kernel: SentBack = field(default_factory=SentBack)
    done: list[Sent] = field(default_factory=list)
    overtaken: list[Sent] = field(default_factory=list)

    def take(self, sent: Sent, now: int) -> bool:
        if now >= sent.deadline:
            return True
        if now >= self.early_until:
            point = "jog" if sent.volatile else "level"
            turn = self.kernel.turn(sent.device, sent.key, point, now, volatile=sent.volatile)
            if turn is not Turn.BACK:
                (self.done if turn is Turn.TAKE else self.overtaken).append(sent)
                return True
        point = "jog" if sent.volatile else "level"
        self.kernel.back(
            sent.device, sent.key, point, sent.deadline, now, volatile=sent.volatile
        )  # fmt: skip
        return False


commands = st.lists(
    st.tuples(
        st.sampled_from(["lamp-1", "lamp-2"]), st.booleans(), st.integers(0, 30),
        st.sampled_from([3, 10, 1_000, 5_000]), st.integers(0, 9),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(commands, st.integers(0, 30), st.integers(1, 4))
def test_what_came_while_a_cell_waited_for_its_lease_is_done_in_the_order_it_was_sent(
    drawn: list[tuple[str, bool, int, int, int]], early: int, way: int
) -> None:
    sent = [
        Sent(number, device, volatile, at * STEP_NS, (at + within) * STEP_NS, lot == 0)
        for number, (device, volatile, at, within, lot) in enumerate(
            sorted(drawn, key=lambda one: one[2])
        )
    ]
    cell = Cell(early * STEP_NS)
    underway: list[tuple[int, Sent]] = []
    waiting: list[Sent] = []
    waits_since: dict[int, int] = {}
    for step in range(60 + 2 * PATIENCE_NS // STEP_NS):
        now = step * STEP_NS
        for due, one in [(due, one) for due, one in underway if due <= now]:
            underway.remove((due, one))
            if not cell.take(one, now):
                if not one.gone:
                    waiting.append(one)
                waits_since.setdefault(one.number, now)
        fresh = [one for one in sent if one.at == now]
        again, waiting = sorted(waiting, key=lambda one: one.number), []
        underway += [(now + way * STEP_NS, one) for one in (*again, *fresh)]
        if not underway and step > 40 and not waiting and not cell.kernel:
            break
    assert not waiting
    assert not underway
    for device in ("lamp-1", "lamp-2"):
        journalled = [o.number for o in cell.done if o.device == device and not o.volatile]
        volatile = [o.number for o in cell.done if o.device == device and o.volatile]
        for order in (journalled, volatile):
            assert all(older < newer for older, newer in pairwise(order)), order
    for one in cell.overtaken:
        assert one.volatile
        assert any(
            o.number > one.number and o.volatile and o.device == one.device for o in cell.done
        )


def test_who_never_comes_again_keeps_the_others_waiting_for_five_seconds_and_no_longer() -> None:
    kernel, hour = SentBack(), 3_600_000_000_000
    older, newer = ("alice", b"1"), ("alice", b"2")
    kernel.back("lamp-1", older, "level", hour, 0, volatile=False)
    assert kernel.turn("lamp-1", newer, "level", 1, volatile=False) is Turn.BACK
    assert kernel.turn("lamp-2", newer, "level", 1, volatile=False) is Turn.TAKE
    assert kernel.turn("lamp-1", newer, "level", PATIENCE_NS, volatile=False) is Turn.TAKE
    assert not kernel, "nothing is kept of what is over"


def test_a_weaker_one_takes_no_place_of_life_safety() -> None:
    kernel, hour = SentBack(), 3_600_000_000_000
    fire, ann, again = ("fire", b"1"), ("ann", b"2"), ("fire", b"3")
    kernel.back("lamp-1", fire, "jog", hour, 0, volatile=True, priority=1)
    assert kernel.turn("lamp-1", ann, "jog", 1, volatile=True, priority=8) is Turn.TAKE
    assert kernel.turn("lamp-1", fire, "jog", 2, volatile=True, priority=1) is Turn.TAKE
    kernel.back("lamp-1", fire, "jog", hour, 3, volatile=True, priority=1)
    assert kernel.turn("lamp-1", again, "jog", 4, volatile=True, priority=1) is Turn.TAKE
    assert kernel.turn("lamp-1", fire, "jog", 5, volatile=True, priority=1) is Turn.OVERTAKEN
