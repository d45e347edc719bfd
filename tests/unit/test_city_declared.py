"""A template takes from its kind's declarations what it does not say, and may only be stricter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from city_samples import Bus

from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.actor.declare import Point
from jacquemart.runtime.city import CityErrors, load_city
from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.model.errors import UsageError


class Gate(DeviceActor):
    kind = "gate"
    points = (
        Point("open", "opens the gate", "flag", writable=True, feedback="is_open", settle_ms=4_000,
              pulse=True, guards=("loop_*", "beam"), poll_ms=0, urgent=True),
        Point("is_open", "limit switch", "flag", poll_ms=250, stale_after_ms=900, urgent=True),
        Point("loop_*", "induction loop under the gate", "flag", poll_ms=250),
        Point("beam", "light beam across the gate", "flag", required=False),
        Point("mode", "who decides", "enumeration", words=("local", "automatic", "held"),
              writable=True, required=False, tolerance=0.25),
        Point("force", "of the motor", unit="N", low=0, high=900, writable=True, required=False),
        Point("heat_*", "heater", unit="°C", low=5, high=30, writable=True, required=False,
              feedback="warm_*"),
        Point("warm_*", "what the heater reaches", unit="°C", required=False),
        Point("cars", "since yesterday", "count", derived=True),
        Point("held_*", "whether a lane is held", "flag", derived=True, required=False),
    )  # fmt: skip


class OpenGate(Gate):
    open_points = True


CITY = """\
[city]
id = "x"
[zones.a]
[templates.g]
kind = "gate"
driver = "bus"
[templates.g.points]
open = { address = { table = "coil", address = 1 } }
is_open = { address = { table = "input", address = 1 } }
loop_in = { address = { table = "input", address = 2 } }
loop_out = { address = { table = "input", address = 3 } }
"""


def read(tmp_path: Path, more: str = "", kind: Any = Gate, city: str = CITY) -> TemplateSpec:
    (tmp_path / "city.toml").write_text(city + more)
    found = load_city(tmp_path / "city.toml", kinds={"gate": kind}, drivers={"bus": Bus})
    return found.templates["g"]


def refused(tmp_path: Path, more: str = "", kind: Any = Gate, city: str = CITY) -> list[str]:
    with pytest.raises(CityErrors) as found:
        read(tmp_path, more, kind, city)
    return [str(problem).partition("city.toml:")[2] for problem in found.value.errors]


def point(template: TemplateSpec, name: str) -> PointSpec:
    return template.points[template.point_index(name)]


def test_a_point_with_nothing_but_an_address_is_the_one_that_was_declared(tmp_path: Path) -> None:
    template = read(tmp_path)
    found = point(template, "open")
    assert (found.low, found.high, found.writable, found.feedback) == (0.0, 1.0, True, "is_open")
    assert (found.settle_ms, found.poll_ms, found.urgent, found.whole) == (4_000, 0, True, True)
    assert found.pulse
    assert found.address == {"table": "coil", "address": 1}
    assert point(template, "is_open").stale_after_ms == 900
    assert point(template, "cars").address == {"derived": True}


def test_guards_are_the_members_that_the_template_has(tmp_path: Path) -> None:
    assert point(read(tmp_path), "open").guards == ("loop_in", "loop_out")
    beam = 'beam = { address = { table = "input", address = 4 } }\n'
    assert point(read(tmp_path, beam), "open").guards == ("loop_in", "loop_out", "beam")


def test_a_family_gives_each_member_the_feedback_of_its_own_name(tmp_path: Path) -> None:
    more = "".join(
        f'{name} = {{ address = {{ table = "holding", address = {at} }} }}\n'
        for at, name in enumerate(("heat_north", "warm_north"), 20)
    )
    template = read(tmp_path, more)
    assert point(template, "heat_north").feedback == "warm_north"
    assert point(template, "heat_north").unit == point(template, "warm_north").unit == "°C"


def test_a_member_of_a_derived_family_is_named_and_has_no_address(tmp_path: Path) -> None:
    assert point(read(tmp_path, "held_north = {}\n"), "held_north").address == {"derived": True}
    found = refused(tmp_path, 'held_north = { address = { table = "coil", address = 8 } }\n')
    assert found == [
        "12: templates.g.points.held_north.address: found a key of a point that the kind "
        "computes itself; allowed: none"
    ]


@pytest.mark.parametrize(
    ("said", "key", "value"),
    [
        ("force = { range = [10, 20], ADDR }", "low", 10.0),
        ("force = { range = [0, 900], ADDR }", "high", 900.0),
        ("force = { poll_ms = 5, ADDR }", "poll_ms", 5),
        ("force = { tolerance = 3, settle_ms = 9, ADDR }", "tolerance", 3.0),
        ("force = { writable = false, ADDR }", "writable", False),
        ("force = { writable = true, pulse = true, ADDR }", "pulse", True),
        ('force = { guards = ["is_open"], ADDR }', "guards", ("is_open",)),
        ('force = { keep = "every", urgent = true, ADDR }', "keep", "every"),
        ("mode = { range = [1, 2], ADDR }", "low", 1.0),
        ('mode = { words = ["local", "automatic", "held"], ADDR }', "high", 2.0),
        ("mode = { ADDR }", "words", ("local", "automatic", "held")),
        ("mode = { ADDR }", "tolerance", 0.25),
    ],
)
def test_a_template_may_be_stricter_and_have_periods_of_its_own(
    said: str, key: str, value: Any, tmp_path: Path
) -> None:
    more = said.replace("ADDR", 'address = { table = "holding", address = 9 }') + "\n"
    assert getattr(point(read(tmp_path, more), said.split()[0]), key) == value


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('force = { unit = "kg" }', 'force.unit: found "kg"; allowed: "N"'),
        ("force = { range = [0, 901] }",
         "force.range: found [0, 901]; allowed: >= 0 and <= 900, or narrower"),
        ("force = { range = [-1, 5] }",
         "force.range: found [-1, 5]; allowed: >= 0 and <= 900, or narrower"),
        ("beam = { writable = true }", "beam.writable: found true; allowed: false"),
        ('mode = { words = ["a", "b", "c"] }',
         'mode.words: found ["a", "b", "c"]; allowed: ["local", "automatic", "held"]'),
        ("mode = { range = [0, 3] }",
         "mode.range: found [0, 3]; allowed: >= 0 and <= 2, or narrower"),
        ('beam = { words = ["a", "b", "c"] }', "beam.words: found "
         '["a", "b", "c"]; allowed: as many as the range from 0.0 to 1.0 has values'),
    ],
)  # fmt: skip
def test_a_template_may_not_be_laxer_than_its_kind(said: str, problem: str, tmp_path: Path) -> None:
    more = said.replace(" }", ', address = { table = "input", address = 9 } }') + "\n"
    (found, *_) = refused(tmp_path, more)
    assert found == f'12: templates.g.points.{problem}, as kind "gate" declares it'


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("pulse = false", "pulse: found false; allowed: true"),
        ('guards = ["loop_in"]', 'guards: found ["loop_in"]; allowed: at least "loop_out"'),
        ('feedback = "loop_in"', 'feedback: found "loop_in"; allowed: "is_open"'),
        ('feedback = ""', 'feedback: found ""; allowed: "is_open"'),
    ],
)
def test_no_template_takes_away_what_a_rule_relies_on(
    said: str, problem: str, tmp_path: Path
) -> None:
    city = CITY.replace("open = {", f"open = {{ {said},", 1)
    (found,) = refused(tmp_path, city=city)
    assert found == f'8: templates.g.points.open.{problem}, as kind "gate" declares it'


def test_a_point_that_no_declaration_knows_is_refused_with_the_nearest_name(
    tmp_path: Path,
) -> None:
    more = 'froce = { address = { table = "holding", address = 9 } }\n'
    (found,) = refused(tmp_path, more)
    assert found.startswith(
        '12: templates.g.points.froce: found a point that kind "gate" does not have; '
        "allowed: open, is_open, loop_*, beam"
    )
    assert found.endswith('(did you mean "force"?)')
    assert point(read(tmp_path, more, OpenGate), "froce").unit == ""


def test_an_open_kind_declares_words_pulse_and_guards_in_the_template(tmp_path: Path) -> None:
    more = (
        'lamp = { writable = true, words = ["off", "red"], pulse = true, guards = ["is_open"], '
        'address = { table = "holding", address = 9 } }\n'
    )
    lamp = point(read(tmp_path, more, OpenGate), "lamp")
    assert (lamp.low, lamp.high, lamp.whole, lamp.pulse) == (0.0, 1.0, True, True)
    for wrong in ("[]", '["off", "off"]', '["On", "off"]', '["1", "2"]', '"off"'):
        assert len(refused(tmp_path, more.replace('["off", "red"]', wrong), OpenGate)) == 1


def test_guards_must_be_other_points_and_guard_something_writable(tmp_path: Path) -> None:
    more = 'x = { guards = ["is_opn"], address = { table = "holding", address = 9 } }\n'
    first, second = refused(tmp_path, more, OpenGate)
    assert first.startswith('12: templates.g.points.x.guards: found "is_opn"; allowed: other')
    assert second.endswith("allowed: guards for a point with writable = true")


def test_a_family_that_must_have_a_member_is_missed(tmp_path: Path) -> None:
    city = "".join(line for line in CITY.splitlines(True) if not line.startswith("loop"))
    (found,) = refused(tmp_path, city=city)
    assert found.endswith(
        'templates.g.points: found points open, is_open; allowed: a point "loop_*" or more, '
        'which kind "gate" needs'
    )


def test_a_feedback_that_the_template_lacks_is_a_problem(tmp_path: Path) -> None:
    more = 'heat_x = { address = { table = "holding", address = 9 } }\n'
    (found,) = refused(tmp_path, more)
    assert found.startswith('12: templates.g.points.heat_x.feedback: found "warm_x"; allowed: a')


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((Point("a b", "x"),), "is no id"),
        ((Point("a*b*", "x"),), "is no id"),
        ((Point("a", "x"), Point("a", "y")), "is declared twice"),
        ((Point("a", ""),), "needs one sentence"),
        ((Point("a", "x."),), "needs one sentence"),
        ((Point("a", "x", "enumeration", words=("one",)),), "needs two words"),
        ((Point("a", "x", words=("one", "two")),), "no enumeration"),
        ((Point("a", "x", "enumeration", words=("one", "Two")),), "a-z 0-9"),
        ((Point("a", "x", "enumeration", words=("one", "one")),), "a word twice"),
        ((Point("a", "x", low=3, high=2),), "an empty range"),
        ((Point("a", "x", derived=True, writable=True),), "nobody can write it"),
        ((Point("a", "x", feedback="b"), Point("b", "x")), "is not writable"),
        ((Point("a", "x", writable=True, feedback="b"),), "names b, which"),
        ((Point("a", "x", writable=True, guards=("b", "c")),), "names b, c, which"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused_when_its_class_is_made(
    wrong: tuple[Point, ...], why: str
) -> None:
    with pytest.raises(UsageError, match="Kind: point 'a"):
        type("Kind", (DeviceActor,), {"points": wrong, "__slots__": ()})
    with pytest.raises(UsageError) as found:
        type("Kind", (DeviceActor,), {"points": wrong, "__slots__": ()})
    assert why in str(found.value)
