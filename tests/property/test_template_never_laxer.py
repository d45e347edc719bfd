"""Whatever a template says of a declared point: it is refused, or it is no laxer than the kind."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.actor import DeviceActor, Point
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.testing.kinds import template_of

NAMES = ("gate", "seen", "loop", "force", "mode")


class Gate(DeviceActor):
    kind = "gate"
    points = (
        Point("gate", "moves the gate", "flag", writable=True, feedback="seen", pulse=True,
              guards=("loop",)),
        Point("seen", "where the gate is", "flag"),
        Point("loop", "who is on the loop", "flag"),
        Point("force", "of the motor", unit="N", low=0, high=900, writable=True,
              required=False, volatile=True),
        Point("mode", "who decides", "enumeration", words=("local", "remote"), writable=True,
              required=False),
    )  # fmt: skip


DECLARED = {point.name: point.spec() for point in Gate.points}
NUMBERS = st.sampled_from([-1, 0, 0.5, 1, 2, 900, 901])
SAID = st.fixed_dictionaries({}, optional={
    "unit": st.sampled_from(["", "N", "%"]),
    "range": st.tuples(NUMBERS, NUMBERS).map(sorted).map(list),
    "writable": st.booleans(),
    "feedback": st.sampled_from(["", *NAMES]),
    "pulse": st.booleans(),
    "volatile": st.booleans(),
    "guards": st.lists(st.sampled_from(NAMES), max_size=3),
    "words": st.lists(st.sampled_from(["local", "remote", "off"]), min_size=1, max_size=3),
    "poll_ms": st.sampled_from([0, 100, 5_000]),
    "tolerance": st.sampled_from([0, 0.5]),
})  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), SAID))
@settings(max_examples=400, deadline=None)
def test_a_template_is_refused_or_no_laxer_than_its_kind(said: dict[str, dict[str, Any]]) -> None:
    try:
        template = template_of(Gate, points=said)
    except CityErrors:
        return
    for point in template.points:
        kind = DECLARED[point.name]
        assert point.unit == kind.unit
        assert point.whole >= kind.whole
        assert kind.low is None or (point.low is not None and point.low >= kind.low)
        assert kind.high is None or (point.high is not None and point.high <= kind.high)
        assert not kind.words or point.words == kind.words
        assert point.writable <= kind.writable
        assert point.volatile <= kind.volatile
        if point.writable:
            assert point.pulse >= kind.pulse
            assert set(point.guards) >= set(kind.guards)
            assert point.feedback == kind.feedback or not kind.feedback
        else:
            assert (point.pulse, point.guards, point.feedback) == (False, (), "")


@given(st.sampled_from(NAMES), SAID)
@settings(max_examples=200, deadline=None)
def test_what_a_template_does_not_say_is_as_declared(name: str, said: dict[str, Any]) -> None:
    try:
        template = template_of(Gate, points={name: said})
    except CityErrors:
        return
    point = template.points[template.point_index(name)]
    kind = DECLARED[name]
    for key in ("tolerance", "settle_ms", "poll_ms", "stale_after_ms", "keep", "urgent"):
        expected = said.get(key, getattr(kind, key))
        assert getattr(point, key) == expected
