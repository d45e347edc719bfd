"""Look a second time, alone, at the few tests on real clocks that failed in a whole run.

A test with real processes, sockets and disks says how fast something must be, and a shared machine
pauses for seconds now and then. So a failure of a test that can be late (by what it waits for or
imports: ``tests/peers/side_by_side.py``) is told, and the test runs once more with nothing beside
it: who fails twice has failed. Of those that only compute none is looked at again, nor are any if
more than six failed.
"""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "peers"))

from side_by_side import can_be_late  # noqa: E402 - after the path

#: So many may fail at first.
MOST = 6


def failed(report: str) -> list[str]:
    """Return the ids of the tests that failed, or could not begin or end, from a JUnit report."""
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            place, name = case.get("classname", ""), case.get("name", "")
            found.append(f"{place.replace('.', '/')}.py::{name}")
    return sorted(set(found))


def refusal(names: list[str]) -> str:
    """Return why these are not looked at again; empty: they are."""
    if not names:
        return "the run failed, and no test of it did"
    if len(names) > MOST:
        return f"{len(names)} tests failed, {MOST} may be looked at again"
    for name in names:
        if not Path(ROOT, name.partition("::")[0]).is_file():
            return f"{name} is no test that could be run by itself"
        if not can_be_late(name):
            return f"{name} waits for nobody, so its failure is one"
    return ""


def main() -> int:
    """Run what failed once more; return the exit code."""
    report = Path(sys.argv[1])
    names = failed(str(report)) if report.is_file() else []
    why = refusal(names)
    if why:
        print(f"no second look: {why}")
        return 1
    for name in names:
        print(f"FAILED AT FIRST, a second look: {name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *names]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    for name in names:
        print(f"{'PASSED AT SECOND SIGHT' if code == 0 else 'looked at twice'}: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main())
