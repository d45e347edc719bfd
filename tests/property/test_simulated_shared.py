"""Devices with the same past share a model, and nobody can tell from what they show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.model import FieldModel

DEVICES = ("a", "b", "c")
POINTS = {
    "set": Behaviour(writable=True, feedback="level", ramp_per_s=20.0, lag_ms=500),
    "level": Behaviour(noise=0.5),
    "power": Behaviour(follows="level", gain=1.5),
    "energy": Behaviour(follows="power", counter_per_s=1 / 3600),
    "heat": Behaviour(initial=20.0, drift_per_s=0.1),
}
#: Who is meant, what happens, and how long after the deed before; often at the same time.
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(DEVICES),
        st.one_of(st.sampled_from((0.0, 40.0, 80.0, "freeze", "thaw")), st.sampled_from([*POINTS])),
        st.sampled_from((0.0, 0.0, 0.0, 0.3, 5.0)),
    ),
    max_size=30,
)


def do(model: FieldModel, device: str, what: float | str, now: float) -> None:
    if what == "freeze":
        model.freeze(device, now)
    elif what == "thaw":
        model.thaw(device, now)
    elif isinstance(what, str):
        model.declare(device, what, POINTS[what], now)
    elif model.knows(device, "set"):
        model.write(f"{device}/set", what, now)


def shown(model: FieldModel, now: float) -> dict[str, float]:
    return {point: model.reading(point, now) for point in sorted(model)}


@given(DEEDS)
def test_a_device_beside_others_shows_what_it_would_show_alone(
    deeds: list[tuple[str, float | str, float]],
) -> None:
    together = FieldModel(seed=5)
    alone = {device: FieldModel(seed=5) for device in DEVICES}
    now = 0.0
    for device, what, pause in deeds:
        now += pause
        do(together, device, what, now)
        do(alone[device], device, what, now)
        expected: dict[str, float] = {}
        for model in alone.values():
            expected |= shown(model, now + 0.2)
        # Looking ahead moves the clock of either side alike.
        assert shown(together, now + 0.2) == expected
        now += 0.2
    known = [[name for name in POINTS if together.knows(device, name)] for device in DEVICES]
    each = [
        f"{device}/{name}" for device, names in zip(DEVICES, known, strict=True) for name in names
    ]
    readings = together.readings(DEVICES, known, now) if all(known) else []
    assert readings == [together.reading(point, now) for point in each][: len(readings)]


def test_a_street_of_lamps_that_are_told_the_same_is_one_model_until_one_is_told_otherwise() -> (
    None
):
    model = FieldModel()
    lamps = [f"lamp-{number}" for number in range(50)]
    for name in POINTS:
        for lamp in lamps:
            model.declare(lamp, name, POINTS[name], 0.0)
    assert model.models == 1
    for lamp in lamps:
        model.write(f"{lamp}/set", 80.0, 1.0)
    assert model.models == 1
    model.write("lamp-7/set", 10.0, 2.0)
    assert model.models == 2
    assert model.true_value("lamp-7/level", 60.0) == 10.0
    assert model.true_value("lamp-8/level", 60.0) == 80.0


#: Devices in a row, some maybe twice, and what happens to all of them.
ROWS = st.lists(
    st.tuples(
        st.lists(st.sampled_from((*DEVICES, "d", "e")), min_size=1, max_size=6),
        st.one_of(
            st.sampled_from((0.0, 40.0, 80.0, "freeze", "thaw")),
            st.lists(st.sampled_from([*POINTS]), min_size=1, unique=True).map(tuple),
        ),
        st.sampled_from((0.0, 0.0, 0.3, 5.0)),
    ),
    max_size=15,
)


@given(ROWS)
def test_points_of_many_devices_are_declared_as_those_of_each(
    rows: list[tuple[list[str], float | str | tuple[str, ...], float]],
) -> None:
    at_once, one_by_one = FieldModel(seed=5), FieldModel(seed=5)
    now = 0.0
    for devices, what, pause in rows:
        now += pause
        if isinstance(what, tuple):
            points = tuple((name, POINTS[name]) for name in what)
            at_once.declare_many(devices, points, now)
            for device in devices:
                one_by_one.declare_all(device, points, now)
        else:
            for device in devices:
                do(at_once, device, what, now)
                do(one_by_one, device, what, now)
        assert shown(at_once, now) == shown(one_by_one, now)
        assert sum(model.devices for model in set(at_once._devices.values())) == len(
            at_once.devices()
        )
    assert shown(at_once, now + 7.0) == shown(one_by_one, now + 7.0)


def test_devices_that_get_points_together_stay_one_model_whenever_that_is() -> None:
    model = FieldModel()
    lamps = [f"lamp-{number}" for number in range(50)]
    for second, name in enumerate(POINTS):
        model.declare_many(lamps, ((name, POINTS[name]),), float(second))
    assert model.models == 1
    model.declare_many(lamps[:20], (("more", Behaviour(initial=3.0)),), 9.0)
    assert model.models == 2
    assert model.true_value("lamp-19/more", 9.0) == 3.0
    assert not model.knows("lamp-20", "more")
