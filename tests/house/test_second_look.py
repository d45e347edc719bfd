"""What failed by itself on a machine that paused is looked at again; nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WAITS = "tests.integration.test_bollard_simulated"
COMPUTES = "tests.unit.test_actor_device"
PASSES = "test_what_stalls_comes_through_afterwards"


def look(folder: Path, *failed: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    """Have it look at a report in which these tests failed."""
    cases = "".join(
        f'<testcase classname="{place}" name="{name}"><failure/></testcase>'
        for place, name in failed
    )
    report = folder / "tests.xml"
    report.write_text(f'<testsuites><testsuite><testcase classname="tests.x" name="ok"/>{cases}'
                      "</testsuite></testsuites>")  # fmt: skip
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "second_look.py", report],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_test_that_only_computes_gets_none(tmp_path: Path) -> None:
    done = look(tmp_path, (COMPUTES, "test_a"))
    assert done.returncode == 1
    assert "tests/unit/test_actor_device.py::test_a waits for nobody" in done.stdout


def test_nor_do_more_than_six(tmp_path: Path) -> None:
    done = look(tmp_path, *((WAITS, f"test_{n}") for n in range(7)))
    assert done.returncode == 1
    assert "7 tests failed, 6 may be looked at again" in done.stdout


def test_nor_does_a_run_that_failed_without_a_test(tmp_path: Path) -> None:
    done = look(tmp_path)
    assert done.returncode == 1
    assert "no test of it did" in done.stdout


def test_one_on_real_clocks_runs_again_and_fails_if_it_fails_twice(tmp_path: Path) -> None:
    done = look(tmp_path, (WAITS, "test_of_a_name_that_nobody_has"))
    assert done.returncode != 0
    assert f"FAILED AT FIRST, a second look: {WAITS.replace('.', '/')}.py" in done.stdout
    assert "PASSED" not in done.stdout


def test_one_that_passes_then_is_told(tmp_path: Path) -> None:
    done = look(tmp_path, ("tests.integration.test_chaos_proxy", PASSES))
    assert done.returncode == 0, done.stdout
    assert f"PASSED AT SECOND SIGHT: tests/integration/test_chaos_proxy.py::{PASSES}" in done.stdout


def test_one_that_has_threads_processes_or_clocks_can_be_late_and_gets_one(tmp_path: Path) -> None:
    done = look(tmp_path, ("tests.unit.test_patient_threads", "test_of_a_name_that_nobody_has"))
    assert "FAILED AT FIRST, a second look: tests/unit/test_patient_threads.py" in done.stdout
    assert done.returncode != 0
