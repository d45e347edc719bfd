"""What stands between a path and a parsed city file: missing, unreadable, not UTF-8, not TOML."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from city_samples import CABINETS, CITY, LAMPS, load, problems

from jacquemart.runtime.city import CityErrors, CityProblem, load_city
from jacquemart.runtime.city.problems import NOTHING, Place, Report, Words, shown
from jacquemart.runtime.model.errors import ConfigError

BAD_FILES = {
    "an empty file": (
        b"",
        "city.toml: found an empty file; allowed: a city file with at least [city]",
    ),
    "blank lines only": (
        b" \r\n\n",
        "city.toml: found an empty file; allowed: a city file with at least [city]",
    ),
    "a syntax error": (
        b'[city]\nid = = "x"\n',
        'city.toml:2: found "id = = \\"x\\""; allowed: TOML 1.0 '
        "(Invalid value (at line 2, column 6))",
    ),
    "a key twice": (
        b'[city]\nid = "x"\nid = "y"\n',
        'city.toml:3: found "id = \\"y\\""; allowed: TOML 1.0 '
        "(Cannot overwrite a value (at line 3, column 9))",
    ),
    "an end in the middle": (
        b'[city]\nid = "x"\nname = [\n',
        "city.toml:4: found the end of the file; allowed: TOML 1.0 "
        "(Invalid value (at end of document))",
    ),
    "Latin-1": (
        '[city]\n\nid = "Chenôve"'.encode("iso-8859-1"),
        "city.toml:3: found byte 0xF4 at byte 11 of the line; allowed: text in utf-8 "
        '(it may be iso-8859-1, where this byte is "ô": save it as UTF-8)',
    ),
    "Windows-1252": (
        'id = "l’eau"'.encode("windows-1252"),
        "city.toml:1: found byte 0x92 at byte 8 of the line; allowed: text in utf-8 "
        '(it may be windows-1252, where this byte is "’": save it as UTF-8)',
    ),
    "UTF-16": (
        '[city]\nid = "x"'.encode("utf-16"),
        "city.toml:1: found byte 0xFF at byte 1 of the line; allowed: text in utf-8 "
        "(the file looks like utf-16: save it as UTF-8)",
    ),
    "nesting without end": (
        b"x = " + b"[" * 100_000,
        "city.toml: found values nested too deep; allowed: a few levels",
    ),
    "a number without end": (
        b"x = " + b"9" * 100_000,
        "city.toml: found a number of very many digits; allowed: a number of a few digits",
    ),
}


@pytest.mark.parametrize(("content", "line"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_city_file_is_one_problem(
    content: bytes, line: str, tmp_path: Path
) -> None:
    assert problems(tmp_path, city=content) == [line]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(CityErrors, match=r"no\.toml\", which cannot be read.*No such file"):
        load_city(tmp_path / "no.toml", kinds={}, drivers={})


def test_a_folder_and_a_pipe_are_no_city_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(CityErrors, match="which is no file; allowed: a file"):
            load_city(path, kinds={}, drivers={})


def test_a_path_that_no_system_accepts_is_a_problem() -> None:
    with pytest.raises(CityErrors, match="which cannot be read"):
        load_city("a\0b", kinds={}, drivers={})


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = load(tmp_path)
    marked = load(
        tmp_path,
        **{
            name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
            for name, text in (("city", CITY), ("cabinets", CABINETS), ("lamps", LAMPS))
        },
    )
    assert marked == plain


def test_the_error_carries_every_problem_in_order_and_survives_pickling(tmp_path: Path) -> None:
    with pytest.raises(CityErrors) as caught:
        load(tmp_path, city=CITY + "[gateway]\nport = -1\n[cells]\ncount = true\nx = 1\n")
    error = caught.value
    assert isinstance(error, ConfigError)
    assert [problem.key for problem in error.errors] == ["gateway.port", "cells.count", "cells.x"]
    first = error.errors[0]
    assert first == CityProblem(
        file=str(tmp_path / "city.toml"),
        line=CITY.count("\n") + 2,
        key="gateway.port",
        found="-1",
        allowed="a whole number from 0 to 65,535",
    )
    assert str(error).splitlines() == ["3 errors in the city file", *map(str, error.errors)]
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.errors, copy.more, str(copy)) == (error.errors, 0, str(error))


def test_a_hundred_problems_are_kept_and_the_rest_is_counted_by_column(tmp_path: Path) -> None:
    rows = "".join(f"x{n},c1,{n},north,5\n" for n in range(150))
    with pytest.raises(CityErrors) as caught:
        load(tmp_path, lamps=f"lamp,cabinet,position,lat,lon\n{rows}")
    error = caught.value
    assert (len(error.errors), error.more) == (100, 50)
    assert str(error).splitlines()[0] == "150 errors in the city file"
    column = f'{tmp_path}/lamps.csv lat (column "lat")'
    assert str(error).splitlines()[-1] == f"and 50 more: 50 at {column}"


def test_the_same_problem_is_told_once() -> None:
    report = Report()
    for _ in range(3):
        report.add(Place("f", 1, "k"), 1, "2")
    assert (report.count, len(report.errors().errors)) == (1, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (NOTHING, "nothing"),
        (Words("a thing"), "a thing"),
        ("nothing", '"nothing"'),
        (True, "true"),
        ([100, 0.5], "[100, 0.5]"),
        ({"a": [[1]]}, "{ a = […] }"),
        ({}, "{}"),
        (float("nan"), "nan"),
        ("x" * 200, f'"{"x" * 80}…"'),
        ("\x1b[2J\u202e\n", '"\\u001b[2J\\u202e\\n"'),
        (10**1_000, "a number of very many digits"),
    ],
)
def test_found_values_are_shown_on_one_short_harmless_line(value: object, text: str) -> None:
    assert shown(value) == text
