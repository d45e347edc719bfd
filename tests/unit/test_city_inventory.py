"""Inventories: what a row becomes, and what is told of rows, cells and headers that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_samples import CABINETS, CITY, LAMPS, load, problems

HEADER = "lamp,cabinet,position,lat,lon\n"
_ID = "1 to 64 of A-Z a-z 0-9 _ . : -, with a letter or digit first and last"
_INDEX = "a whole number from 0 to 1,000,000"

# Rows below the header, and the problems.
ROWS: dict[str, tuple[str, list[str]]] = {
    "too short": ("l1,c1,1\n", ['2: found 3 cells; allowed: 5 cells, as the header has '
                                '(delimiter ",")']),
    "too long": ("l1,c1,1,,,\n", ['2: found 6 cells; allowed: 5 cells, as the header has '
                                  '(delimiter ",")']),
    "no id": (" ,c1,1,,\n", [f'2: id (column "lamp"): found nothing; allowed: {_ID}']),
    "a bad id": ("l 1,c1,1,,\n", [f'2: id (column "lamp"): found "l 1"; allowed: {_ID}']),
    "an id of two lines": ('"l1\nl2",c1,1,,\n', [f'2: id (column "lamp"): found "l1\\nl2"; '
                                                 f"allowed: {_ID}"]),
    "a duplicate id": ("l1,c1,1,,\n\nl1,c2,2,,\n", ['4: id (column "lamp"): found "l1"; allowed: '
                       "an id that no other device has (first at lamps.csv:2)"]),
    "an unknown link": ("l1,c3,1,,\n", ['2: link (column "cabinet"): found "c3"; allowed: a link: '
                        'c1, c2', '2: fed_by (column "cabinet"): found "c3"; allowed: a device']),
    "no link": ("l1,,1,,\n", ['2: link (column "cabinet"): found nothing; allowed: a link: '
                              "c1, c2"]),
    "text for an index": ("l1,c1,x,,\n", [f'2: index (column "position"): found "x"; allowed: '
                                          f"{_INDEX}"]),
    "a fraction for an index": ("l1,c1,1.5,,\n", [f'2: index (column "position"): found "1.5"; '
                                                  f"allowed: {_INDEX}"]),
    "digits of another script": ("l1,c1,١,,\n", [f'2: index (column "position"): found "١"; '
                                                 f"allowed: {_INDEX}"]),
    "a negative index": ("l1,c1,-1,,\nl2,c1,-1,,\n", [
        f'{line}: index (column "position"): found "-1"; allowed: {_INDEX}' for line in (2, 3)]),
    **{
        f"lat {bad}": (f"l1,c1,1,{bad},5\n", [f'2: lat (column "lat"): found "{bad}"; allowed: '
                                              "a number from -90 to 90"])
        for bad in ("90.1", "nan", "inf", "-inf", "1e999", "1_0", "north", "0x1", "--5")
    },
    "lon out of range": ("l1,c1,1,5,-181\n", ['2: lon (column "lon"): found "-181"; allowed: '
                                              "a number from -180 to 180"]),
    "lat without lon": ("l1,c1,1,47.3,\n", ['2: lon (column "lon"): found nothing; allowed: '
                                            "both lat and lon, or neither"]),
    "a quote that never ends": ('l1,c1,1,,\nl2,"c1,2,,\nl3,c1,3,,\n', [
        "3: found a row that is not CSV (unexpected end of data); allowed: CSV, as RFC 4180 has "
        "it"]),
    "text behind a quote": ('"l1"x,c1,1,,\n', [
        "2: found a row that is not CSV (',' expected after '\"'); allowed: CSV, as RFC 4180 has "
        "it"]),
    "a cell without end": (f"{'l' * 200_000},c1,1,,\n", [
        "2: found a row that is not CSV (field larger than field limit (131072)); allowed: CSV, "
        "as RFC 4180 has it"]),
    "no rows": ("", ["1: found a header without rows; allowed: at least one row"]),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), ROWS.values(), ids=ROWS)
def test_a_wrong_row_is_named_with_its_line_and_column(
    rows: str, found: list[str], tmp_path: Path
) -> None:
    assert problems(tmp_path, lamps=HEADER + rows) == [f"lamps.csv:{text}" for text in found]


def test_lines_are_those_of_the_file_even_after_cells_of_several_lines(tmp_path: Path) -> None:
    city = CITY.replace('lat = "lat"', 'lat = "lat", unit_id = "unit"')
    header = "lamp,cabinet,position,lat,lon,note,unit\n"
    rows = 'l1,c1,1,,,"a\nb\n\nc",1\n\nl2,c1,2,,,,x\n'
    found = problems(tmp_path, city=city, lamps=header + rows)
    assert [text.partition(" ")[0] for text in found] == ["lamps.csv:7:"]


def test_blank_lines_mean_nothing(tmp_path: Path) -> None:
    blank = "\n\n" + LAMPS.replace("\n", "\n\r\n") + "\n"
    assert load(tmp_path, lamps=blank).devices == load(tmp_path).devices


def test_an_empty_file_and_a_missing_file_are_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, lamps="") == [
        "lamps.csv: found an empty file; allowed: a header and rows"
    ]
    city = CITY.replace('"lamps.csv"', '"lights.csv"')
    (found,) = problems(tmp_path, city=city)
    line = city[: city.index("lights.csv")].count("\n") + 1
    assert found == (
        f'city.toml:{line}: inventory[2].file: found "lights.csv", which cannot be read; '
        "allowed: a file (No such file or directory)"
    )


def test_what_a_broken_inventory_would_have_made_is_not_missed_as_well(tmp_path: Path) -> None:
    cases = ("", "cabinet\n", "cabinet,commune,ip\nc1,a,1.2.3.4,5\n", b"\xff\xfe\x00")
    for cabinets in cases:
        found = problems(tmp_path, cabinets=cabinets)
        assert found
        assert not [text for text in found if text.startswith("lamps.csv")]


def test_latin_1_in_an_inventory_is_named_and_can_be_declared(tmp_path: Path) -> None:
    cabinets = CABINETS.encode("iso-8859-1")
    told = '(it may be iso-8859-1, where this byte is "ô": set encoding in this [[inventory]])'
    assert problems(tmp_path, cabinets=cabinets) == [
        f"cabinets.csv:2: found byte 0xF4 at byte 8 of the line; allowed: text in utf-8 {told}"
    ]
    city = CITY.replace('file = "cabinets.csv"', 'file = "cabinets.csv"\nencoding = "iso-8859-1"')
    assert load(tmp_path, city=city, cabinets=cabinets).devices == load(tmp_path).devices


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    found = problems(tmp_path, lamps=LAMPS.replace("position", "Position"))
    line = CITY.count("\n")
    assert found == [
        f'city.toml:{line}: inventory[2].columns.index: found "position"; allowed: a column of '
        f'"{tmp_path}/lamps.csv": lamp, cabinet, Position, lat, lon (did you mean "Position"?)'
        .replace(f"{tmp_path}/", "")
    ]  # fmt: skip


def test_another_delimiter_is_guessed_and_can_be_declared(tmp_path: Path) -> None:
    cabinets = CABINETS.replace(",", ";")
    found = problems(tmp_path, cabinets=cabinets)
    assert len(found) == 5
    assert all(text.endswith('cabinet;commune;ip (is the delimiter ";"?)') for text in found)
    city = CITY.replace('file = "cabinets.csv"', 'file = "cabinets.csv"\ndelimiter = ";"')
    assert load(tmp_path, city=city, cabinets=cabinets).links == load(tmp_path).links


def test_a_column_name_that_is_there_twice_is_a_problem(tmp_path: Path) -> None:
    lamps = LAMPS.replace("lat,lon", "lat,lat")
    assert problems(tmp_path, lamps=lamps) == [
        'lamps.csv:1: found "lat"; allowed: each column name once (this one is there more than '
        "once)"
    ]


def test_a_needed_value_must_come_from_somewhere(tmp_path: Path) -> None:
    city = CITY.replace('id = "lamp", link = "cabinet", ', 'id = "lamp", ')
    line = city[: city.index('columns = { id = "lamp"')].count("\n") + 1
    assert problems(tmp_path, city=city) == [
        f"city.toml:{line}: inventory[2].columns.link: found no column for link; allowed: a column "
        "with a link: c1, c2"
    ]
    city = city.replace('template = "lamp"', 'template = "lamp"\ndefaults = { link = "c1" }')
    lamps = LAMPS.replace("l3,c2,1", "l3,c1,3")
    assert {device.link for device in load(tmp_path, city=city, lamps=lamps).devices[2:]} == {"c1"}


def test_an_empty_cell_takes_the_default_and_a_column_may_say_the_template(tmp_path: Path) -> None:
    city = CITY.replace(
        'file = "lamps.csv"\nmakes = "devices"\ntemplate = "lamp"',
        'file = "lamps.csv"\nmakes = "devices"\ndefaults = { unit_id = 9, name = "?" }',
    ).replace(
        'columns = { id = "lamp",', 'columns = { template = "type", unit_id = "unit", id = "lamp",'
    )
    lamps = (
        "lamp,type,cabinet,position,lat,lon,unit\n"
        "l1,lamp,c1,007,,,\nl2,lamp, c1 ,2,,,3\ndoor,cabinet,c2,1,,,\n"
    )
    devices = {device.id: device for device in load(tmp_path, city=city, lamps=lamps).devices}
    assert [(d.index, d.unit_id, d.link, d.name) for d in (devices["l1"], devices["l2"])] == [
        (7, 9, "c1", "?"),
        (2, 3, "c1", "?"),
    ]
    assert devices["door"].template == "cabinet"


def test_options_of_links_are_read_as_toml_would(tmp_path: Path) -> None:
    city = CITY.replace('driver = "bus"\nport = 502', 'driver = "wire"\nserial = "0"').replace(
        'host = "ip" }', 'host = "ip", port = "p", serial = "s", x = "x", y = "y", z = "z" }'
    )
    city = city.replace('driver = "bus"', 'driver = "wire"')
    cabinets = (
        "cabinet,commune,ip,p,s,x,y,z\nc1,a,10.0.0.1,1502,12,true,1.5,007\nc2,b,,,,,-3,1e999\n"
    )
    one, two = load(tmp_path, city=city, cabinets=cabinets).links
    assert one.options == {
        "host": "10.0.0.1", "port": 1502, "serial": "12", "x": True, "y": 1.5, "z": "007"
    }  # fmt: skip
    assert two.options == {"serial": "0", "y": -3, "z": "1e999"}


def test_a_wrong_option_is_told_where_it_stands(tmp_path: Path) -> None:
    city = CITY.replace('host = "ip" }', 'host = "ip", port = "port" }')
    cabinets = "cabinet,commune,ip,port\nc1,a,h1,502\nc2,b,,5o2\n"
    line = city[: city.index("[link_templates.line]")].count("\n") + 1
    assert problems(tmp_path, city=city, cabinets=cabinets) == [
        'cabinets.csv:3: port (column "port"): found "5o2"; allowed: a whole number',
        'cabinets.csv:3: host (column "ip"): found nothing; allowed: a host name',
    ]
    wrong = CITY.replace(', host = "ip"', "")
    assert problems(tmp_path, city=wrong) == [
        f"city.toml:{line}: link_templates.line.host: found nothing; allowed: a host name"
    ]
