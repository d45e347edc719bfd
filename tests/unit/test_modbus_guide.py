"""The Modbus guide says what the driver does: its tables are held against the code's."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from jacquemart.drivers.modbus import address
from jacquemart.drivers.modbus.codec import FORMATS, WORD_ORDERS
from jacquemart.drivers.modbus.faults import MEANINGS
from jacquemart.drivers.modbus.options import LinkOptions, check_link

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "modbus.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GUIDE.splitlines()
    if line.startswith("|")
]


def rows_of(*names: str) -> dict[str, list[str]]:
    return {row[0].strip("`"): row for row in ROWS if row[0].strip("`") in names}


def test_every_option_stands_in_the_guide_with_its_default_and_range() -> None:
    names = [option.name for option in fields(LinkOptions)]
    rows = rows_of(*names)
    assert set(rows) == set(names)
    for option in fields(LinkOptions):
        if option.name != "host":
            assert rows[option.name][1].casefold() == str(option.default).casefold()
    for key, _, allowed in check_link({"host": "h", **dict.fromkeys(set(names) - {"host"}, None)}):
        bounds = re.findall(r"\d+", allowed) or ["true", "false"]
        assert re.findall(r"\w+", rows[key][2]) in (
            [bounds[0], "to", bounds[-1]],
            bounds,
            ["true", "false"],
        )


def test_every_key_of_an_address_stands_in_the_guide() -> None:
    listed = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}
    assert set(address._KEYS) <= listed
    (formats,) = rows_of("format").values()
    assert set(FORMATS) <= set(re.findall(r"`(\w+)`", formats[2]))
    (orders,) = rows_of("word_order").values()
    assert re.findall(r"`(\w+)`", orders[2]) == list(WORD_ORDERS)


def test_every_exception_code_stands_in_the_guide_with_its_meaning() -> None:
    for code, rule in MEANINGS.items():
        (row,) = [
            row
            for row in ROWS
            if row[0].startswith("exception ")
            and str(code) in re.findall(r"\d+", row[0].partition("(")[0])
        ]
        assert f"`{rule.quality.text}`" in row[1]
        assert f"`{rule.error.__name__}`" in row[2]
