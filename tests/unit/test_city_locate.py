"""The line on which a key of a TOML text stands, whatever the text looks like."""

from __future__ import annotations

import tomllib

import pytest

from jacquemart.runtime.city.files import dotted
from jacquemart.runtime.city.locate import Path, line_of, locate

TEXT = '''\
# a comment with [brackets] and = signs
top = 1
[city]  # here
id = "a # b"
"quoted key" = 'x'
'single' = 1
text = """
fake = 1
[fake]
\\""" still text \\\\
"""
raw = \'\'\'
also = "fake" \'\'\'\'
after = 1
dotted.inner."deep.er" = 2

[templates.lamp.points]
level = { unit = "%", range = [
  0,
  100,  # upper
] }
[templates.lamp.points.power]
address = { table = "input",
 more = { step = 1 } } # not TOML 1.0, but understood

[[inventory]]
file = "a.csv"
columns = { id = "a", zone = "b" }
[inventory.defaults]
zone = 1
[[ inventory ]]
file = "b.csv"
[[inventory.sub]]
x = 1
[[inventory.sub]]
x = [ { y = 1 }, [2,
 3], 1979-05-27T07:32:00Z ]
'''

LINES: list[tuple[Path, int]] = [
    (("top",), 2),
    (("city",), 3),
    (("city", "id"), 4),
    (("city", "quoted key"), 5),
    (("city", "single"), 6),
    (("city", "text"), 7),
    (("city", "raw"), 12),
    (("city", "after"), 14),
    (("city", "dotted"), 15),
    (("city", "dotted", "inner", "deep.er"), 15),
    (("templates",), 17),
    (("templates", "lamp", "points"), 17),
    (("templates", "lamp", "points", "level", "unit"), 18),
    (("templates", "lamp", "points", "level", "range", 1), 20),
    (("templates", "lamp", "points", "power"), 22),
    (("templates", "lamp", "points", "power", "address", "table"), 23),
    (("templates", "lamp", "points", "power", "address", "more", "step"), 24),
    (("inventory",), 26),
    (("inventory", 0), 26),
    (("inventory", 0, "columns", "zone"), 28),
    (("inventory", 0, "defaults"), 29),
    (("inventory", 0, "defaults", "zone"), 30),
    (("inventory", 1), 31),
    (("inventory", 1, "file"), 32),
    (("inventory", 1, "sub", 1), 35),
    (("inventory", 1, "sub", 1, "x", 0, "y"), 36),
    (("inventory", 1, "sub", 1, "x", 1, 1), 37),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_every_key_has_its_line(path: Path, line: int) -> None:
    assert locate(TEXT)[path] == line


def test_a_missing_key_falls_back_to_its_nearest_parent() -> None:
    lines = locate(TEXT)
    assert ("city", "fake") not in lines
    assert ("fake",) not in lines
    assert line_of(lines, ("city", "fake")) == 3
    assert line_of(lines, ("templates", "lamp", "points", "level", "range", 7, "x")) == 18
    assert line_of(lines, ("nowhere", 1)) == 1
    assert line_of({}, ("a",)) == 1


@pytest.mark.parametrize(
    "text", ["", "=", "[", "[[", "[a", "a", "a =", 'a = "', "a = [", "a = {b", "'", "a.", "]" * 9,
             "a = [" * 5_000, "a = 1 = 2", "{}", "\x00"]
)  # fmt: skip
def test_a_text_that_is_no_toml_gives_fewer_lines_and_no_error(text: str) -> None:
    locate(text)
    assert locate(f"x = 1\n{text}")[("x",)] == 1


def test_paths_are_written_as_toml_writes_them() -> None:
    assert dotted(("a", "b-c", 0, "d e", "f")) == 'a.b-c[0]."d e".f'
    parsed = tomllib.loads('[a."d e"]\nf = 1')
    assert parsed["a"]["d e"] == {"f": 1}
