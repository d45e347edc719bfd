"""Minimum on and off times and defaults: what a template may say of them."""

from __future__ import annotations

from typing import Any

import pytest

from jacquemart.runtime.actor import DeviceActor, Point
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.testing.kinds import template_of


class Pump(DeviceActor):
    kind = "pump"
    points = (
        Point("run", "runs the pump", "flag", writable=True, min_on_s=60, default=0),
        Point("speed", "of the pump", unit="%", low=10, high=90, writable=True, required=False),
        Point("reset", "clears a fault", "flag", writable=True, pulse=True, required=False),
        Point("flow", "what it moves", unit="l/s", required=False),
    )


def point(name: str, **said: Any) -> PointSpec:
    template = template_of(Pump, points={name: said})
    return template.points[template.point_index(name)]


def test_a_template_has_them_from_its_kind_and_may_be_stricter() -> None:
    assert (point("run").min_on_s, point("run").min_off_s, point("run").default) == (60, 0, 0)
    stricter = point("run", min_on_s=90, min_off_s=5, default=1)
    assert (stricter.min_on_s, stricter.min_off_s, stricter.default) == (90, 5, 1)


@pytest.mark.parametrize(
    ("name", "said", "says"),
    [
        ("run", {"min_on_s": 59}, "60 or longer"),
        ("speed", {"default": 5}, "in the range from 10"),
        ("speed", {"min_off_s": -1}, "0 to 86400"),
        ("reset", {"default": 0}, "no pulse"),
        ("flow", {"min_on_s": 5}, "writable = true"),
    ],
)
def test_what_is_laxer_or_means_nothing_is_refused(
    name: str, said: dict[str, Any], says: str
) -> None:
    with pytest.raises(CityErrors, match=says):
        point(name, **said)


@pytest.mark.parametrize(
    "said",
    [{"default": 200.0, "high": 100.0}, {"writable": False, "min_on_s": 5.0}, {"min_off_s": -1.0}],
)
def test_a_kind_cannot_declare_what_contradicts_itself(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        type("Wrong", (DeviceActor,), {
            "points": (Point("run", "runs it", **{"writable": True, **said}),),
        })  # fmt: skip
