"""Bad connections between the city and its field, and between a client and the gateway."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from logging_field import LoggingField
from storm import LAMPS, Storm, check, settle, stormy_city, until

from jacquemart.runtime.client import Client
from jacquemart.runtime.client.requests import END_AFTER_DEADLINE_S
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.testing.chaos import FAIR, ChaosProxy, Weather
from jacquemart.runtime.testing.chaos_messages import ChaosMessages, MessageWeather

LINE = [f"lamp-0-{number}" for number in range(LAMPS)]


@contextmanager
def scene(folder: Path) -> Iterator[tuple[LocalCity, ChaosProxy, LoggingField]]:
    """Run a city whose only line to the field goes through a proxy."""
    with (
        LoggingField() as field,
        ChaosProxy("127.0.0.1", field.port, seed=11) as proxy,
        stormy_city(folder, [(proxy.host, proxy.port)]) as city,
    ):
        yield city, proxy, field


def test_n4_a_storm_of_resets_repeats_no_write_and_ends_every_command(tmp_path: Path) -> None:
    with scene(tmp_path) as (city, proxy, field):
        storm, dice = Storm(city.client(), LINE), random.Random(4)
        with storm.blowing():
            for _ in range(25):
                time.sleep(dice.uniform(0.02, 0.12))
                proxy.reset()
        before = proxy.accepted
        assert before < 26 + 15, "each reset costs one connection, and few more"
        settle(city.client(), LINE)
        check(storm, field)
        assert storm.count(Status.APPLIED), "between two resets there is room for some"


@pytest.mark.parametrize(
    ("weather", "way_s"),
    [
        (Weather(delay_s=0.05, jitter_s=0.1), 0.15),
        (Weather(bytes_per_s=8_000), 0.1),
        (Weather(delay_s=0.6, jitter_s=0.3), 0.9),  # longer than the driver waits for an answer
        (Weather(slice_bytes=1, delay_s=0.005), 0.3),
    ],
    ids=["delay", "64 kbit", "d1 every answer too late", "slow drip"],
)
def test_n5_d1_deadlines_hold_however_slow_the_line(
    tmp_path: Path, weather: Weather, way_s: float
) -> None:
    with scene(tmp_path) as (city, proxy, field):
        storm = Storm(city.client(), LINE, within_s=0.8)
        with storm.blowing():
            proxy.both = weather
            time.sleep(1.5)
        proxy.both = FAIR
        settle(city.client(), LINE)
        check(storm, field, on_the_way_s=way_s)
        late = [one for one in storm.sent if one.outcome.stages.dispatched > one.deadline_ns]
        assert late == []
        for lamp in LINE:  # no late answer has become another lamp's value
            expected = [v for _, _, place, v in field.writes if place == int(lamp[-1])][-1]
            until(lambda: city.client().get(f"{lamp}/level").value == expected, 5.0)  # noqa: B023


def test_n7_a_line_that_comes_and_goes_makes_no_storm_of_connections(tmp_path: Path) -> None:
    with scene(tmp_path) as (city, proxy, field):
        storm = Storm(city.client(), LINE)
        with storm.blowing():
            for _ in range(5):
                proxy.down()
                time.sleep(0.3)
                proxy.up()
                time.sleep(0.3)
        assert proxy.accepted <= 12
        settle(city.client(), LINE)
        check(storm, field)


def test_n8_d4_half_open_is_noticed_by_time_outs_and_nothing_waits_for_ever(
    tmp_path: Path,
) -> None:
    with scene(tmp_path) as (city, proxy, field):
        client = city.client()
        settle(client, LINE)
        storm = Storm(client, LINE)
        with storm.blowing():
            time.sleep(0.2)
            proxy.both = Weather(swallow=True)
            seconds = until(lambda: not client.get("lamp-0-0/level").good, 5.0)
            assert seconds < 4 * LAMPS * 0.3, "a few answers that did not come, behind writes"
            time.sleep(0.8)
            proxy.both = FAIR
        settle(client, LINE)
        check(storm, field)
        assert storm.count(Status.INDETERMINATE, Status.REJECTED, Status.EXPIRED, Status.FAILED)


def test_d4_a_line_that_breaks_at_each_write_never_repeats_one(tmp_path: Path) -> None:
    with scene(tmp_path) as (city, proxy, field):
        storm = Storm(city.client(), LINE[:1])
        with storm.blowing():
            proxy.to_client = Weather(slice_bytes=16, reset_after=60)
            time.sleep(1.5)
        proxy.to_client = FAIR
        settle(city.client(), LINE)
        check(storm, field)


def test_d8_dead_lines_slow_no_healthy_one(tmp_path: Path) -> None:
    with LoggingField() as field, ChaosProxy("127.0.0.1", field.port) as dead:
        places = [("127.0.0.1", field.port)] * 9 + [(dead.host, dead.port)]
        with stormy_city(tmp_path, places) as city:
            client, healthy = city.client(), [f"lamp-{at}-0" for at in range(9)]
            settle(client, [*healthy, "lamp-9-0"])

            def p90_ms(number: int) -> float:
                times = []
                for at in range(number):
                    began = time.monotonic()
                    lamp = healthy[at % 9]
                    assert client.set(f"{lamp}/setpoint", 10 + at % 1_000).applied
                    times.append(time.monotonic() - began)
                return statistics.quantiles(times, n=10)[-1] * 1e3

            p90_ms(50)
            well = p90_ms(200)
            dead.both = Weather(stall=True)
            storm = Storm(city.client(), [f"lamp-9-{n}" for n in range(LAMPS)])
            with storm.blowing():
                sick = p90_ms(200)
            # Who waited for a dead line would wait for its time-out of 300 ms, each time.
            assert sick < 2 * well + 100.0, "no healthy line waits for a dead one"
            assert storm.count(Status.APPLIED) == 0


def test_n6_messages_that_come_twice_late_or_in_disorder_have_no_second_effect(
    tmp_path: Path,
) -> None:
    with (
        LoggingField() as field,
        stormy_city(tmp_path, [("127.0.0.1", field.port)]) as city,
        ChaosMessages(city.api, seed=6) as shim,
    ):
        client = Client(shim.endpoint)
        shim.to_server = MessageWeather(twice=0.5, late=0.5, late_s=0.1)
        shim.to_client = MessageWeather(twice=0.3, late=0.3, late_s=0.1)
        storm = Storm(client, LINE)
        with storm.blowing():
            time.sleep(2.0)
        client.close()
        check(storm, field, on_the_way_s=0.1)
        assert storm.count(Status.APPLIED) > 10
        assert shim.doubled > 10
        assert shim.delayed > 10


def test_n4_a_client_whose_connection_is_reset_gets_an_end_for_every_command(
    tmp_path: Path,
) -> None:
    with LoggingField() as field, stormy_city(tmp_path, [("127.0.0.1", field.port)]) as city:
        host, port = city.api.removeprefix("tcp://").split(":")
        with ChaosProxy(host, int(port), seed=9) as proxy:
            client = Client(f"tcp://{proxy.host}:{proxy.port}")
            storm, dice = Storm(client, LINE), random.Random(9)
            with storm.blowing():
                for _ in range(12):
                    time.sleep(dice.uniform(0.05, 0.25))
                    proxy.reset()
            settle(client, LINE)
            client.close()
        # The answer is gone with its connection: the client says so when none can come any more.
        check(storm, field, end_after_s=END_AFTER_DEADLINE_S + 1.0)
        assert storm.count(Status.APPLIED)
