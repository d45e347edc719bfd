"""Laws of the simulated field: ramps never jump, counters never fall, a seed is a history."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.model import FieldModel

LEVELS = st.floats(-200, 200, allow_nan=False).map(lambda value: round(value, 3))
PAUSES = st.floats(0, 30, allow_nan=False).map(lambda value: round(value, 3))
#: What happens to the lamp: a write, or getting stuck or free, each after a pause.
DEEDS = st.lists(
    st.tuples(PAUSES, st.one_of(LEVELS, st.sampled_from(["freeze", "thaw"]))), max_size=15
)
RAMPS = st.floats(0.1, 100).map(lambda value: round(value, 3))
LAGS = st.integers(0, 5_000)


def lamp(ramp: float, lag_ms: float, seed: int = 0) -> FieldModel:
    model = FieldModel(seed)
    register = Behaviour(writable=True, feedback="level", ramp_per_s=ramp, lag_ms=lag_ms)
    model.declare("lamp", "set", register, 0.0)
    model.declare("lamp", "level", Behaviour(noise=0.5), 0.0)
    model.declare("lamp", "power", Behaviour(follows="level", gain=1.5, lag_ms=300), 0.0)
    energy = Behaviour(follows="power", counter_per_s=1 / 3600)
    model.declare("lamp", "energy", energy, 0.0)
    burn = Behaviour(follows="level", counter_per_s=1.0, counts="time")
    model.declare("lamp", "burn", burn, 0.0)
    return model


def do(model: FieldModel, what: float | str, now: float) -> None:
    if what == "freeze":
        model.freeze("lamp", now)
    elif what == "thaw":
        model.thaw("lamp", now)
    else:
        model.write("lamp/set", float(what), now)


def history(
    model: FieldModel, deeds: list[tuple[float, float | str]], looks: int
) -> list[tuple[float, dict[str, float]]]:
    """Play the deeds, and look so many times in each pause."""
    now = 0.0
    seen = []
    for pause, what in [*deeds, (30.0, "thaw")]:
        for look in range(looks):
            at = now + pause * look / looks
            seen.append((at, {point: model.true_value(point, at) for point in model}))
        now += pause
        do(model, what, now)
    seen.append((now, {point: model.true_value(point, now) for point in model}))
    return seen


@given(DEEDS, RAMPS, LAGS)
def test_a_ramp_never_moves_faster_than_it_may(
    deeds: list[tuple[float, float | str]], ramp: float, lag_ms: int
) -> None:
    for (t0, before), (t1, after) in pairwise(history(lamp(ramp, lag_ms), deeds, 7)):
        moved = abs(after["lamp/level"] - before["lamp/level"])
        assert moved <= ramp * (t1 - t0) + 1e-6


@given(DEEDS, RAMPS, LAGS)
def test_a_lamp_that_is_left_alone_arrives(
    deeds: list[tuple[float, float | str]], ramp: float, lag_ms: int
) -> None:
    model = lamp(ramp, lag_ms)
    seen = history(model, deeds, 1)
    end = seen[-1][0] + lag_ms / 1000 + 400 / ramp + 1.0
    last = [what for _, what in deeds if not isinstance(what, str)]
    assert model.true_value("lamp/level", end) == pytest.approx(last[-1] if last else 0.0)
    assert model.true_value("lamp/power", end) == pytest.approx(1.5 * (last[-1] if last else 0.0))


@given(DEEDS, RAMPS, LAGS)
def test_counters_never_fall(
    deeds: list[tuple[float, float | str]], ramp: float, lag_ms: int
) -> None:
    for (t0, before), (t1, after) in pairwise(history(lamp(ramp, lag_ms), deeds, 5)):
        assert after["lamp/energy"] >= before["lamp/energy"]
        assert 0.0 <= after["lamp/burn"] - before["lamp/burn"] <= t1 - t0 + 1e-6


@given(DEEDS, RAMPS, LAGS)
def test_looking_more_often_changes_nothing(
    deeds: list[tuple[float, float | str]], ramp: float, lag_ms: int
) -> None:
    seldom = history(lamp(ramp, lag_ms), deeds, 1)[-1][1]
    often = history(lamp(ramp, lag_ms), deeds, 9)[-1][1]
    assert often == pytest.approx(seldom, abs=1e-6)


@given(DEEDS, RAMPS, LAGS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_history(
    deeds: list[tuple[float, float | str]], ramp: float, lag_ms: int, seed: int
) -> None:
    first, second = lamp(ramp, lag_ms, seed), lamp(ramp, lag_ms, seed)
    assert history(first, deeds, 3) == history(second, deeds, 3)
    end = 30.0 + sum(pause for pause, _ in deeds)
    readings = [[m.reading("lamp/level", end + s) for s in range(20)] for m in (first, second)]
    assert readings[0] == readings[1]
