"""The page of figures says what was measured, what was not, and nothing else."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
PAGE = "# Figures\n\nBefore.\n\n{begin}\nold\n{end}\n\nAfter.\n"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_report", BENCH / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def round_trips(ratio: float) -> dict[str, Any]:
    return {
        "p50_us": 50.0 * ratio, "p99_us": 900.0, "p999_us": 1_500.0, "limit_p50_us": 50.0,
        "limit_p99_us": 80.0, "ratio": ratio, "ratio_spread": [ratio - 0.5, ratio + 0.5],
    }  # fmt: skip


COMMANDS: dict[str, Any] = {
    "direct_p50_ratio": 1.3,
    "gateway_p50_ratio": 9.7,
    "pipelined_per_s": 401_000,
    "cells_meet_on": "unix sockets",
    "machine": {"load": 0.5},
    "versions": {"libzmq": "4.3.5"},
    "pinned": {
        "direct": round_trips(1.3),
        "gateway": round_trips(9.7),
        "per_s": {"direct": 401_000, "limit": 900_000},
        "loaded": {"direct": round_trips(2.5), "readings_per_s": 50_100},
        "raw_unix": round_trips(0.7),
    },
    "peers": {"pyzmq": {"pinned": round_trips(2.2)}, "ray|call": {"skipped": "it is not here"}},
}


def kept(folder: Path, name: str, figures: Any) -> None:
    result = {
        "bench": name, "taken_at": "2026-11-23T12:00:00Z", "seconds": 1.0,
        "machine": {"cores": 2, "system": "Linux", "python": "3.11.2"}, "figures": figures,
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(result))


@pytest.fixture
def places(tmp_path: Path, report: ModuleType) -> list[str]:
    """The arguments: a folder of results, and a page with marks."""
    (tmp_path / "results").mkdir()
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(begin=report.BEGIN, end=report.END))
    return ["--results", str(tmp_path / "results"), "--page", str(page)]


def test_what_was_measured_is_shown_with_its_target(
    report: ModuleType, places: list[str], tmp_path: Path
) -> None:
    kept(tmp_path / "results", "commands", COMMANDS)
    assert report.main(places) == 0
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Figures\n\nBefore.\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    for line in (
        "Taken 2026-11-23T12:00:00Z on 2 processors, load 0.5 (Linux; python 3.11.2, libzmq 4.3.5)",
        "| `direct_p50_ratio` | volatile, cell to cell, plain handler, over raw | 1.3 "
        "| 1.4 or less | yes |",
        "| `gateway_p50_ratio` | from a client, through the gateway | 9.7 | 3 or less | **no** |",
        "| `pipelined_per_s` | direct, 256 on their way, a second | 401,000 | 400,000 or more "
        "| yes |",
        "| `zone_p50_ratio` | from a zone supervisor |  |  | not measured |",
        "| direct, at 50,100 readings/s | 125 | 900 | 1,500 | 50 | 2.5 | 2 to 3 |",
        "| peer: pyzmq | 110 | 900 | 1,500 | 50 | 2.2 | 1.7 to 2.7 |",
        "| raw limit | 900,000 |",
        "Peers that were not there: ray|call (it is not here).",
        "Not measured yet: `python bench/all.py telemetry`.",
    ):
        assert line in text


def test_the_plot_has_a_bar_for_each_way_and_a_mark_for_each_target(
    report: ModuleType, places: list[str], tmp_path: Path
) -> None:
    kept(tmp_path / "results", "commands", COMMANDS)
    report.main(places)
    plot = ElementTree.fromstring((tmp_path / "performance" / "commands.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    bars = [one for one in plot.iter(f"{space}rect") if one.get("x")]
    wide = [float(one.get("width", "")) for one in bars]
    assert len(wide) == 3
    assert wide[0] < wide[2] < wide[1]  # 1.3, 9.7 and 2.2 times raw
    marks = [one for one in plot.iter(f"{space}line") if one.get("stroke-width")]
    assert len(marks) == 2
    names = [one.text for one in plot.iter(f"{space}text")]
    assert {"direct", "through the gateway", "pyzmq", "9.7"} <= set(names)


def test_a_check_writes_nothing_and_says_whether_the_page_is_so(
    report: ModuleType, places: list[str], tmp_path: Path
) -> None:
    before = (tmp_path / "page.md").read_text()
    assert report.main([*places, "--check"]) == 1
    assert (tmp_path / "page.md").read_text() == before
    assert report.main(places) == 0
    assert report.main([*places, "--check"]) == 0
    assert (tmp_path / "page.md").read_text().count("Not measured yet") == 6
    assert not (tmp_path / "performance").exists()


def test_a_page_without_marks_or_a_broken_result_is_left_as_it_is(
    report: ModuleType, places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# No marks\n")
    assert report.main(places) == 1
    assert (page.read_text(), "needs the lines" in capsys.readouterr().err) == (
        "# No marks\n",
        True,
    )
    (tmp_path / "results" / "bulk.json").write_text("{")
    assert report.main(places) == 1
    assert "bulk.json is no result" in capsys.readouterr().err


def test_the_page_of_ours_has_a_place_for_the_tables(report: ModuleType) -> None:
    page = (BENCH.parent / "docs" / "performance.md").read_text()
    assert report.between(page, iter(())).count(report.BEGIN) == 1


@pytest.mark.parametrize(("low", "high"), [(1.0, 9.0), (1.0, 80.0), (0.1, 5_000.0)])
def test_an_axis_has_ticks_within_its_ends(report: ModuleType, low: float, high: float) -> None:
    from measuring.bars import ticks

    found = ticks(low, high)
    assert found == sorted(found)
    assert found[0] == low
    assert 1 < len(found) <= 6
    assert found[-1] <= high
