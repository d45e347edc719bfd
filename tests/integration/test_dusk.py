"""The main job on a small city, as a newcomer runs it: the program, its exit code, its figures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from dijon_small_city import SOUND, city_files, free_port, host_of
from field.faults import FaultShares, draw_faults
from field.inventory import read_inventory

from jacquemart.runtime.cluster import runstate

DIJON = Path(__file__).resolve().parents[2] / "examples" / "dijon"
SEED = 7
SHARES = FaultShares(dead_lamps=0.02, stuck_lamps=0.01, dead_cabinets=2, mute_cabinets=1)
BROKEN = (
    *("--dead-lamps", "0.02", "--stuck-lamps", "0.01"),
    *("--dead-cabinets", "2", "--mute-cabinets", "1"),
)


class Dusk:
    """One run of the program in a folder of its own, beside whatever else runs here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = f"dusk-{os.getpid()}"
        self.port = free_port()
        city_files(folder, id=self.id)

    def run(self, *field: str, lamps: int = 540) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, str(DIJON / "dusk.py"), "--once", "--json"),
                *("--city", str(self.folder / "city.toml"), "--field-port", str(self.port)),
                *("--port", "0", "--stream-port", "0", "--seed", str(SEED)),
                *("--scale", "0.01", "--lamps", str(lamps), "--cabinets", "10"),
                *("--calm-s", "0.5", "--commands", "20", "--", *field),
            ],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def figures(self, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
        documents = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert len(documents) == 1, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(documents[0])
        return found


@pytest.fixture
def dusk(tmp_path: Path) -> Dusk:
    return Dusk(tmp_path)


def expected(inventory: Path) -> Counter[str]:
    """Say from the seed alone, without any city, how each lamp must end.

    ``found_out``: behind a cabinet that accepts and never answers, which is unreachable if a
    poll has found that out before dusk, and indeterminate if dusk does.
    """
    rows = read_inventory(inventory)
    lamps = [lamp.id for row in rows for lamp in row.lamps]
    faults = draw_faults(SEED, SHARES, [row.id for row in rows], lamps)
    ends: Counter[str] = Counter()
    for row in rows:
        for lamp in row.lamps:
            if row.id in faults.refusing:
                ends["unreachable"] += 1
            elif row.id in faults.silent:
                ends["found_out"] += 1
            elif row.id in faults.mute:
                ends["indeterminate"] += 1
            elif lamp.id in faults.dead_lamps | faults.stuck_lamps:
                ends["failed"] += 1
            else:
                ends["applied"] += 1
    return ends


@pytest.mark.slow
def test_dusk_ends_with_0_and_every_lamp_ends_as_the_seed_of_its_faults_says(dusk: Dusk) -> None:
    done = dusk.run(*BROKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    figures = dusk.figures(done)
    ends = expected(dusk.folder / "generated")
    assert min(ends.values()) > 5, "the seed breaks something of every kind"
    assert (figures["applied"], figures["failed"]) == (ends["applied"], ends["failed"])
    found_out = [figures[word] - ends[word] for word in ("unreachable", "indeterminate")]
    assert found_out in ([ends["found_out"], 0], [0, ends["found_out"]])
    assert (figures["lamps"], figures["other"], figures["disagree"]) == (540, 0, 0)
    for name in ("seconds", "ready_s", "cells_pss_mb", "command_p50_ms", "command_p99_ms"):
        assert figures[name] > 0, name
    assert 0 <= figures["calm_cpu_share"] <= len(os.sched_getaffinity(0))
    assert figures["command_p50_ms"] <= figures["command_p99_ms"]
    assert runstate.find(dusk.id) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host_of(0), dusk.port), timeout=1.0)


@pytest.mark.slow
def test_lamps_that_lie_make_the_accounts_disagree_and_dusk_end_with_1(dusk: Dusk) -> None:
    done = dusk.run(*SOUND, "--lying-lamps", "0.01")
    assert done.returncode == 1, done.stdout + done.stderr
    figures = dusk.figures(done)
    assert (figures["applied"], figures["disagree"]) == (540, 5)
    lines = [line for line in done.stdout.splitlines() if "the city says" in line]
    assert len(lines) == 5
    assert all(line.endswith("the city says APPLIED ok, but its level is 0.0") for line in lines)


def test_a_field_that_cannot_start_is_one_line_and_exit_code_1(dusk: Dusk) -> None:
    with socket.socket() as taken:
        taken.bind((host_of(0), dusk.port))
        taken.listen()
        done = dusk.run(*SOUND)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"dusk: field: {host_of(0)}:{dusk.port} (cabinet dij-c001): "
        "the address is taken; is a field running?\n"
    )


def test_a_city_that_cannot_be_drawn_is_one_line_and_exit_code_2(dusk: Dusk) -> None:
    done = dusk.run(lamps=5)
    assert done.returncode == 2
    assert done.stderr == "dusk: lamps: 5, allowed 10 to 990 (1 to 99 behind each of 10 cabinets)\n"
