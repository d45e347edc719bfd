"""Every key of city.toml with a wrong value: one problem, on its line, with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_samples import CITY, problems

_ID = "1 to 64 of A-Z a-z 0-9 _ . : -, with a letter or digit first and last"
_LOOPBACK = (
    "a loopback address (127.0.0.1 or localhost): the city is not secured, so no other machine "
    "may reach its API"
)
_POINT = "templates.lamp.points.setpoint"

# What stands in the sample, what replaces it, and the problem: its line's text, then the rest.
REPLACED: list[tuple[str, str, str, str]] = [
    ('id = "dijon"', "id = 3", "id = 3", f"city.id: found 3; allowed: {_ID}"),
    ('id = "dijon"', 'id = "Dijon Nord"', "id =", f'city.id: found "Dijon Nord"; allowed: {_ID}'),
    ('id = "dijon"', "", "[city]", f"city.id: found nothing; allowed: {_ID}"),
    (
        'name = "Dijon"',
        "tick_m = 5",
        "tick_m",
        'city.tick_m: found an unknown key; allowed: id, name, tick_ms (did you mean "tick_ms"?)',
    ),
    (
        'name = "Dijon"',
        'name = "a\\nb"',
        "name = ",
        'city.name: found "a\\nb"; allowed: text of 0 to 200 printable characters',
    ),
    *(
        ('name = "Dijon"', f"tick_ms = {bad}", "tick_ms", f"city.tick_ms: found {shown}; allowed: "
         "a whole number from 1 to 1,000")
        for bad, shown in (("0", "0"), ("1001", "1001"), ("20.0", "20.0"), ("true", "true"))
    ),
    ('[zones.b]', '[zones."b c"]\n[zones.b]', '"b c"', f'zones."b c": found "b c"; allowed: {_ID}'),
    ("[zones.b]", "[zones]\nb = 1", "b = 1", "zones.b: found 1; allowed: a table"),
    (
        "[zones.b]",
        '[zones.b]\nname = "Chenôve"',
        'name = "Chenôve"\n\n',
        'zones.b.name: found "Chenôve"; allowed: a name by which no other zone is known '
        '(zone "a" is)',
    ),
    (
        'driver = "bus"\nport',
        'driver = "bsu"\nport',
        'driver = "bsu"',
        'link_templates.line.driver: found "bsu"; allowed: a driver (bus, wire) or module:Class '
        '(did you mean "bus"?)',
    ),
    (
        "port = 502",
        'port = "x"',
        "port =",
        'link_templates.line.port: found "x"; allowed: a whole number',
    ),
    ("port = 502", "prt = 502", "prt", "link_templates.line.prt: found 502; allowed: host, port"),
    (
        "port = 502",
        'isolation = "thread"',
        "isolation",
        'link_templates.line.isolation: found "thread"; allowed: one of "shared", "process"',
    ),
    (
        'kind = "lamp"',
        'kind = "lmap"',
        'kind = "lmap"',
        'templates.lamp.kind: found "lmap"; allowed: a kind (cabinet, lamp) or module:Class '
        '(did you mean "lamp"?)',
    ),
    (
        'kind = "lamp"',
        'kind = "lamp"\nactor = 1',
        "actor",
        "templates.lamp.actor: found an unknown key; allowed: kind, driver, options, "
        "parameters, points, on_zone_lost, fail_safe_after_s",
    ),
    (
        'kind = "lamp"',
        'kind = "lamp"\noptions.ramp = 1',
        "options.ramp",
        "templates.lamp.options.ramp: found 1; allowed: ramp_s",
    ),
    *(
        ("range = [0, 100]", f"range = {bad}", "range", f"{_POINT}.range: found {shown}; allowed: "
         "two numbers, low <= high")
        for bad, shown in (
            ("[100, 0]", "[100, 0]"),
            ("[0]", "[0]"),
            ("[0, inf]", "[0, inf]"),
            ("[nan, 1]", "[nan, 1]"),
            ("[false, 1]", "[false, 1]"),
            ('["0", 1]', '["0", 1]'),
            ("5", "5"),
            (f"[0, {'9' * 400}]", "[0, a number of very many digits]"),
        )
    ),
    (
        "writable = true",
        "writable = 1",
        "writable = 1",
        f"{_POINT}.writable: found 1; allowed: true or false",
    ),
    (
        'feedback = "level"',
        'feedback = "levle"',
        "levle",
        f'{_POINT}.feedback: found "levle"; allowed: a point of the same template: setpoint, level '
        '(did you mean "level"?)',
    ),
    (
        'unit = "%"\naddress',
        'unit = "%"\nfeedback = "setpoint"\naddress',
        'feedback = "setpoint"',
        'templates.lamp.points.level.feedback: found "setpoint"; allowed: feedback for a point '
        "with writable = true",
    ),
    *(
        ('feedback = "level"', f"{key} = {bad}", key, f"{_POINT}.{key}: found {bad}; allowed: {ok}")
        for key, bad, ok in (
            ("tolerance", "-1", "a number >= 0"),
            ("tolerance", "inf", "a number >= 0"),
            ("settle_ms", "-1", "a whole number from 0 to 86,400,000"),
            ("poll_ms", "-5", "a whole number from 0 to 86,400,000"),
            ("poll_ms", "0.5", "a whole number from 0 to 86,400,000"),
            ("stale_after_ms", "-1", "a whole number from 0 to 86,400,000"),
            ("keep", '"all"', 'one of "last", "every"'),
            ("urgent", '"yes"', "true or false"),
        )
    ),
    (
        'feedback = "level"',
        "stale_after_ms = 500",
        "stale_after_ms",
        f"{_POINT}.stale_after_ms: found 500; allowed: 0, or at least poll_ms (1,000) "
        "(it would be stale between two polls)",
    ),
    (
        'table = "holding", address = 0',
        'table = "hold", address = 0',
        "hold",
        f'{_POINT}.address.table: found "hold"; allowed: coil, holding, input',
    ),
    (
        'table = "holding", address = 0',
        'table = "input", address = 0',
        "writable",
        f"{_POINT}.writable: found true; allowed: false, since an input cannot be written",
    ),
    (
        "address = { table = \"holding\", address = 0, step = 1 }",
        "address = 7",
        "address = 7",
        f"{_POINT}.address: found 7; allowed: a table",
    ),
    ('makes = "links"', 'makes = "lines"', "lines", 'inventory[0].makes: found "lines"; allowed: '
     'one of "links", "devices", "zones"'),
    ('template = "line"', 'template = "lin"', '"lin"', 'inventory[0].template: found "lin"; '
     'allowed: a link template: line (did you mean "line"?)'),
    ('template = "lamp"', 'template = "lmp"', '"lmp"', 'inventory[2].template: found "lmp"; '
     'allowed: a template: cabinet, lamp (did you mean "lamp"?)'),
    ('template = "line"', 'template = "line"\nencoding = "utf-7"', "encoding",
     'inventory[0].encoding: found "utf-7"; allowed: one of "utf-8", "utf-16", "iso-8859-1", '
     '"latin-1", "iso-8859-15", "windows-1252", "cp1252", "cp850"'),
    ('template = "line"', 'template = "line"\ndelimiter = ""', "delimiter",
     'inventory[0].delimiter: found ""; allowed: one character, but no blank, quote or line end'),
    ('template = "line"', 'template = "line"\ndefaults = { driver = "wire" }', "defaults",
     "inventory[0].defaults.driver: found an unknown key; allowed: id, zone, isolation, node, "
     "the driver's options"),
    ('template = "lamp"', 'template = "lamp"\ndefaults = { unit_id = "1" }', "defaults",
     'inventory[2].defaults.unit_id: found "1"; allowed: a whole number from 0 to 65,535'),
    ('lon = "lon"', 'lon = "lon", nme = "lamp"', "columns = { id = \"lamp\"",
     "inventory[2].columns.nme: found an unknown key; allowed: id, template, zone, link, name, "
     'index, unit_id, fed_by, lat, lon, x, y (did you mean "name"?)'),
    ('lat = "lat"', "lat = 1", "lat = 1", "inventory[2].columns.lat: found 1; allowed: the name of "
     "a column"),
]  # fmt: skip

APPENDED = [
    ("gatway", "port = 1", "gatway: found an unknown key; allowed: include, city, gateway, cells, "
     "zones, links, link_templates, templates, inventory, device, "
     'signals, priority, approaches (did you mean "gateway"?)'),
    *(
        ("gateway", f"host = {bad}", f"gateway.host: found {bad}; allowed: {_LOOPBACK}")
        for bad in ('"0.0.0.0"', '"192.168.1.4"', '"example.org"', '""', "true")
    ),
    ("gateway", "stream_port = 4747", "gateway.stream_port: found 4747; allowed: another port than "
     "port, or 0"),
    ("cells", "count = -1", "cells.count: found -1; allowed: a whole number from 0 to 1,024"),
    ("links.q", 'driver = "wire"', "links.q.zone: found nothing; allowed: a zone, here or on a "
     "device of the link"),
    ("links.q", 'driver = "wire"\nzone = "c"', 'links.q.zone: found "c"; allowed: a zone: a, b'),
    ("links.q", 'driver = "bus"\nzone = "a"', "links.q.host: found nothing; allowed: a host name"),
    ("links.c1", 'driver = "bus"\nzone = "a"\nhost = "h"', None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "on", "problem"), REPLACED)
def test_a_wrong_value_is_one_problem_on_its_line(
    old: str, new: str, on: str, problem: str, tmp_path: Path
) -> None:
    city = CITY.replace(old, new, 1)
    assert city != CITY
    line = city[: city.index(on)].count("\n") + 1 if on != "[city]" else 1
    found = problems(tmp_path, city=city)
    assert found == [f"city.toml:{line}: {problem}"]


@pytest.mark.parametrize(("table", "lines", "problem"), APPENDED)
def test_a_wrong_value_in_a_table_of_its_own_is_found(
    table: str, lines: str, problem: str | None, tmp_path: Path
) -> None:
    found = problems(tmp_path, city=f"{CITY}[{table}]\n{lines}\n")
    if problem is None:
        assert len(found) == 1
        assert found[0].startswith("cabinets.csv:2: id")
        return
    assert [text.partition(" ")[2] for text in found] == [problem]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    city = CITY
    for old, new in (('id = "dijon"', "id = 1"), ("[0, 100]", "[1, 0]"), ('"coil"', '"coul"')):
        city = city.replace(old, new)
    keys = [text.split(": ")[1] for text in problems(tmp_path, city=city)]
    assert keys == ["city.id", "templates.cabinet.points.door.address.table", f"{_POINT}.range"]


def test_a_city_needs_a_zone_and_city_itself(tmp_path: Path) -> None:
    found = problems(tmp_path, city="tick = 1")
    assert [text.split(": ")[1] for text in found] == ["tick", "city", "zones"]
    found = problems(tmp_path, city='zones = {}\n[city]\nid = "x"')
    assert found == ["city.toml:1: zones: found nothing; allowed: at least one zone, [zones.<id>]"]


@pytest.mark.parametrize("name", ["city", "zones", "gateway", "links", "inventory", "device"])
def test_a_part_of_the_wrong_type_is_one_problem(name: str, tmp_path: Path) -> None:
    parts = {"city": '[city]\nid = "x"\n', "zones": "[zones.a]\n"}
    rest = "".join(text for part, text in parts.items() if part != name)
    allowed = "tables with [[double]] brackets" if name in ("inventory", "device") else "a table"
    found = problems(tmp_path, city=f"{name} = [1]\n{rest}")
    assert found == [f"city.toml:1: {name}: found [1]; allowed: {allowed}"]
