"""What the monitor of a site latched: kept over restarts, and lifted by a person by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jacquemart.cli import main, say
from jacquemart.traffic.latch import Latch

FAULT = "main and side go at once"


def test_what_was_latched_is_known_to_whoever_comes_next(tmp_path: Path) -> None:
    Latch(tmp_path / "K1.latched").keep("main and side\n  go at once")
    assert Latch(tmp_path / "K1.latched").fault() == FAULT
    assert [path.name for path in tmp_path.iterdir()] == ["K1.latched"]


def test_where_nothing_is_latched_there_is_nothing_to_reset(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "K1.latched")
    assert (latch.fault(), latch.reset_by(), latch.ask_reset("A. Martin")) == ("", "", "")
    assert not latch.path.exists()


def test_a_reset_names_who_asked_and_what_had_been_latched(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "K1.latched")
    latch.keep(FAULT)
    assert latch.ask_reset("A.\n Martin") == FAULT
    assert (latch.reset_by(), latch.fault()) == ("A. Martin", "")
    assert latch.ask_reset("B. Durand") == "", "it was reset already"
    latch.clear()
    assert not latch.path.exists()


def test_a_fault_that_speaks_of_a_reset_resets_nothing(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "K1.latched")
    latch.keep("odd\nreset by nobody")
    assert latch.reset_by() == ""
    assert latch.fault() == "odd reset by nobody"


def test_a_file_that_is_empty_or_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "not written down" in Latch(tmp_path / "empty").fault()
    (tmp_path / "folder").mkdir()
    assert "cannot be read" in Latch(tmp_path / "folder").fault()


def test_the_command_line_resets_by_name_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city, latch = tmp_path / "city.toml", Latch(tmp_path / "K1.latched")
    words = ["rsmp-site", "--city", str(city), "--signal", "K1", "--json", "--reset"]
    assert main([*words, "A. Martin"]) == say.REFUSED
    latch.keep(FAULT)
    capsys.readouterr()
    assert main([*words, "  "]) not in (say.DONE, say.REFUSED)
    assert latch.fault() == FAULT
    capsys.readouterr()
    assert main([*words, "A. Martin"]) == say.DONE
    assert json.loads(capsys.readouterr().out) == {"signal": "K1", "latched": FAULT}
    assert latch.reset_by() == "A. Martin"
