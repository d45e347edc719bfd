"""top: one frame, one document, and the live view in a real pseudo-terminal."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from typing import Any

import canned_city
import pytest
from fake_gateway import FakeGateway

from jacquemart.cli import main
from jacquemart.cli.sample import Sample, loads
from jacquemart.runtime.model.errors import CellUnreachable


def top_answers() -> Any:
    """Answer ``top`` with counters that grow: half a core, and 40 commands a look."""
    looks = iter(range(1_000_000))

    def answer(_: dict[str, Any]) -> dict[str, Any]:
        look = next(looks)
        return {
            "directory": 4,
            "cells": [
                canned_city.cell("gateway-1", "gateway", 1.0, 40 * look),
                canned_city.cell("device-1", "device", 2.0, 0, failures=["ValueError: \x1b[2J"]),
                {"name": "device-2", "role": "device", "pid": 99, "error": "does not answer"},
            ],
        }

    return answer


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        one.answers.update(
            zones=canned_city.zones(), events=canned_city.events(), top=top_answers()
        )
        yield one


def sample(taken_s: float, *cells: dict[str, Any]) -> Sample:
    return Sample(taken_s, 0, canned_city.zones(), cells, 1, [])


def test_rates_are_taken_between_two_looks_at_the_same_incarnation() -> None:
    before = sample(10.0, canned_city.cell("a", "device", 5.0, 100))
    now = sample(12.0, canned_city.cell("a", "device", 5.5, 300))
    (load,) = loads(now, before)
    assert load.cpu_share == pytest.approx(0.25)
    assert load.commands_per_s == pytest.approx(100.0)
    assert loads(now, None)[0].cpu_share is None
    replaced = sample(12.0, canned_city.cell("a", "device", 0.1, 1, epoch=8))
    assert loads(replaced, before)[0].commands_per_s is None


def test_a_cell_that_does_not_answer_says_why() -> None:
    lost = {"name": "device-2", "role": "device", "pid": 99, "error": "does not answer"}
    (load,) = loads(sample(2.0, lost), sample(1.0, lost))
    assert (load.rss_mb, load.cpu_share, load.note) == (None, None, "does not answer")


def test_one_frame_is_printed_where_there_is_no_terminal(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["top", "--interval", "0.05", "--api", gateway.api]) == 0
    text = capsys.readouterr().out
    assert "Testville  1,990 of 2,000 devices online  3 cells, 177 MB" in text
    for said in ("all of Testville", "stale", "device-2", "does not answer", "lamp_fault"):
        assert said in text
    assert all(line.isprintable() for line in text.splitlines())


def test_a_program_gets_one_document(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--json", "--interval", "0.05", "--api", gateway.api]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["city"] == "Testville"
    assert found["zones"][1]["stale"] is True
    first, second, third = found["cells"]
    assert first["commands_per_s"] > 0
    assert second["cpu_share"] == 0.0
    assert third["note"] == "does not answer"
    assert third["cpu_share"] is None
    assert [event["name"] for event in found["events"]] == ["link_down", "lamp_fault", "link_up"]


def own_size(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which a terminal is as large as it is: workers of tests say else."""
    return {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}


class Terminal:
    """A process on a pseudo-terminal of its own."""

    def __init__(self, *words: str, rows: int = 24, columns: int = 80) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jacquemart.cli", *words],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=own_size({**os.environ, "TERM": "xterm-256color"}),
            # The controlling terminal of its session, so that Ctrl-C is a signal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.seen = b""

    def until(self, text: str, timeout_s: float = 60.0) -> None:
        give_up = time.monotonic() + timeout_s
        while text.encode() not in self.seen:
            assert time.monotonic() < give_up, self.seen.decode(errors="replace")
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += self._read()

    def end(self, timeout_s: float = 60.0) -> int:
        give_up = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "it does not end"
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += self._read()
        while select.select([self.master], [], [], 0.05)[0]:
            more = self._read()
            if not more:
                break
            self.seen += more
        return self.process.returncode

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65_536)
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def live(gateway: FakeGateway, **size: int) -> Terminal:
    return Terminal("top", "--interval", "0.1", "--api", gateway.api, **size)


@pytest.mark.parametrize(("rows", "columns"), [(24, 80), (40, 140), (6, 20)])
def test_the_live_view_ends_on_q_and_gives_the_terminal_back(
    gateway: FakeGateway, rows: int, columns: int
) -> None:
    terminal = live(gateway, rows=rows, columns=columns)
    try:
        terminal.until("Testville")
        looks = len(gateway.queries)
        while len(gateway.queries) < looks + 6:  # it goes on asking
            terminal.until("Testville")
            time.sleep(0.05)
        os.write(terminal.master, b"xq")
        assert terminal.end() == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
        assert b"\x1b[?1049l" in terminal.seen  # the screen that was there before is back
        assert b"\x1b[?25h" in terminal.seen  # and the cursor is visible
        assert b"Traceback" not in terminal.seen
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_live_view_in_order(gateway: FakeGateway, number: int) -> None:
    terminal = live(gateway)
    try:
        terminal.until("Testville")
        terminal.process.send_signal(number)
        assert terminal.end() == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
        assert b"\x1b[?1049l" in terminal.seen
        assert b"Traceback" not in terminal.seen
    finally:
        terminal.close()


def test_ctrl_c_in_the_terminal_is_a_signal(gateway: FakeGateway) -> None:
    terminal = live(gateway)
    try:
        terminal.until("Testville")
        os.write(terminal.master, b"\x03")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_a_city_that_stops_answering_stays_in_view_with_its_trouble(gateway: FakeGateway) -> None:
    terminal = live(gateway, columns=140)
    try:
        terminal.until("Testville")
        gateway.answers["zones"] = CellUnreachable("centre-1 does not answer")
        terminal.until("centre-1 does not answer")
        gateway.answers["zones"] = {**canned_city.zones(), "city": "Testville is back"}
        terminal.until("Testville is back")
        os.write(terminal.master, b"q")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_figures_that_nobody_measured_are_dashes(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = canned_city.zones()
    zones["zones"] = []
    zones["total"] = {"kinds": {"street_light": canned_city.lamps(0, 0, math.nan, 0)}}
    gateway.answers.update(zones=zones, events=[])
    assert main(["top", "--once", "--interval", "0.05", "--api", gateway.api]) == 0
    assert "0 of 0 devices online" in capsys.readouterr().out
