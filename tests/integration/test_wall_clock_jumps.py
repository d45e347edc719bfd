"""N9: the wall clock jumps, and nothing with a deadline notices."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from patience import wait_until
from small_city import small_city, writes

from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.outcome import Outcome

HOUR_NS = 3_600 * 10**9
YEAR_2039_NS = 2_177_452_800 * 10**9


@pytest.mark.parametrize(
    "jump_ns",
    [HOUR_NS, -HOUR_NS, YEAR_2039_NS - time.time_ns()],
    ids=["an hour on", "an hour back", "past 2038"],
)
def test_n9_no_command_expires_and_no_cell_is_lost_when_the_wall_clock_jumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_ns: int
) -> None:
    offset = [0]
    monkeypatch.setattr(SystemClock, "wall_ns", lambda _: time.time_ns() + offset[0])
    with small_city(tmp_path) as city:
        client = city.client()
        outcomes: list[Outcome] = []
        stop = threading.Event()

        def command() -> None:
            while not stop.is_set():
                value = float(len(outcomes) % 100)
                outcomes.append(client.set("north-1/setpoint", value, within_s=3.0))

        thread = threading.Thread(target=command)
        thread.start()
        try:
            wait_until(lambda: len(outcomes) > 3)
            offset[0] = jump_ns
            before = len(outcomes)
            wait_until(lambda: len(outcomes) > before + 10)
        finally:
            stop.set()
            thread.join(10.0)
        assert [outcome for outcome in outcomes if not outcome.applied] == []
        assert len(writes("north-1")) == len(outcomes)
        wait_until(lambda: client.get("north-2/level").good, 5.0)
        zone = city.hosts["zone-0"]._service
        assert not zone.islanding.islanded
        names = {event[0] for _, event in zone.publisher.kept_events("e/north/")}
        assert not names & {"zone_islanded", "zone_lost", "link_down"}, names
