"""The simulated field's kernel: feedback, lag, ramp, following, counting, being stuck."""

from __future__ import annotations

import pytest

from jacquemart.drivers.simulated.behaviour import Behaviour, behaviour_of, check_behaviour
from jacquemart.drivers.simulated.model import FieldModel
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.errors import ConfigError

RAMPED = Behaviour(writable=True, feedback="level", lag_ms=500, ramp_per_s=50)


def lamp(seed: int = 0) -> FieldModel:
    model = FieldModel(seed)
    model.declare("lamp", "setpoint", RAMPED, 0.0)
    model.declare("lamp", "level", Behaviour(), 0.0)
    model.declare("lamp", "power", Behaviour(follows="level", gain=1.2, offset=3.0), 0.0)
    model.declare("lamp", "energy", Behaviour(follows="power", counter_per_s=1 / 3600), 0.0)
    burn = Behaviour(follows="level", counter_per_s=1 / 3600, counts="time")
    model.declare("lamp", "burn_hours", burn, 0.0)
    return model


def test_the_register_holds_at_once_and_the_lamp_follows_after_its_lag_with_its_ramp() -> None:
    model = lamp()
    model.write("lamp/setpoint", 100.0, 10.0)
    assert model.true_value("lamp/setpoint", 10.0) == 100.0
    assert [model.true_value("lamp/level", t) for t in (10.0, 10.5, 11.5, 12.5, 60.0)] == [
        0.0, 0.0, 50.0, 100.0, 100.0,
    ]  # fmt: skip


def test_a_second_write_within_the_lag_does_not_undo_the_first() -> None:
    model = lamp()
    model.write("lamp/setpoint", 100.0, 0.0)
    model.write("lamp/setpoint", 0.0, 0.25)
    assert model.true_value("lamp/level", 0.75) == pytest.approx(12.5)
    assert model.true_value("lamp/level", 1.0) == pytest.approx(0.0)


def test_a_point_that_is_its_own_feedback_ramps_itself() -> None:
    model = FieldModel()
    model.declare("gate", "angle", Behaviour(writable=True, ramp_per_s=9.0, lag_ms=100), 0.0)
    model.write("gate/angle", 90.0, 0.0)
    assert model.true_value("gate/angle", 0.1) == 0.0
    assert model.true_value("gate/angle", 5.1) == pytest.approx(45.0)


def test_counters_integrate_what_they_follow() -> None:
    model = lamp()
    assert model.true_value("lamp/energy", 3600.0) == pytest.approx(3.0)
    assert model.true_value("lamp/burn_hours", 3600.0) == 0.0
    model.write("lamp/setpoint", 100.0, 3600.0)
    model.true_value("lamp/level", 7200.0)
    assert model.true_value("lamp/burn_hours", 7200.5) == pytest.approx(1.0)
    lag, ramp, rest = 0.5 * 3.0, 2.0 * (3.0 + 123.0) / 2, 3598.0 * 123.0
    expected = 3.0 + (lag + ramp + rest) / 3600
    assert model.true_value("lamp/energy", 7200.5) == pytest.approx(expected)


def test_what_its_kind_counts_in_whole_numbers_is_read_in_whole_numbers() -> None:
    model = FieldModel()
    spec = PointSpec("cars", whole=True, address={"counter_per_s": 0.12})
    model.declare("loop", "cars", behaviour_of(spec), 0.0)
    assert [model.reading("loop/cars", t) for t in (0.0, 8.0, 9.0, 25.0)] == [0.0, 0.0, 1.0, 3.0]
    assert model.true_value("loop/cars", 30.0) == pytest.approx(3.6)


def test_a_counter_alone_counts_seconds_and_starts_at_its_initial_value() -> None:
    model = FieldModel()
    model.declare("m", "hours", Behaviour(initial=7.0, counter_per_s=2.0), 5.0)
    assert model.true_value("m/hours", 10.0) == 17.0


def test_order_of_declaration_does_not_matter() -> None:
    late = FieldModel()
    late.declare("lamp", "power", Behaviour(follows="level", gain=1.2, offset=3.0), 0.0)
    late.declare("lamp", "level", Behaviour(), 0.0)
    late.declare("lamp", "setpoint", RAMPED, 0.0)
    early = lamp()
    for model in (early, late):
        model.write("lamp/setpoint", 80.0, 1.0)
    for time in (1.0, 1.5, 2.0, 2.7, 9.0):
        assert late.true_value("lamp/power", time) == early.true_value("lamp/power", time)


def test_a_feedback_that_is_first_asked_for_after_the_write_still_ramps() -> None:
    model = FieldModel()
    model.declare("lamp", "setpoint", RAMPED, 0.0)
    model.write("lamp/setpoint", 100.0, 0.0)
    model.declare("lamp", "level", Behaviour(), 1.0)
    assert model.true_value("lamp/level", 1.5) == pytest.approx(50.0)


def test_a_feedback_starts_at_rest_unless_its_initial_value_says_otherwise() -> None:
    model = FieldModel()
    model.declare("a", "level", Behaviour(), 0.0)
    model.declare("a", "set", Behaviour(initial=40.0, writable=True, feedback="level"), 0.0)
    assert model.true_value("a/level", 0.0) == 40.0
    on = Behaviour(initial=40.0, writable=True, feedback="level", ramp_per_s=10)
    model.declare("b", "set", on, 0.0)
    model.declare("b", "level", Behaviour(initial=0.0), 0.0)
    assert [model.true_value("b/level", t) for t in (0.0, 2.0, 4.0)] == [0.0, 20.0, 40.0]


def test_a_stuck_lamp_takes_the_write_stays_where_it_is_and_goes_on_when_freed() -> None:
    model = lamp()
    model.write("lamp/setpoint", 100.0, 0.0)
    model.freeze("lamp", 1.5)
    model.write("lamp/setpoint", 20.0, 5.0)
    assert model.true_value("lamp/setpoint", 60.0) == 20.0
    assert model.true_value("lamp/level", 60.0) == pytest.approx(50.0)
    assert model.true_value("lamp/power", 60.0) == pytest.approx(63.0)
    model.thaw("lamp", 60.0)
    assert model.true_value("lamp/level", 60.2) == pytest.approx(40.0)
    assert model.true_value("lamp/power", 60.6) == pytest.approx(27.0)


def test_a_device_that_is_stuck_before_it_is_known_never_moves() -> None:
    model = FieldModel()
    model.freeze("lamp", 0.0)
    model.declare("lamp", "setpoint", RAMPED, 0.0)
    model.declare("lamp", "level", Behaviour(), 0.0)
    model.write("lamp/setpoint", 100.0, 0.0)
    assert model.true_value("lamp/level", 10.0) == 0.0


def test_noise_and_drift_show_in_readings_and_not_in_the_truth() -> None:
    model = FieldModel(seed=3)
    model.declare("t", "temp", Behaviour(initial=20.0, noise=0.5, drift_per_s=0.01), 0.0)
    readings = [model.reading("t/temp", time) - time * 0.01 for time in range(200)]
    assert all(19.5 <= reading <= 20.5 for reading in readings)
    assert max(readings) > 20.3
    assert min(readings) < 19.7
    assert model.true_value("t/temp", 200.0) == 20.0


def test_a_clock_that_runs_backwards_is_not_believed() -> None:
    model = lamp()
    model.write("lamp/setpoint", 100.0, 10.0)
    assert model.true_value("lamp/level", 11.5) == 50.0
    assert model.true_value("lamp/level", 3.0) == 50.0


def test_loops_and_followed_counters_are_refused() -> None:
    model = FieldModel()
    model.declare("d", "a", Behaviour(follows="b"), 0.0)
    with pytest.raises(ConfigError, match="d/b: the point follows itself"):
        model.declare("d", "b", Behaviour(follows="a"), 0.0)
    model.declare("d", "n", Behaviour(counter_per_s=1.0), 0.0)
    with pytest.raises(ConfigError, match="follows the counter d/n"):
        model.declare("d", "c", Behaviour(follows="n"), 0.0)


def test_unread_points_keep_no_history() -> None:
    model = lamp()
    for second in range(1_000):
        model.write("lamp/setpoint", float(second % 100), float(second))
    nodes = model._devices["lamp"].nodes.values()
    assert nodes
    assert all(len(node.track._times) < 20 for node in nodes)


@pytest.mark.parametrize(
    ("writable", "address", "key"),
    [
        (False, {"inital": 3}, "inital"),
        (False, {"initial": float("nan")}, "initial"),
        (False, {"ramp_per_s": -1}, "ramp_per_s"),
        (False, {"lag_ms": True}, "lag_ms"),
        (True, {"follows": "other"}, "follows"),
        (True, {"counter_per_s": 1.0}, "counter_per_s"),
        (False, {"follows": "p"}, "follows"),
        (False, {"follows": "a/b"}, "follows"),
        (False, {"counts": "time"}, "counts"),
        (False, {"counter_per_s": 1, "counts": "time"}, "counts"),
        (False, {"counter_per_s": 1, "noise": 1.0}, "noise"),
        (False, {"gain": 2.0}, "gain"),
    ],
)
def test_wrong_addresses_are_named(writable: bool, address: dict[str, object], key: str) -> None:
    point = PointSpec("p", writable=writable, address=address)
    assert [found[0] for found in check_behaviour(point, address)] == [key]


def test_a_misspelt_key_is_recognised() -> None:
    assert check_behaviour(PointSpec("p"), {"inital": 3}) == [
        ("inital", 3, "no such key; did you mean initial?")
    ]


def test_a_good_address_becomes_a_behaviour() -> None:
    address = {"initial": 5, "follows": "level", "gain": 2, "noise": 0.1, "lag_ms": 10}
    point = PointSpec("power", address=address)
    assert check_behaviour(point, address) == []
    assert behaviour_of(point).gain == 2
    own = PointSpec("level", writable=True, feedback="level")
    assert not behaviour_of(own).is_register


def test_two_push_buttons_take_each_other_back() -> None:
    model = FieldModel()
    raising = Behaviour(writable=True, feedback="up", resets="lower")
    lowering = Behaviour(writable=True, feedback="down", resets="raise", initial=1.0)
    model.declare("b", "raise", raising, 0.0)
    model.declare("b", "lower", lowering, 0.0)
    model.declare("b", "up", Behaviour(lag_ms=4_000), 0.0)
    model.declare("b", "down", Behaviour(lag_ms=4_000), 0.0)

    def limits(now: float) -> tuple[float, float]:
        return model.true_value("b/up", now), model.true_value("b/down", now)

    assert limits(0.0) == (0.0, 1.0)
    model.write("b/raise", 1.0, 1.0)
    assert limits(4.9) == (0.0, 1.0)
    assert limits(5.1) == (1.0, 0.0)
    model.write("b/lower", 1.0, 6.0)
    assert limits(10.1) == (0.0, 1.0)
    model.write("b/raise", 1.0, 11.0)
    assert limits(15.1) == (1.0, 0.0), "the same value again acts again"


@pytest.mark.parametrize(
    ("writable", "resets", "wrong"), [(False, "x", True), (True, "p", True), (True, "x", False)]
)
def test_only_a_writable_point_resets_another_one(writable: bool, resets: str, wrong: bool) -> None:
    address = {"resets": resets}
    spec = PointSpec("p", writable=writable, feedback="q" if writable else "", address=address)
    assert bool(check_behaviour(spec, address)) is wrong
