"""A journal's clock against a world that knows the true time, whatever people do to wall clocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.journal_clock import JournalClock

S = 10**9
EPOCH = 1_700_000_000 * S
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["passes", "told", "opened", "started", "set"]),
        st.integers(0, 100),
        st.integers(-5_000, 5_000),
    ),
    max_size=20,
)


class World:
    """True time, and a host whose boot-time clock begins anew and whose wall clock is set."""

    def __init__(self) -> None:
        self.true, self.starts, self.zero, self.wrong = 10**6 * S, 1, 0, 0
        self.clock = JournalClock()
        self.until = 0
        """When a lease ends, by the clock of the journal."""
        self.ends = 0
        """When it truly does."""
        self.trusted = True
        """Whether the wall clock has told the truth of each time in which the host was off."""
        self.left_at_most = 0
        """What was left of it when the journal saw the clocks last."""
        self.open()

    @property
    def boot(self) -> int:
        return self.true - self.zero

    @property
    def wall(self) -> int:
        return EPOCH + self.true + self.wrong

    def open(self) -> None:
        offset = self.clock.opened(str(self.starts), self.boot, self.wall)
        if offset is not None:
            self.until = max(1, self.until + offset)

    def told(self) -> None:
        self.clock.told(self.boot, self.wall)

    def lease(self, seconds: int) -> None:
        self.until, self.ends = self.boot + seconds * S, self.true + seconds * S
        self.trusted, self.left_at_most = True, seconds * S
        self.told()

    def play(self, what: str, seconds: int, jump: int) -> None:
        if what == "passes":
            self.true += seconds * S
        elif what == "told":
            self.told()
        elif what == "opened":
            self.open()
        elif what == "set":
            self.wrong += jump * S
        else:
            self.trusted = self.trusted and self.wall - self.boot == self.clock.began_ns
            self.true += seconds * S
            self.starts, self.zero = self.starts + 1, self.true - seconds * S // 3
            self.open()


@given(st.integers(1, 300), STEPS)
def test_a_lease_is_as_long_as_it_was_meant_to_be_unless_only_a_wrong_wall_clock_could_tell(
    lease: int, steps: list[tuple[str, int, int]]
) -> None:
    world = World()
    world.lease(lease)
    for what, seconds, jump in steps:
        before, starts = world.until - world.boot, world.starts
        world.play(what, seconds, jump)
        if world.starts == starts:
            passed = seconds * S if what == "passes" else 0
            assert world.until - world.boot == before - passed, "nobody sets the boot-time clock"
        assert world.until - world.boot <= max(world.left_at_most, 1), "nothing lasts for longer"
        if world.trusted and world.until > 1:
            assert world.until - world.boot == world.ends - world.true
        if what in ("opened", "started", "told"):  # it has seen the clocks
            world.left_at_most = world.until - world.boot


@given(STEPS, st.integers(0, 20))
def test_what_is_kept_of_it_is_the_same_clock_again(
    steps: list[tuple[str, int, int]], cut: int
) -> None:
    world, again = World(), World()
    for at, (what, seconds, jump) in enumerate(steps):
        world.play(what, seconds, jump)
        again.play(what, seconds, jump)
        if at == cut:
            kept, again.clock = again.clock.plain(), JournalClock()
            again.clock.take(kept)
    assert (again.clock.plain(), again.until) == (world.clock.plain(), world.until)


def test_it_says_how_far_the_wall_clock_was_set() -> None:
    clock = JournalClock()
    clock.opened("a", 100 * S, EPOCH)
    clock.opened("a", 160 * S, EPOCH + 60 * S)
    assert clock.jump_ns == 0
    clock.opened("a", 170 * S, EPOCH + 70 * S - 3_600 * S)
    assert clock.jump_ns == -3_600 * S
    back = EPOCH - 7_200 * S
    assert clock.opened("b", 5 * S, back) == 5 * S - 170 * S, "the host was off for no time"
    assert clock.jump_ns == 3_530 * S - 7_200 * S
    assert clock.opened("", 1, 1) is None, "nobody can tell"
