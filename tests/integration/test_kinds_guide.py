"""The guide of kinds: its fountain is a kind, its tests pass, its city runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jacquemart.cli import main
from jacquemart.runtime.city import CityErrors, load_city
from jacquemart.runtime.city.registry import KINDS

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "kinds.md"
TEXT = GUIDE.read_text(encoding="utf-8")
CLASS, TESTS, SCRIPT = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
CITY, ENTRY = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
(PROBLEM,) = re.findall(r"```text\n(.*?)\n```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fountain.py").write_text(CLASS, encoding="utf-8")
    (tmp_path / "test_fountain.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "city.toml").write_text(CITY, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("fountain", None)


def run(folder: Path, *words: str) -> str:
    """Run Python in the folder, as its reader would."""
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_of_the_guide_pass(folder: Path) -> None:
    out = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fountain.py")
    assert "16 passed" in out


def test_the_city_of_the_guide_runs(folder: Path) -> None:
    assert "fountain-1/height" in run(folder, "script.py")


def test_the_commands_of_the_guide_know_the_fountain(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kinds", "fountain:Fountain"]) == 0
    out = capsys.readouterr().out
    assert "show     1 to 60 min  runs the jet at its highest for some minutes" in out
    assert main(["check", "city.toml"]) == 0


def test_the_typo_of_the_guide_is_told_as_it_says(folder: Path) -> None:
    wrong = CITY.replace("height = {", "heigth = {")
    (folder / "city.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(CityErrors) as found:
        load_city("city.toml")
    assert PROBLEM in [str(problem) for problem in found.value.errors]


def test_the_entry_point_of_the_guide_is_in_the_group_of_kinds() -> None:
    assert list(tomllib.loads(ENTRY)["project"]["entry-points"]) == [KINDS]


def test_the_guide_documents_what_its_class_uses() -> None:
    for word in ("good", "publish", "emit", "act", "after", "watched", "summary", "guards"):
        assert f"`{word}" in TEXT or f".{word}(" in TEXT, word
