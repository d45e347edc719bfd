"""The journals of a city that runs: seen and copied from outside, and there after a restart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from jacquemart.runtime.testing import LocalCity

CITY = """
[city]
id = "journals"
[zones."Quai:Nord"]
[links.street]
driver = "simulated"
zone = "Quai:Nord"
[templates.lamp]
kind = "generic"
driver = "simulated"
points.setpoint = { writable = true, feedback = "level", settle_ms = 200 }
points.level = { poll_ms = 100 }
[[device]]
id = "lamp-1"
template = "lamp"
link = "street"
"""


def journal(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jacquemart.cli", "journal", *map(str, words)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def test_a_citys_journals_are_read_and_copied_while_it_runs_and_are_there_again(
    tmp_path: Path,
) -> None:
    path, state = tmp_path / "city.toml", tmp_path / "state"
    path.write_text(CITY)
    with LocalCity(path, state=state) as city:
        assert city.client().set("lamp-1/setpoint", 70).applied
        (report,) = json.loads(journal("verify", state, "--json"))["journals"]
        assert report["zone"] == "Quai:Nord"
        assert report["owner_pid"]
        assert report["whole"]
        journal("backup", state, tmp_path / "copy")
        assert city.client().set("lamp-1/setpoint", 71).applied
    shown = journal("show", state, "--device", "lamp-1", "--kind", "accepted", "--json")
    values = [json.loads(line)["body"]["value"] for line in shown.splitlines()]
    assert values == [70, 71]
    journal("restore", tmp_path / "copy", tmp_path / "again")
    with LocalCity(path, state=tmp_path / "again") as city:
        assert city.client().set("lamp-1/setpoint", 72).applied
    shown = journal("show", tmp_path / "again", "--kind", "accepted", "--json")
    values = [json.loads(line)["body"]["value"] for line in shown.splitlines()]
    assert values == [70, 72]


def test_a_local_city_without_a_state_folder_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text(CITY)
    with LocalCity(path) as city:
        assert city.client().set("lamp-1/setpoint", 70).applied
    assert [one.name for one in tmp_path.iterdir()] == ["city.toml"]
