"""Polls keep their periods, and a missed one is not made up for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.backoff import Backoff
from jacquemart.runtime.kernel.polling import PollSchedule

MS = 1_000_000


@given(
    st.lists(st.integers(1, 1_000), min_size=1, max_size=5),
    st.lists(st.floats(0, 0.999), min_size=5, max_size=5),
    st.lists(st.integers(0, 3_000), max_size=40),
)
def test_no_group_is_polled_more_often_than_its_period_after_its_phase(
    periods_ms: list[int], phases: list[float], steps_ms: list[int]
) -> None:
    schedule = PollSchedule([p * MS for p in periods_ms], phases[: len(periods_ms)])
    now = 0
    schedule.restart(now)
    looks: dict[int, list[int]] = {group: [] for group in range(len(periods_ms))}
    for step in steps_ms:
        now += step * MS
        taken = []
        while (group := schedule.take(now)) is not None:
            taken.append(group)
            looks[group].append(now)
            assert len(taken) <= 2 * len(periods_ms)  # no catching up
    for group, times in looks.items():
        for earlier, later in zip(times[1:], times[3:], strict=False):
            assert later - earlier >= periods_ms[group] * MS


def test_everything_is_due_at_once_after_a_connect_and_then_on_time() -> None:
    schedule = PollSchedule([100 * MS, 0], [0.0, 0.5])
    assert schedule.take(0) is None
    schedule.restart(0)
    assert {schedule.take(0), schedule.take(0)} == {0, 1}
    assert schedule.take(1) == 0  # the second look comes at the phase
    assert schedule.take(99 * MS) is None
    assert schedule.take(101 * MS) == 0
    assert schedule.next_due() == 1 + 200 * MS


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=60))
def test_a_backoff_stays_between_half_and_all_of_its_ceiling(jitters: list[float]) -> None:
    backoff = Backoff(first_s=0.1, longest_s=30.0)
    for number, jitter in enumerate(jitters):
        ceiling = min(0.1 * 2**number, 30.0)
        assert ceiling / 2 <= backoff.failed(jitter) <= ceiling
    backoff.succeeded()
    assert backoff.failed(0.999) <= 0.1


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 50), max_size=4, unique=True),
    st.lists(st.integers(0, 60), max_size=20),
    st.integers(0, 20),
)
def test_a_change_of_groups_moves_no_look_of_a_period_that_stays(
    before: list[int], after: list[int], steps_ms: list[int], at: int
) -> None:
    """The looks of a period are those of a schedule that nobody ever changed."""
    changed, alone = PollSchedule([p * MS for p in before], [0.5] * len(before)), {}
    changed.restart(0)
    for period in before:
        alone[period] = PollSchedule([period * MS], [0.5])
        alone[period].restart(0)
    now, periods = 0, before
    for step, pause_ms in enumerate(steps_ms):
        now += pause_ms * MS
        if step == at:
            changed.change([p * MS for p in after], [0.5] * len(after), now)
            for period in after:
                if period not in periods:
                    alone[period] = PollSchedule([period * MS], [0.5])
                    alone[period].restart(now)
            periods = after
        looks = []
        while (group := changed.take(now)) is not None:
            looks.append(periods[group])
        wanted = []
        for period in periods:
            while alone[period].take(now) is not None:
                wanted.append(period)
        assert sorted(looks) == sorted(wanted)
        assert changed.next_due() == min(
            (due for p in periods if (due := alone[p].next_due()) is not None), default=None
        )
