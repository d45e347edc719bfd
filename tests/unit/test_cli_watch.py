"""watch: the state now, then changes, as lines; and how it ends."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import canned_city
import pytest
from fake_gateway import FakeGateway

from jacquemart.cli import main
from jacquemart.native import frames
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import messages

SHARD = "r/north/0/"
ROLLUPS = "z/north/"
EVENTS = "e/north/"


def columns(slots: dict[int, tuple[float, int]]) -> list[bytes]:
    """Return the columns of a batch or snapshot: slot -> value, quality."""
    count = len(slots)
    now = time.time_ns()
    return [
        struct.pack(f"<{count}I", *slots),
        struct.pack(f"<{count}d", *(value for value, _ in slots.values())),
        bytes(quality for _, quality in slots.values()),
        struct.pack(f"<{count}q", *[now] * count),
        struct.pack(f"<{count}q", *[now] * count),
    ]


def snapshot(args: dict[str, Any]) -> dict[str, Any]:
    """Answer ``snapshot``: two lamps; one zone's rollup; one event."""
    position = {"topic": args["topic"], "epoch": 1, "sequence": 5}
    if args["topic"] == ROLLUPS:
        rows = [["street_light", "level", 2, 2, 120.0, 40.0, 80.0, 0]]
        return {**position, "rows": rows}
    if args["topic"] == EVENTS:
        return {**position, "events": [[5, canned_city.event("door_open", "north", "cab-1", 1)]]}
    return {
        **position,
        "devices": [["lamp-1", "light"], ["lamp-2", "light"]],
        "templates": {"light": ["level", "fault"]},
        "units": {"light": ["%", ""]},
        "columns": columns(
            {0: (80.0, 0), 1: (0.0, 0), 2: (math.nan, Quality.BAD_NEVER_READ), 3: (0.0, 0)}
        ),
    }


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        one.answers["snapshot"] = snapshot
        yield one


def after_subscription(gateway: FakeGateway, topic: str, act: Callable[[], None]) -> None:
    """Act in another thread once somebody subscribed, and again: a message may come too early."""

    def wait() -> None:
        gateway.await_subscription(topic)
        time.sleep(0.2)
        act()

    threading.Thread(target=wait, daemon=True).start()


def test_watch_shows_the_state_then_each_change(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = frames.encode_batch(SHARD, 1, 6, *columns({0: (79.5, int(Quality.UNCERTAIN_RANGE))}))
    after_subscription(gateway, SHARD, lambda: gateway.publish(SHARD, batch))
    assert main(["watch", "lamp-*/level", "--count", "3", "--api", gateway.api]) == 0
    lines = [line.split()[1:] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["lamp-1/level", "80.0", "%", "GOOD"],
        ["lamp-2/level", "–", "BAD(never_read)"],
        ["lamp-1/level", "79.5", "%", "UNCERTAIN(range)"],
    ]


def test_watch_gives_a_program_one_line_for_each_reading(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "lamp-2", "--count", "2", "--json", "--api", gateway.api]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["point"], one["value"], one["quality"]) for one in found] == [
        ("lamp-2/level", None, "BAD(never_read)"),
        ("lamp-2/fault", 0.0, "GOOD"),
    ]


def test_rollups_are_watched_by_kind_and_point(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        ["street_light", "power", 2, 1, 9.0, 9.0, 9.0, 0],
        ["street_light", "level", 2, 1, 80.0, 80.0, 80.0, int(Quality.BAD_FED_BY)],
    ]
    frame = messages.encode_rollup(ROLLUPS, 1, 6, time.time_ns(), rows)
    after_subscription(gateway, ROLLUPS, lambda: gateway.publish(ROLLUPS, frame))
    words = ["watch", "--rollups", "*/level", "--zone", "north", "--count", "2"]
    assert main([*words, "--api", gateway.api]) == 0
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "north street_light/level 2 of 2 online mean 60.0 min 40.0 max 80.0 GOOD",
        "north street_light/level 1 of 2 online mean 80.0 min 80.0 max 80.0 BAD(fed_by)",
    ]
    assert main([*words[:-1], "1", "--json", "--api", gateway.api]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["zone"] == "north"
    assert (found["count"], found["online"], found["sum"], found["worst"]) == (2, 2, 120.0, "GOOD")
    assert found["stale"] is False


def test_events_are_watched_as_they_come(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    from jacquemart.runtime.model.event import Event

    def happen() -> None:
        for sequence, subject in ((6, "lamp-9"), (7, "cab-2")):
            event = Event("link_down", "north", subject, time.time_ns(), 2, {"devices": 3})
            gateway.publish(EVENTS, messages.encode_event(EVENTS, 1, sequence, event))

    after_subscription(gateway, EVENTS, happen)
    words = ["watch", "--events", "cab-*", "--count", "2", "--seconds", "5"]
    assert main([*words, "--api", gateway.api]) == 0
    assert [line.split()[2:] for line in capsys.readouterr().out.splitlines()] == [
        ["warning", "north", "cab-1", "door_open"],
        ["fault", "north", "cab-2", "link_down", "devices", "3"],
    ]


def test_watch_ends_after_its_seconds(gateway: FakeGateway) -> None:
    began = time.monotonic()
    assert main(["watch", "--seconds", "0.3", "--api", gateway.api]) == 0
    assert time.monotonic() - began < 20


def test_fewer_lines_than_asked_for_is_exit_code_1(gateway: FakeGateway) -> None:
    words = ["watch", "no-such-*", "--count", "1", "--seconds", "0.3"]
    assert main([*words, "--api", gateway.api]) == 1


def test_a_zone_that_is_none_is_refused_and_not_waited_for(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "--zone", "nord", "--api", gateway.api]) == 2
    assert capsys.readouterr().err == "jacquemart: error: no zone 'nord' (there are: north)\n"


def test_ctrl_c_is_exit_code_130(gateway: FakeGateway) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "jacquemart.cli", "watch", "--api", gateway.api],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "lamp-1/level" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_a_reader_that_goes_away_ends_it_quietly(gateway: FakeGateway) -> None:
    command = f"{sys.executable} -m jacquemart.cli watch --api {gateway.api}"
    batch = [
        frames.encode_batch(SHARD, 1, 6 + at, *columns({0: (float(at), 0)})) for at in range(50)
    ]

    def changes() -> None:
        for frame in batch:
            gateway.publish(SHARD, frame)
            time.sleep(0.02)

    after_subscription(gateway, SHARD, changes)
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 141
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
