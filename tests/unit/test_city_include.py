"""A city file in parts: included files, their order, their problems, and names that come twice."""

from __future__ import annotations

from pathlib import Path

from city_samples import CITY, DRIVERS, KINDS, load, problems, write

from jacquemart.runtime.city import load_city

LAMP_AT = CITY.index("[templates.lamp]\n")
REST_AT = CITY.index("[[inventory]]")
LAMP = CITY[LAMP_AT:REST_AT]
WHOLE = 'include = ["templates/*.toml"]\n' + CITY[:LAMP_AT] + CITY[REST_AT:]


def include(folder: Path, **files: str) -> None:
    (folder / "templates").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "templates" / f"{name}.toml").write_text(text)


def test_a_city_in_parts_is_the_same_city(tmp_path: Path) -> None:
    plain = load(tmp_path)
    include(tmp_path, lamp=LAMP)
    assert load(tmp_path, city=WHOLE) == plain


def test_every_part_of_a_city_may_be_in_an_included_file(tmp_path: Path) -> None:
    plain = load(tmp_path)
    head = CITY[: CITY.index("[zones.a]")]
    (tmp_path / "rest.toml").write_text(CITY[len(head) :])
    assert load(tmp_path, city=f'include = ["rest.toml"]\n{head}') == plain


def test_files_count_in_the_order_of_patterns_and_of_their_names(tmp_path: Path) -> None:
    include(tmp_path, b="[zones.b]\n", a="[zones.c]\n", z="[zones.z]\n")
    city = 'include = ["templates/z.toml", "templates/*.toml"]\n[city]\nid = "x"\n[zones.own]\n'
    assert [zone.id for zone in load(tmp_path, city=city).zones] == ["own", "z", "c", "b"]


def test_inventories_of_an_included_file_lie_beside_it(tmp_path: Path) -> None:
    rest = CITY[REST_AT:]
    write(tmp_path)
    include(tmp_path, rest=rest)
    for name in ("cabinets.csv", "lamps.csv"):
        (tmp_path / name).rename(tmp_path / "templates" / name)
    (tmp_path / "city.toml").write_text('include = ["templates/*.toml"]\n' + CITY[:REST_AT])
    city = load_city(tmp_path / "city.toml", kinds=KINDS, drivers=DRIVERS)
    assert len(city.devices) == 5


def test_a_problem_is_told_with_the_file_in_which_it_stands(tmp_path: Path) -> None:
    include(tmp_path, lamp="\n" + LAMP.replace("[0, 100]", "[100, 0]"))
    assert problems(tmp_path, city=WHOLE) == [
        "templates/lamp.toml:8: templates.lamp.points.setpoint.range: found [100, 0]; allowed: "
        "two numbers, low <= high"
    ]


def test_a_name_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    include(tmp_path, a=LAMP, b="\n\n" + LAMP)
    assert problems(tmp_path, city=WHOLE) == [
        'templates/b.toml:3: templates.lamp: found "lamp"; allowed: a name that no other file of '
        "the city defines (first at templates/a.toml:1)"
    ]


def test_a_pattern_without_a_file_is_a_problem_and_nothing_else_is(tmp_path: Path) -> None:
    assert problems(tmp_path, city=WHOLE) == [
        'city.toml:1: include[0]: found "templates/*.toml", which names no file; allowed: a file, '
        "or a pattern that names at least one"
    ]


def test_an_included_file_is_no_city_and_includes_nothing(tmp_path: Path) -> None:
    include(tmp_path, lamp=LAMP, more='include = ["x.toml"]\n[city]\nid = "other"\n')
    allowed = (
        "zones, links, link_templates, templates, inventory, device, signals, priority, approaches"
    )
    assert problems(tmp_path, city=WHOLE) == [
        f"templates/more.toml:1: include: found an unknown key; allowed: {allowed}",
        f"templates/more.toml:2: city: found an unknown key; allowed: {allowed}",
    ]


def test_the_city_file_does_not_include_itself(tmp_path: Path) -> None:
    (tmp_path / "lamp.toml").write_text(LAMP)
    city = WHOLE.replace("templates/*.toml", "*.toml")
    assert len(load(tmp_path, city=city).devices) == 5


def test_an_included_file_that_cannot_be_read_is_told_and_missed_by_nobody(tmp_path: Path) -> None:
    include(tmp_path, lamp=LAMP, zones="[zones\n")
    city = 'include = ["templates/zones.toml"]\n[city]\nid = "x"\n'
    (found,) = problems(tmp_path, city=city)
    assert found.startswith('templates/zones.toml:1: found "[zones"; allowed: TOML 1.0')
    include(tmp_path, zones=" \n")
    (found,) = problems(tmp_path, city=city)
    assert found.startswith("templates/zones.toml: found an empty file; allowed: a file with zones")
    (tmp_path / "templates" / "zones.toml").write_bytes(b"[zones]\n\xe9 = 1\n")
    (found,) = problems(tmp_path, city=city)
    assert found.startswith("templates/zones.toml:2: found byte 0xE9")


def test_patterns_that_are_none_are_problems(tmp_path: Path) -> None:
    for wrong in ('"a.toml"', "[1]", '[""]', '["a\\u0000"]', "[[]]"):
        found = problems(tmp_path, city=f'include = {wrong}\n[city]\nid = "x"\n[zones.a]\n')
        assert found[0].startswith("city.toml:1: include"), found
