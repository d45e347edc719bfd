"""``[priority]`` and ``[approaches]``: what the guide shows loads; what is wrong is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.priority.declared import approaches_for, read_approach
from jacquemart.runtime.city import CityErrors, load_city

GUIDE = (Path(__file__).parents[2] / "docs/guides/priority.md").read_text(encoding="utf-8")
REST = """
[city]
id = "k"
[zones.north]
[links.line]
driver = "simulated"
zone = "north"
[links.signals]
driver = "rsmp"
zone = "north"
port = 12345
[[device]]
id = "K1"
template = "signal"
link = "signals"
[[device]]
id = "priority"
template = "broker"
link = "line"
"""


def declared() -> str:
    return re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[0]


def city(folder: Path, priority: str, rest: str = REST) -> Any:
    (folder / "priority.toml").write_text(priority, encoding="utf-8")
    path = folder / "city.toml"
    path.write_text('include = ["priority.toml"]\n' + rest, encoding="utf-8")
    return load_city(path)


def test_the_city_of_the_guide_loads_and_its_broker_gets_the_tables(tmp_path: Path) -> None:
    loaded = city(tmp_path, declared() + "[priority]\nahead_s = 30\n")
    carried = loaded.templates["broker"].options["city_tables"]
    approaches, policy = approaches_for("priority", carried)
    assert [one.id for one in approaches] == ["darcy-north"]
    assert (approaches[0].site, approaches[0].group) == ("K1", "2")
    assert approaches[0].lines == {"3", "5"}
    assert policy.ahead_s == 30
    assert "city_tables" not in loaded.templates["signal"].options


def test_a_group_may_be_named_if_its_signal_is_declared(tmp_path: Path) -> None:
    signals = (Path(__file__).parents[2] / "docs/guides/signals.md").read_text(encoding="utf-8")
    crossing = re.findall(r"```toml\n(.*?)```", signals, re.DOTALL)[0]
    text = declared().replace("group = 2 ", 'group = "turn" ') + crossing
    loaded = city(tmp_path, text)
    carried = loaded.templates["broker"].options["city_tables"]
    names = list(loaded.tables["signals"]["K1"]["groups"])
    assert carried["approaches"]["darcy-north"]["group"] == names.index("turn") + 1
    assert approaches_for("priority", carried)[0][0].group == str(names.index("turn") + 1)


@pytest.mark.parametrize(
    ("find", "put", "expected"),
    [
        ('signal = "K1"', 'signal = "K9"', ["darcy-north.signal", '"K9"', "id of a signal"]),
        ('signal = "K1"', 'signal = "priority"', ["no point priority_1"]),
        ("group = 2 ", "group = 0 ", ["darcy-north.group", "1 to 255"]),
        ("group = 2 ", 'group = "x" ', ["darcy-north.group", '"x"']),
        ("[47.3230, 5.0400]", "[47.3230]", ["darcy-north.path[1]", "[latitude, longitude]"]),
        ("[47.3230, 5.0400]", "[97.3230, 5.0400]", ["darcy-north.path[1]", "latitude up to 85"]),
        ("[47.3230, 5.0400]", "[47.3200, 5.0401]", ["darcy-north.path", "20 to 2000 m"]),
        ("before_m = 120", "before_m = 9e9", ["stops[0].before_m", "0 to 334"]),
        ("before_m = 120", "before = 120", ["stops[0]", "before_m"]),
        ("queue_m = 60", "queue = 60", ["darcy-north.queue", "queue_m"]),
        ("speed_mps = 10", "speed_mps = nan", ["darcy-north.speed_mps", "a number"]),
        ('lines = ["3", 5]', "lines = [true]", ["lines[0]", "a line"]),
        ("width_m = 15", 'broker = "east"', ["darcy-north.broker", "priority"]),
        ('options = { broker = "priority" }', 'options = { brokers = "p" }', ["options.brokers"]),
        ('options = { broker = "priority" }', "options = { broker = [] }", ["options.broker"]),
        ('options = { broker = "priority" }', 'options = { broker = "b", asks_as = "car" }',
         ["options.asks_as", "tram"]),
        ("queue_m = 60", "queue_m = 60\n[priority]\nbus = { level = 13 }\n#",
         ["priority.bus.level", "below that of tram"]),
        ("queue_m = 60", 'queue_m = 60\n[priority]\ngtfs = "none.zip"\n#',
         ["priority.gtfs", "a file that is there"]),
        ("queue_m = 60", "queue_m = 60\n[priority]\nahead = 5\n#",
         ["priority.ahead", "ahead_s"]),
        ("item = 1 } }\npriority_2", 'item = 0 } }\npriority_2', ["request_1", "item"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, find: str, put: str, expected: list[str]
) -> None:
    text = declared()
    assert find in text
    with pytest.raises(CityErrors) as caught:
        city(tmp_path, text.replace(find, put))
    found = str(caught.value)
    assert "priority.toml:" in found
    for part in expected:
        assert part in found, found


def test_with_two_brokers_each_approach_names_its_own(tmp_path: Path) -> None:
    second = '[[device]]\nid = "other"\ntemplate = "broker"\nlink = "line"\n'
    with pytest.raises(CityErrors, match="several brokers"):
        city(tmp_path, declared(), REST + second)
    text = declared().replace("width_m = 15", 'broker = "other"')
    loaded = city(tmp_path, text, REST + second)
    carried = loaded.templates["broker"].options["city_tables"]
    assert approaches_for("priority", carried)[0] == []
    assert len(approaches_for("other", carried)[0]) == 1


def test_tables_without_a_broker_are_refused(tmp_path: Path) -> None:
    text = declared().replace('kind = "priority_broker"', 'kind = "generic"')
    with pytest.raises(CityErrors, match="without a device that it is for"):
        city(tmp_path, text)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 999) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["signal", "group", "path", "lines", "stops", "width_m", "before_m", "x"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(ANY)
@settings(max_examples=200, deadline=None)
def test_anything_else_is_refused_and_never_breaks_the_reader(values: Any) -> None:
    approach, wrong = read_approach("a", values, {})
    assert approach is None
    assert wrong
