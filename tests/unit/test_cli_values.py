"""What the command line makes of values, ages and hostile texts, without a city."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.cli import document, table, values
from jacquemart.cli.colour import RED, Paint, paint_for
from jacquemart.cli.text import escape, shorten, width

S = 1_000_000_000
PLAIN = Paint(False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_no_text_keeps_a_character_that_moves_a_cursor(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert escape(escaped) == escaped


@given(st.text(), st.integers(1, 40))
def test_a_shortened_text_fits(text: str, cells: int) -> None:
    assert width(shorten(escape(text), cells)) <= cells


@given(st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=8))
def test_every_row_of_a_table_is_one_line_with_its_columns_below_each_other(
    rows: list[list[str]],
) -> None:
    full = [[*row, "end"] for row in rows]  # a last cell in all of them shows where columns start
    lines = list(table.lines(full, PLAIN, right=(1,)))
    assert len(lines) == len(rows)
    assert len({width(line) for line in lines}) == 1
    assert all(line.isprintable() for line in lines)


def test_a_style_does_not_disturb_the_columns() -> None:
    rows: list[table.Row] = [[table.Styled("a", RED), "1"], ["long", "2"]]
    painted = list(table.lines(rows, Paint(True)))
    assert painted == ["\x1b[31ma\x1b[0m     1", "long  2"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (80.0, "%", "80.0 %"),
        (79.999999, "%", "80.0 %"),
        (0.125, "A", "0.125 A"),
        (1.0, "", "1"),
        (0.5, "", "0.5"),
        (-12.25, "°C", "-12.25 °C"),
        (0.0, "W", "0.0 W"),
        (1.5e-7, "F", "1.5e-07 F"),
        (math.nan, "%", "–"),
        (None, "%", "–"),
        (math.inf, "", "inf"),
        (1.0, "\x1b[2J", r"1.0 \x1b[2J"),
    ],
)
def test_a_quantity_reads_well(value: float | None, unit: str, text: str) -> None:
    assert values.quantity(value, unit) == text


@given(st.floats())
def test_every_number_has_a_text(value: float) -> None:
    assert values.quantity(value, "W")
    assert values.total(value, "W")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61_500.0, "W", "61.5 kW"),
        (9_999.0, "W", "9,999.0 W"),
        (12_345_678.0, "kWh", "12.3 GWh"),
        (34_000.0, "", "34,000"),
        (math.nan, "%", "–"),
    ],
)
def test_a_sum_takes_a_unit_that_keeps_it_short(value: float, unit: str, text: str) -> None:
    assert values.total(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.2, "3.2 s ago"),
        (0.0, "0.0 s ago"),
        (42.4, "42 s ago"),
        (600.0, "10 min ago"),
        (3 * 3_600.0, "3 h ago"),
        (12 * 86_400.0, "12 d ago"),
        (-5.0, "5.0 s ahead"),
    ],
)
def test_an_age_is_said_in_the_unit_that_fits(seconds: float, text: str) -> None:
    now = 1_000_000 * S * 1_000
    assert values.age(now - int(seconds * S), now) == text


def test_what_was_never_read_has_no_age() -> None:
    assert values.age(0, 5 * S) == "never"


def test_a_time_that_no_calendar_has_is_still_shown() -> None:
    assert values.local_time(2**63 - 1)
    assert values.local_time(10**30) == f"{10**30} ns"


def test_stages_are_told_from_the_receipt_of_the_command() -> None:
    assert values.after(S, S + 310_000) == "+0.31 ms"
    assert values.after(S, 2 * S + 41_000_000) == "+1,041 ms"


@pytest.mark.parametrize(
    ("environ", "painted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], painted: bool) -> None:
    assert paint_for(Terminal(), environ).enabled is painted
    assert not paint_for(io.StringIO(), environ).enabled


def test_json_has_no_nan_and_shows_bytes_as_hex(capsys: pytest.CaptureFixture[str]) -> None:
    document.show({"a": math.nan, "b": b"\x00\xff", "c": [math.inf, "é\x1b"], "d": (1, True)})
    shown = capsys.readouterr().out
    assert shown == '{"a": null, "b": "00ff", "c": [null, "\\u00e9\\u001b"], "d": [1, true]}\n'
