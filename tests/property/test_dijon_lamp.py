"""The lamps of the example field, under any commands and breakdowns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples" / "dijon"))

from field.lamp import WRITES_KEPT, Lamp, Pace

PACE = Pace(lag_s=0.2, ramp_s=1.0)

levels = st.integers(0, 1000).map(lambda raw: raw / 10)
steps = st.lists(
    st.tuples(
        st.floats(0.0, 3.0),
        st.one_of(
            st.tuples(st.just("command"), levels),
            st.tuples(st.sampled_from(["cut", "restore"]), st.none()),
            st.tuples(st.just("become"), st.sampled_from(["ok", "dead", "stuck", "lying"])),
        ),
    ),
    max_size=12,
)


def replay(lamp: Lamp, history: list[tuple[float, tuple[str, object]]]) -> float:
    now = 0.0
    for gap, (name, argument) in history:
        now += gap
        arguments = () if argument is None else (argument,)
        getattr(lamp, name)(now, *arguments)
    return now


@given(st.lists(st.tuples(st.floats(0.0, 3.0), levels), max_size=8))
def test_a_sound_lamp_ramps_and_never_jumps(commands: list[tuple[float, float]]) -> None:
    lamp = Lamp("l", 50.0, PACE)
    now, before = 0.0, 0.0
    for gap, level in [*commands, (3.0, 0.0)]:
        ticks = max(1, int(gap / 0.05))
        for _ in range(ticks):
            now += gap / ticks
            seen = lamp.level_at(now)
            assert 0.0 <= seen <= 100.0
            assert abs(seen - before) <= 100.0 * (gap / ticks) / PACE.ramp_s + 1e-6
            before = seen
        lamp.command(now, level)


@given(steps)
def test_what_is_settled_stays_and_what_is_not_gets_there(
    history: list[tuple[float, tuple[str, object]]],
) -> None:
    lamp = Lamp("l", 50.0, PACE)
    now = replay(lamp, history)
    end = lamp.level_at(now + PACE.lag_s + PACE.ramp_s + 0.001)
    assert lamp.settled(now + PACE.lag_s + PACE.ramp_s + 0.001)
    assert lamp.level_at(now + 1e6) == end


@given(steps)
def test_energy_and_burning_time_are_the_areas_under_the_level(
    history: list[tuple[float, tuple[str, object]]],
) -> None:
    twin, lamp = Lamp("t", 50.0, PACE), Lamp("l", 50.0, PACE, burnt_h=10.0)
    base_wh = lamp.energy_wh(0.0)
    tick, now, due = 0.002, 0.0, 0.0
    level_s = lit_s = 0.0
    for gap, (name, argument) in [*history, (2.0, ("command", 0.0))]:
        due += gap
        while now < due:
            step = min(tick, due - now)
            middle = twin.level_at(now + step / 2)
            level_s += middle * step
            lit_s += step if middle > 0 else 0.0
            now += step
        for each in (twin, lamp):
            getattr(each, name)(due, *(() if argument is None else (argument,)))
    assert lamp.energy_wh(due) - base_wh == pytest.approx(50.0 * level_s / 360_000, abs=1e-4)
    assert lamp.burnt_h(due) - 10.0 == pytest.approx(lit_s / 3600, abs=2e-5)


@given(steps)
def test_a_dead_lamp_is_dark_and_a_stuck_one_stays_whatever_it_is_told(
    history: list[tuple[float, tuple[str, object]]],
) -> None:
    lamp = Lamp("l", 50.0, PACE)
    now = replay(lamp, history)
    stuck_at = lamp.level_at(now)
    for condition, expected in (("stuck", stuck_at), ("dead", 0.0)):
        lamp.become(now, condition)  # type: ignore[arg-type]
        lamp.command(now + 0.1, 100.0 - stuck_at)
        assert lamp.setpoint == 100.0 - stuck_at
        now += 5.0
        assert lamp.level_at(now) == expected
    lamp.become(now, "ok")
    assert lamp.level_at(now + 5.0) == lamp.setpoint


@given(steps, levels)
def test_a_lying_lamp_stays_and_shows_what_it_was_told(
    history: list[tuple[float, tuple[str, object]]], told: float
) -> None:
    lamp = Lamp("l", 50.0, PACE)
    now = replay(lamp, history)
    lamp.become(now, "lying")
    stays = lamp.level_at(now)
    lamp.command(now, told)
    assert (lamp.shown_at(now + 5.0), lamp.level_at(now + 5.0)) == (told, stays)
    lamp.become(now + 5.0, "ok")
    assert lamp.shown_at(now + 10.0) == lamp.level_at(now + 10.0) == told


def test_a_command_acts_after_its_lag_and_the_fade_takes_the_ramp() -> None:
    lamp = Lamp("l", 50.0, PACE)
    lamp.command(10.0, 80.0)
    assert [round(lamp.level_at(10.0 + t), 3) for t in (0.0, 0.2, 0.7, 1.2, 9.0)] == [
        *(0.0, 0.0, 40.0, 80.0, 80.0)
    ]
    lamp.command(20.0, 20.0)
    assert lamp.level_at(20.7) == pytest.approx(50.0)


def test_power_lost_is_dark_at_once_and_power_regained_fades_to_the_last_setpoint() -> None:
    lamp = Lamp("l", 50.0, PACE)
    lamp.command(0.0, 80.0)
    lamp.cut(5.0)
    assert lamp.level_at(5.0) == 0.0
    lamp.restore(9.0)
    assert lamp.level_at(9.7) == pytest.approx(40.0)
    assert lamp.level_at(11.0) == 80.0


def test_writes_are_counted_beyond_the_times_that_are_kept() -> None:
    lamp = Lamp("l", 50.0, PACE)
    for n in range(WRITES_KEPT + 5):
        lamp.command(float(n), 50.0)
    assert lamp.writes == WRITES_KEPT + 5
    assert lamp.written_at == [float(n) for n in range(5, WRITES_KEPT + 5)]


def test_a_field_without_lag_and_ramp_steps() -> None:
    lamp = Lamp("l", 50.0, Pace(0.0, 0.0))
    lamp.command(1.0, 30.0)
    assert lamp.level_at(1.0) == 30.0
    assert lamp.power_at(1.0) == pytest.approx(15.4)
