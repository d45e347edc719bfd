"""check: all problems of a city file, or a summary of the city."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jacquemart.cli import main

CITY = """
[city]
id = "testville"
name = "Testville"

[zones.north]
name = "Nord"

[templates.sensor]
kind = "generic"
driver = "simulated"

[templates.sensor.points.level]
unit = "%"
range = [0, 100]

[links.l1]
driver = "simulated"
zone = "north"

[[device]]
id = "s-1"
template = "sensor"
link = "l1"
"""


def written(folder: Path, text: str) -> str:
    path = folder / "city.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_good_file_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, CITY)
    assert main(["check", file]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Testville (testville), from {file}"
    assert ["zones", "1"] in [line.split() for line in lines]
    assert any(line.split()[:2] == ["devices", "1"] for line in lines)


def test_a_good_file_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", written(tmp_path, CITY), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["city"]["id"] == "testville"
    assert found["city"]["devices"] == 1
    assert found["inventories"] == []


def test_rows_that_are_left_out_are_counted_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = (
        '[[inventory]]\nfile = "more.csv"\nmakes = "devices"\ntemplate = "sensor"\n'
        'bad_rows = "drop"\ncolumns = { id = "id", link = "link" }\n'
    )
    (tmp_path / "more.csv").write_text("id,link\ns-2,l1\ns 3,l1\ns-2,l1\ns-4,l2\ns-5\n")
    file = written(tmp_path, CITY + inventory)
    assert main(["check", file]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"{tmp_path}/more.csv: csv, utf-8 (assumed)")
    assert lines[at + 1] == "  5 rows, 1 devices, 4 rejected"
    assert lines[at + 2] == "  by zone: north 1"
    assert any(':3: id (column "id"): found "s 3"' in line for line in lines[at:])
    assert main(["check", file, "--json"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["inventories"]
    assert (account["rows"], account["accepted"], account["rejected"]) == (5, 1, 4)
    assert sum(account["rejected_by_reason"].values()) == 4
    assert [row["line"] for row in account["rejected_rows"]] == [3, 4, 5, 6]


BROKEN = CITY.replace('zone = "north"', 'zone = "nroth"').replace("[0, 100]", "[100, 0]")


def test_every_problem_is_a_line_and_they_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, BROKEN)
    assert main(["check", file]) == 1
    shown = capsys.readouterr()
    *problems, count = shown.out.splitlines()
    assert count == f"{len(problems)} problems"
    assert all(line.startswith(f"{file}:") for line in problems)
    assert any('"nroth"' in line and 'did you mean "north"?' in line for line in problems)
    assert any("range" in line for line in problems)
    assert shown.err == ""


def test_problems_that_are_only_counted_are_counted_by_file_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = "".join(f'[links."bad {n}"]\ndriver = "steam"\n' for n in range(120))
    file = written(tmp_path, BROKEN + tables)
    assert main(["check", file]) == 1
    *_, rest, count = capsys.readouterr().out.splitlines()
    assert rest.startswith("and ")
    assert f" more: 1 at {file} links" in rest
    assert count.endswith(" problems")


def test_problems_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, BROKEN)
    assert main(["check", file, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["count"] == len(found["problems"]) + found["more"]
    first = found["problems"][0]
    assert first["file"] == file
    assert first["line"] > 0
    assert {"key", "found", "allowed", "message"} <= set(first)


@pytest.mark.parametrize("name", ["no-such-file.toml", "."])
def test_a_file_that_cannot_be_read_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["check", str(tmp_path / name)]) == 1
    *_, count = capsys.readouterr().out.splitlines()
    assert count == "1 problem"


def test_hostile_names_stay_on_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = CITY.replace('name = "Testville"', r'name = "a\u001b[2J\nb"')
    assert main(["check", written(tmp_path, city)]) in (0, 1)
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())
