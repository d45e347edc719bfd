"""The parts of a world of traffic: its pace, its buses, its streets, its city file."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.cli import traffic, traffic_frame
from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.errors import ConfigError, UsageError
from jacquemart.traffic import streets
from jacquemart.traffic.city_file import SLOTS, write_city
from jacquemart.traffic.field_process import FieldProcess
from jacquemart.traffic.fleet import Fleet
from jacquemart.traffic.pace import FORGIVEN_S, Pace
from jacquemart.traffic.world import FILE, World, prepare


@given(st.lists(st.floats(0.0, 0.15), min_size=20, max_size=60), st.sampled_from((0.5, 1.0, 4.0)))
def test_small_delays_are_made_good_so_that_simulated_time_keeps_up(
    delays: list[float], speed: float
) -> None:
    now, pace = 100.0, Pace(0.2 * speed, speed, 100.0)
    for delay in delays:
        now += pace.wait_s(now) + delay
    behind = now - 100.0 - 0.2 * len(delays)
    assert -0.21 <= behind <= FORGIVEN_S + 0.15
    assert pace.lost_s == 0.0


def test_what_cannot_be_kept_up_with_is_given_up_and_told() -> None:
    pace = Pace(0.2, 1.0, 0.0)
    assert pace.wait_s(0.0) == 0.0
    assert pace.wait_s(0.05) == pytest.approx(0.15)
    assert pace.wait_s(30.0) == 0.0
    assert pace.lost_s == pytest.approx(29.6)
    assert pace.wait_s(30.0) == pytest.approx(0.2), "no burst to make it good"
    assert pace.held(30.0) == pytest.approx(4 * 0.2 / 30.0)
    with pytest.raises(UsageError, match=r"found 50; allowed: 0\.1 to 20"):
        Pace(0.2, 50.0, 0.0)


RUNS = st.lists(st.sets(st.sampled_from([f"run-{n}" for n in range(8)]), max_size=8), max_size=12)


@given(RUNS, st.integers(0, 5))
def test_each_run_has_one_bus_for_as_long_as_it_lasts(steps: list[set[str]], size: int) -> None:
    fleet = Fleet([f"bus-{n}" for n in range(size)])
    known: dict[str, str] = {}
    for runs in steps:
        came, gone = fleet.come(sorted(runs))
        assert set(fleet.on.values()) | fleet.unknown == runs
        assert not set(fleet.on.values()) & fleet.unknown
        assert len(fleet.on) <= size
        for run in runs & known.keys():
            assert fleet.bus_of(run) == known[run], "it keeps its bus"
        known = {run: fleet.bus_of(run) for run in runs}
        assert set(came) <= set(fleet.on)
        assert not set(gone) & (set(fleet.on) - set(came))


def test_a_world_is_made_saved_read_and_declared_as_a_city(tmp_path: Path) -> None:
    world = prepare(tmp_path, network="pair", seed=3, buses=3, rsmp_port=23_456)
    assert World.load(tmp_path) == world
    models = world.models()
    assert {model.id for model in models} == set(world.signals)
    assert all(model.detectors for model in models), "loops at their stop lines"
    approaches = world.approaches(models)
    assert approaches
    city = load_city(write_city(world, approaches, 23_457, ask="need"))
    ids = {device.id for device in city.devices}
    assert ids == {*world.signals.values(), *world.fleet, "priority", "feed"}
    carried = city.templates["broker"].options["city_tables"]
    assert len(carried["approaches"]) == len(approaches)
    assert carried["priority"]["bus"]["ask"] == "need"
    names = {point.name for point in city.templates["signal"].points}
    assert {f"priority_{n + 1}" for n in range(SLOTS)} <= names
    again = tmp_path / "again"
    again.mkdir()
    prepare(again, network="pair", seed=3, buses=3)
    traffic_of = [(folder / "traffic.rou.xml").read_text() for folder in (tmp_path, again)]
    assert traffic_of[0] == traffic_of[1], "the same seed gives the same traffic"


def test_a_configuration_tells_its_lines_itself(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    prepare(inner, network="crossing", headway_s=60)
    config = tmp_path / "own.sumocfg"
    config.write_text(
        '<configuration><input><net-file value="inner/crossing.net.xml"/>'
        '<route-files value="inner/traffic.rou.xml"/></input></configuration>'
    )
    outer = tmp_path / "outer"
    outer.mkdir()
    world = prepare(outer, config=config)
    assert set(world.lines.values()) == set(range(1, len(world.lines) + 1))
    assert world.approaches(world.models())
    assert world.scenario().config == config


def test_what_is_wrong_with_streets_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found network 'moon'; allowed: a file, or crossing"):
        prepare(tmp_path, network="moon")
    with pytest.raises(ConfigError, match="no such file"):
        prepare(tmp_path, config=tmp_path / "none.sumocfg")
    empty = tmp_path / "empty.sumocfg"
    empty.write_text("<configuration/>")
    with pytest.raises(ConfigError, match="names no network"):
        prepare(tmp_path, config=empty)
    no_network = tmp_path / "wrong.net.xml"
    no_network.write_text("<net")
    with pytest.raises(ConfigError, match="no network of SUMO"):
        prepare(tmp_path, network=str(no_network))
    with pytest.raises(ConfigError, match="it is no world"):
        World.load(tmp_path)
    (tmp_path / FILE).write_text("[]")
    with pytest.raises(ConfigError, match="it is no world"):
        World.load(tmp_path)
    assert set(streets.DRAWN) == {"crossing", "pair", "arterial", "grid"}


def test_a_field_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="it is no world"):
        FieldProcess(tmp_path)


def test_arguments_out_of_range_are_refused_before_anything_starts() -> None:
    parser = argparse.ArgumentParser()
    traffic.add(parser.add_subparsers())
    good = parser.parse_args(["traffic", "--speed", "2.5", "--buses", "7"])
    assert (good.speed, good.buses, good.ask) == (2.5, 7, "always")
    for wrong in (["--speed", "0"], ["--speed", "x"], ["--buses", "0"], ["--ask", "maybe"],
                  ["--network", "a", "--sumocfg", "b"], ["--seconds", "-1"]):  # fmt: skip
        with pytest.raises(SystemExit):
            parser.parse_args(["traffic", *wrong])


def test_a_frame_shows_signals_buses_and_figures() -> None:
    from rich.console import Console

    event = {
        "event": "priority_granted", "subject": "signal-A0", "time_ns": 1,
        "detail": {"vehicle": "bus-01", "group": 9, "state": "activated"},
    }  # fmt: skip
    look = {
        "time_s": 3_725.2, "times_real_time": 1.0, "lost_s": 2.5, "unknown_buses": 1,
        "signals": {
            "signal-A0": {
                "shown": "GGrr" * 9, "fault": "", "connected": True, "stage": 1,
                "counts": {"activated": 2}, "requests": [{"phase": "activated", "group": 9}],
            }
        },
        "buses": {"bus-01": {"line": 3, "speed_mps": 10.0}, "bus-02": {"line": 1, "speed_mps": 0}},
        "observed": {
            "bus": {"arrived": 4, "mean_loss_s": 12.5, "under_way": 2, "longest_wait_s": 31}
        },
        "city": {
            "signals": {"signal-A0": {"state": 1.0, "plan_state": None}},
            "buses": {"bus-01": {"latitude": 47.32, "longitude": 5.04, "delay": 95.0}},
            "events": [event],
        },
    }  # fmt: skip
    console = Console(width=130, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(traffic_frame.frame(look))
    text = console.export_text()
    for part in ("01:02:05", "2.5 s could not be kept up with", "no fault", "signal-A0", "normal",
                 "activated 9", "36 km/h", "47.32000 5.04000", "95 s", "not seen yet",
                 "granted by signal-A0 to bus-01 group 9", "12.5 s", "31 s",
                 "and 1 that"):  # fmt: skip
        assert part in text, part
