"""A device cell whose boot-time clock is not its zone's: far ahead, or of a host just started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_city import write_small_city, writes

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.directory import CellAddress, CellConfig
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.testing import LocalCity

NOW = SystemClock().boot_ns
MS = 1_000_000


class OtherClock:
    """The clocks of a host that was started at another time."""

    def __init__(self, shows_ns: int) -> None:
        self._ahead_ns = shows_ns - NOW()

    def boot_ns(self) -> int:
        return NOW() + self._ahead_ns

    def wall_ns(self) -> int:
        return time.time_ns()


class TwoClocks(LocalCity):
    """Its device cell lives by another clock than all others."""

    def __init__(self, path: Path, shows_ns: int) -> None:
        super().__init__(path)
        self.clock = OtherClock(shows_ns)

    def _start(self, config: CellConfig) -> CellAddress:
        if config.role != "device":
            return super()._start(config)
        host = self.hosts[config.name] = CellHost(config, self.clock)
        return host.start()


@pytest.fixture(params=["a day ahead", "five seconds old"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TwoClocks]:
    shows = NOW() + 86_400_000 * MS if request.param == "a day ahead" else 5_000 * MS
    try:
        with TwoClocks(write_small_city(tmp_path), shows) as made:
            yield made
    finally:
        SimulatedField.forget("st-north")


def check_times(outcome: Outcome, sent: int, ended: int) -> None:
    """Check that all that a client is told of times is by the clock that it knows."""
    stages = [at for at in outcome.stages if at]
    assert stages == sorted(stages)
    assert sent - 500 * MS <= stages[0] <= stages[-1] <= ended + 500 * MS


def test_commands_holds_and_bulk_commands_mean_the_same_time_there(city: TwoClocks) -> None:
    client = city.client()
    for value in (10.0, 20.0, 30.0):
        sent = NOW()
        outcome = client.set("north-1/setpoint", value, within_s=2.0)
        assert outcome.applied, outcome
        check_times(outcome, sent, NOW())
    sent = NOW()
    result = client.set_all("setpoint", 55.0, zone="north", within_s=2.0)
    assert result.counts() == {"APPLIED": 3}
    for at in result.outcomes:
        check_times(at, sent, NOW())
    assert client.hold("north-2/setpoint", 70.0, why="work", within_s=2.0).applied
    assert writes("north-2") == [55.0, 70.0]


def test_what_waited_in_a_frozen_cell_for_too_long_is_not_executed_there(
    city: TwoClocks,
) -> None:
    client = city.client()
    assert client.set("north-1/setpoint", 10.0, within_s=2.0).applied
    city.freeze("device-1", 0.6)
    sent = NOW()
    outcome = client.set("north-1/setpoint", 99.0, within_s=0.3)
    assert outcome.status is Status.EXPIRED, outcome
    assert NOW() >= sent + 300 * MS, "not told before it was true"
    assert client.set("north-1/setpoint", 20.0, within_s=2.0).applied
    assert writes("north-1") == [10.0, 20.0]
