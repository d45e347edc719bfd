"""Fail on any skipped test that .ci/allowed-skips.txt does not allow, with its reason."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from fnmatch import fnmatchcase
from pathlib import Path


def main() -> int:
    """Compare the skips of a JUnit report with the allow-list; return the exit code."""
    allowed: list[str] = []
    for line in (Path(__file__).parent / "allowed-skips.txt").read_text().splitlines():
        text, _, reason = line.partition("#")
        if text.strip():
            if not reason.strip():
                print(f"allowed-skips.txt: no reason given for {text.strip()!r}")
                return 1
            allowed.append(text.strip())
    bad = 0
    for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None:
            continue
        name = f"{case.get('classname')}.{case.get('name')}"
        if not any(fnmatchcase(name, pattern) for pattern in allowed):
            print(f"skipped, but not allowed to be: {name}: {skipped.get('message')}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
