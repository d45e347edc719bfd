"""A message that ends every process that touches it ends two, and no more (P8, P9)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fragile_city import city_file

from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.watchdog import EXIT_CODE

PEERS = Path(__file__).resolve().parents[1] / "peers"


@pytest.fixture(scope="module", autouse=True)
def nursery() -> Iterator[subprocess.Popen[str]]:
    """A process that has imported everything, and forks one for each cell."""
    global _nursery
    with subprocess.Popen(
        [sys.executable, str(PEERS / "fragile_city.py")],
        env={**os.environ, "PYTHONPATH": str(PEERS)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as _nursery:  # fmt: skip
        yield _nursery
        assert _nursery.stdin is not None
        _nursery.stdin.close()


_nursery: subprocess.Popen[str]


def cell(
    folder: Path, name: str, inherits: str, *commands: str, held_s: float = 0.0
) -> tuple[int, list[str]]:
    """Run one cell in a process of its own; return how it ended, and what it said."""
    assert _nursery.stdin is not None
    assert _nursery.stdout is not None
    _nursery.stdin.write(json.dumps([str(folder), name, inherits, str(held_s), *commands]) + "\n")
    _nursery.stdin.flush()
    said = []
    for line in _nursery.stdout:
        if line.startswith("END "):
            return int(line[4:]), said
        said.append(line.rstrip("\n"))
    raise AssertionError("the nursery has ended")


def test_p9_a_message_that_kills_the_process_kills_two_and_then_its_device_is_isolated(
    tmp_path: Path,
) -> None:
    city_file(tmp_path, 3)
    poison = "f-1:kill:13:1"
    assert cell(tmp_path, "a", "", "f-1:kill:12:9", poison) == (
        13, ["parked []", "APPLIED ok "]
    )  # fmt: skip
    (found,) = Ledger.read(str(tmp_path / "a")).handling
    assert (found.device, found.verb, found.value, found.running) == ("f-1", "kill", 13.0, True)
    assert cell(tmp_path, "b", "a", poison) == (13, ["parked []"])
    code, said = cell(tmp_path, "c", "b", poison, "f-1:kill:1:2", "f-2:kill:1:3", "f-2:crash:1:4")
    assert code == 0
    assert said[0] == "parked ['f-1']"
    assert said[1].startswith("REJECTED poison")
    assert said[2].startswith("REJECTED parked f-1 is parked: 2 processes in a row")
    assert said[3].startswith("APPLIED ok"), "the other devices go on"
    assert said[4].startswith("INDETERMINATE internal")
    assert said[5] != "letters 0", "the message waits to be kept as a dead letter"
    code, said = cell(tmp_path, "d", "c", poison, "f-3:kill:1:5")
    assert code == 0
    assert said[0] == "parked ['f-1']", "a third successor is warned, too"
    assert said[1].startswith("REJECTED poison")


def test_p9_a_device_that_survives_its_next_message_begins_without_blame(tmp_path: Path) -> None:
    city_file(tmp_path, 2)
    assert cell(tmp_path, "a", "", "f-1:kill:13:1")[0] == 13
    assert cell(tmp_path, "b", "a", "f-1:kill:1:2", "f-1:kill:13:3")[0] == 13
    code, said = cell(tmp_path, "c", "b", "f-1:kill:1:4")
    assert (code, said[0]) == (0, "parked []")
    assert said[1].startswith("APPLIED ok")


def test_p8_a_handler_that_holds_the_loop_for_good_ends_its_process_and_is_known(
    tmp_path: Path,
) -> None:
    city_file(tmp_path, 2)
    code, _ = cell(tmp_path, "a", "", "f-1:hold_loop:15:1", held_s=0.8)
    assert code == EXIT_CODE
    left = Ledger.read(str(tmp_path / "a"))
    assert left.held_by == "f-1"
    assert left.held_ms >= 700
    assert cell(tmp_path, "b", "a", "f-1:hold_loop:15:1", held_s=0.8)[0] == EXIT_CODE
    code, said = cell(tmp_path, "c", "b", "f-2:kill:1:2", held_s=0.8)
    assert (code, said[0]) == (0, "parked ['f-1']")
    assert said[1].startswith("APPLIED ok")
