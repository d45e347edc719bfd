"""What runs all benches: which it runs, what it shows and keeps, and how it ends."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
GOOD = '''"""Is it good?

Details."""
print("warming up")
print('{"ratio": 1234.5, "in": {"us": 2}}')
'''
ROWS = '''"""How many?"""
print('[{"registers": 1, "us": 2.5}, {"registers": 125, "us": 31.25}]')
'''
BAD = '''"""Is it bad?"""
import sys
print("{}")
sys.exit(3)
'''
MUTE = '"""Does it talk?"""\n'


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, in a folder with benches of our own."""
    path = tmp_path / "bench" / "all.py"
    path.parent.mkdir()
    path.write_text((BENCH / "all.py").read_text(encoding="utf-8"), encoding="utf-8")
    for name, code in (("good", GOOD), ("rows", ROWS), ("bad", BAD), ("mute", MUTE)):
        path.with_name(f"{name}.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("bench_all", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_bench_that_is_named_runs_is_shown_and_kept(
    runner: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.main(["go", "row"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *("", "good: Is it good?"),
        *("  ratio           1,234.5", "  in.us                 2", "  in bench/results/good.json"),
        *("", "rows: How many?"),
        *("  registers     us", "          1    2.5", "        125  31.25"),
        "  in bench/results/rows.json",
    ]
    kept = json.loads((tmp_path / "bench" / "results" / "good.json").read_text())
    assert (kept["bench"], kept["figures"]) == ("good", {"ratio": 1234.5, "in": {"us": 2}})
    assert kept["machine"]["python"] == sys.version.split()[0]
    assert sorted(path.stem for path in (tmp_path / "bench" / "results").iterdir()) == [
        "good",
        "rows",
    ]


def test_a_bench_that_fails_or_says_nothing_does_not_stop_the_others_and_ends_with_1(
    runner: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.main([]) == 1
    out = capsys.readouterr().out
    assert "bad: Is it bad?\n  failed: exit code 3\n" in out
    assert "mute: Does it talk?\n  failed: its last line is no JSON\n" in out
    assert sorted(path.stem for path in (tmp_path / "bench" / "results").iterdir()) == [
        "good",
        "rows",
    ]


def test_a_name_that_no_bench_has_is_refused_with_those_there_are(
    runner: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        runner.main(["teapot"])
    assert ended.value.code == 2
    assert "bad, good, mute, rows" in capsys.readouterr().err


def test_every_bench_of_ours_asks_a_question_and_prints_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = importlib.util.spec_from_file_location("our_benches", BENCH / "all.py")
    assert spec is not None
    assert spec.loader is not None
    ours = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ours)
    assert ours.main(["--list"]) == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(shown) == len(ours.benches([])) >= 4
    for path, line in zip(ours.benches([]), shown, strict=True):
        assert line.startswith(f"{path.stem}: ")
        assert "?" in line, f"{path.name} begins with no question"
        assert "--json" in path.read_text(encoding="utf-8")
