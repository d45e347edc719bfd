"""Every row of the fault catalogue has a test that is named after it, or a reason why not."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: How many rows each part of the catalogue has.
ROWS = {"P": 15, "N": 9, "S": 8, "C": 16, "D": 9, "B": 4}
_ID = re.compile(r"[pnscdb]\d{1,2}")


def listed() -> dict[str, str]:
    """Return row -> what the guide says of its tests."""
    text = (ROOT / "docs" / "guides" / "testing.md").read_text()
    found = re.findall(r"^\| ([A-Z]\d+) \| .+ \| (.+) \|$", text, re.MULTILINE)
    assert len(found) == len(dict(found)), "one line each"
    return dict(found)


def rows_with_tests() -> set[str]:
    """Return the rows that tests are named after."""
    rows = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"def test_(\w+)\(", path.read_text()):
            for word in name.split("_"):
                if not _ID.fullmatch(word):
                    break
                rows.add(word.upper())
    return rows


def test_the_guide_lists_every_row_of_the_catalogue_once() -> None:
    wanted = {f"{part}{number}" for part, most in ROWS.items() for number in range(1, most + 1)}
    assert listed().keys() == wanted


def test_what_the_guide_calls_tested_has_a_test_of_that_name_and_the_rest_a_reason() -> None:
    named, missing, forgotten = rows_with_tests(), [], []
    for row, said in listed().items():
        if said == "yes" and row not in named:
            missing.append(row)
        elif said != "yes":
            assert len(said) > 20, f"{row}: a reason is a sentence"
            if row in named:
                forgotten.append(row)
    assert not missing, f"no test is named after {missing}"
    assert not forgotten, f"tested by now: {forgotten}; say so in docs/guides/testing.md"


def test_no_test_is_named_after_a_row_that_is_not_there() -> None:
    assert rows_with_tests() <= listed().keys()
