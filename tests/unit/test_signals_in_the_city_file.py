"""Signal models in the city file: what is wrong with one is told with file, place and seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_samples import crossing

from jacquemart.actors.signals.checking import problems
from jacquemart.actors.signals.declared import read_intersection
from jacquemart.runtime.city import CityErrors, load_city

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/signals.md"
CITY = """
[city]
id = "k"
[zones.north]
[links.line]
driver = "simulated"
zone = "north"
[templates.signal_controller]
kind = "signal_controller"
driver = "simulated"
[templates.signal_controller.points]
mode = {}
mode_state = {}
local = {}
plan = {}
plan_state = {}
state = {}
status = {}
occupancy_a = {}
[[device]]
id = "K1"
template = "signal_controller"
zone = "north"
link = "line"
"""


def declared() -> str:
    text = GUIDE.read_text(encoding="utf-8")
    return text.split("```toml\n", 1)[1].split("```", 1)[0]


def city(folder: Path, signals: str) -> Any:
    (folder / "k1.toml").write_text(signals, encoding="utf-8")
    path = folder / "city.toml"
    path.write_text('include = ["k1.toml"]\n' + CITY, encoding="utf-8")
    return load_city(path)


def told(folder: Path, signals: str) -> str:
    with pytest.raises(CityErrors) as caught:
        city(folder, signals)
    return str(caught.value)


def test_the_guides_intersection_is_the_one_of_the_samples(tmp_path: Path) -> None:
    loaded = city(tmp_path, declared())
    model, wrong = read_intersection("K1", loaded.tables["signals"]["K1"])
    assert wrong == []
    assert model == crossing()


@pytest.mark.parametrize(
    ("find", "put", "expected"),
    [
        ("turn = 4.5", "turn = 28", ["28 s", "at least", "main", "turn"]),
        ('{ stage = "turn", start_s = 35 }', '{ stage = "turn", start_s = 10 }',
         ["plans.day.steps[1]", "2 s of green for main", "at least its minimum green, 8 s"]),
        ("walk = { main = 8 }", "walk = { main = 3 }",
         ["intergreens.walk.main", "3 s from walk to main", "at least 7 s"]),
        ("walk = { main = 8 }", "", ["intergreens.walk", "no time from walk to main"]),
        ('green = ["side", "walk"]', 'green = ["side", "main"]',
         ["stages.side", "green for main and side at once", "need 6 s between them"]),
        ('yield = ["turn"]', 'green2 = ["turn"]', ["stages.main.green2", "one of green, yield"]),
        ("max_green_s = 60", "max_green_s = 20", ["of green for main", "at most its maximum"]),
        ("cycle_s = 80", "cycle_s = 240", ["s of red for", "at most 120 s"]),
        ("yellow_s = 3\n", "yellow_s = 0\n", ["groups.main.yellow_s", "a yellow for vehicles"]),
        ("cycle_s = 60", "cycle_s = nan", ["plans.night.cycle_s"]),
        ("number = 2", "number = 1", ["plans.night.number", "a number of its own"]),
        ("signals.K1", "signals.K9", ["K9", "the id of a signal controller"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_seconds(
    tmp_path: Path, find: str, put: str, expected: list[str]
) -> None:
    text = declared()
    assert find in text
    found = told(tmp_path, text.replace(find, put))
    assert "k1.toml" in found
    for part in expected:
        assert part in found, found


def test_a_plan_that_cuts_an_intergreen_over_two_interstages_is_found() -> None:
    text = declared().replace("main = { side = 5", "main = { side = 50")
    import tomllib

    _, wrong = read_intersection("K1", tomllib.loads(text)["signals"]["K1"])
    assert any("from main to side" in one.found and "50 s" in one.allowed for one in wrong), wrong


def test_the_samples_have_no_problems() -> None:
    for model in (crossing(), crossing(offset_ms=3_000, demand=True)):
        assert problems(model) == []


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 999) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["groups", "stages", "plans", "main", "a", "steps", "green"]), inner
        )
    ),
    max_leaves=12,
)


@given(ANY)
@settings(max_examples=150, deadline=None)
def test_anything_else_is_refused_and_never_breaks_the_reader(values: Any) -> None:
    model, wrong = read_intersection("K1", values)
    assert model is None
    assert wrong
