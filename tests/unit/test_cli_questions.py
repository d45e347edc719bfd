"""get, ls, zones, events and why: what a person and a program see of a gateway's answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import canned_city
import pytest
from fake_gateway import FakeGateway

from jacquemart.cli import main
from jacquemart.runtime.model.errors import CellUnreachable, UnknownDevice
from jacquemart.runtime.model.quality import Quality


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        yield one


def ask(gateway: FakeGateway, *words: str) -> int:
    return main([*words, "--api", gateway.api])


def test_get_shows_value_quality_and_age(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["get"] = [
        canned_city.reading("lamp-1/level", 80.0, "%"),
        canned_city.reading("lamp-17/power", 41.333, "W", Quality.BAD_FED_BY),
        canned_city.reading("lamp-2/fault", math.nan, "", Quality.BAD_NEVER_READ),
    ]
    assert ask(gateway, "get", "lamp-1/level", "lamp-17/power", "lamp-2/fault") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "lamp-1/level     80.0 %  GOOD             5 min ago",
        "lamp-17/power  41.333 W  BAD(fed_by)      5 min ago",
        "lamp-2/fault          –  BAD(never_read)  never",
    ]
    assert gateway.queries[-1] == (
        "get",
        {"points": ["lamp-1/level", "lamp-17/power", "lamp-2/fault"], "words": True},
    )


def test_get_gives_a_program_null_for_nan(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    row = canned_city.reading("lamp-1/level", math.nan, "%", Quality.BAD_COMM)
    gateway.answers["get"] = [row]
    assert ask(gateway, "get", "lamp-1/level", "--json") == 0
    assert json.loads(capsys.readouterr().out)["readings"] == [
        {
            "point": "lamp-1/level",
            "value": None,
            "unit": "%",
            "quality": "BAD(comm)",
            "usable": False,
            "source_ns": row[3],
            "receive_ns": row[4],
        }
    ]


def test_get_asks_for_many_points_in_several_requests(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(args: dict[str, Any]) -> list[Any]:
        return [canned_city.reading(point, 1.0) for point in args["points"]]

    gateway.answers["get"] = answer
    points = [f"{'d' * 60}{at:04}/{'p' * 64}" for at in range(1_000)]
    assert ask(gateway, "get", *points, "--json") == 0
    found = json.loads(capsys.readouterr().out)["readings"]
    assert [row["point"] for row in found] == points
    assert len(gateway.queries) == 1 + 3


def test_an_unknown_device_is_the_citys_no(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["get"] = UnknownDevice("no device 'lamp-x'", advice="see `jacquemart ls`")
    assert ask(gateway, "get", "lamp-x/level") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "jacquemart: error: no device 'lamp-x' (see `jacquemart ls`)\n"


def test_an_error_for_a_program_is_one_json_line_on_stderr(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["why"] = CellUnreachable("device-1 does not answer", where="device-1")
    assert ask(gateway, "why", "lamp-1", "--json") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    found = json.loads(shown.err)
    assert found["exit"] == 1
    assert found["error"]["code"] == "cell_unreachable"
    assert found["error"]["where"] == "device-1"
    assert found["error"]["retryable"] is True


def test_ls_lists_devices(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["ls"] = {
        "total": 3,
        "of": "devices",
        "rows": [
            ["lamp-1", "street_light", "north", "Évariste\n1", "cab-1", "cab-1", 0],
            ["cab-1", "lighting_cabinet", "north", "", "cab-1", "", Quality.STALE_AGE],
        ],
    }
    assert ask(gateway, "ls", "--zone", "nor*", "--kind", "*", "--limit", "2") == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "DEVICE  KIND              ZONE   NAME         LINK   FED BY  WORST",
        r"lamp-1  street_light      north  Évariste\n1  cab-1  cab-1   GOOD",
        "cab-1   lighting_cabinet  north               cab-1          STALE(age)",
    ]
    assert shown.err == "jacquemart: 2 of 3 devices; --limit shows more\n"
    verb, args = gateway.queries[-1]
    assert (verb, args["zone"], args["kind"], args["limit"]) == ("ls", "nor*", "*", 2)


def test_ls_lists_points_with_their_values(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        [*canned_city.reading("lamp-1/setpoint", 80.0, "%"), True],
        [*canned_city.reading("lamp-1/level", 79.5, "%"), False],
    ]
    # ls says the unit after the times, as get does, and then whether it is writable.
    gateway.answers["ls"] = {"total": 2, "of": "points", "rows": rows}
    assert ask(gateway, "ls", "lamp-1/*") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["POINT", "VALUE", "QUALITY", "AGE"]
    assert lines[1:] == [
        "lamp-1/setpoint  80.0 %  GOOD     5 min ago  writable",
        "lamp-1/level     79.5 %  GOOD     5 min ago",
    ]
    assert ask(gateway, "ls", "lamp-1/*", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"], found["of"]) == (2, "points")
    assert found["rows"][0]["quality"] == "GOOD"
    assert found["rows"][0]["writable"] is True


def test_ls_asks_page_by_page_for_all(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [[f"d{at}", "generic", "north", "", "l", "", 0] for at in range(23_456)]

    def page(args: dict[str, Any]) -> dict[str, Any]:
        rows = devices[args["offset"] : args["offset"] + args["limit"]]
        return {"total": len(devices), "rows": rows, "of": "devices"}

    gateway.answers["ls"] = page
    assert ask(gateway, "ls", "--limit", "0", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["device"] for row in found["rows"]] == [row[0] for row in devices]
    assert len(gateway.queries) == 1 + 3


def test_zones_shows_each_zone_and_the_total(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["zones"] = canned_city.zones()
    assert ask(gateway, "zones") == 0
    lines = [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]
    figures = "power 61.5 kW, faults 2"
    assert lines == [
        ["ZONE", "KIND", "DEVICES", "ONLINE", "WORST", "SUMMARY"],
        ["north", "street_light", "1,200", "1,200", "GOOD", f"level 80.0 %, {figures}"],
        ["south", "street_light", "800", "790", "stale", f"level –, {figures}"],
        ["all of Testville", "street_light", "2,000", "1,990", "BAD(fed_by)",
         f"level 80.0 %, {figures}"],
    ]  # fmt: skip


def test_zones_for_a_program(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["zones"] = canned_city.zones()
    assert ask(gateway, "zones", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    south = found["zones"][1]
    assert (south["zone"], south["stale"]) == ("south", True)
    assert south["kinds"]["street_light"]["online"] == 790
    assert south["kinds"]["street_light"]["worst"] == "BAD(fed_by)"
    assert south["kinds"]["street_light"]["summary"]["level"] == {"value": None, "unit": "%"}
    assert found["total"]["street_light"]["devices"] == 2_000


def test_events_come_oldest_first(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["events"] = canned_city.events()
    assert ask(gateway, "events", "-n", "7") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.split(r"\s{2,}", line)[1:] for line in lines] == [
        ["info", "north", "cab-1", "link_up", "devices 55"],
        ["warning", "north", "lamp-2", "lamp_fault", "level 0"],
        ["fault", "south", "cab-3", "link_down", "devices 56, why connection refused"],
    ]
    assert gateway.queries[-1] == ("events", {"number": 7})


def test_events_of_one_zone_are_looked_for_far_back(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["events"] = canned_city.events()
    assert ask(gateway, "events", "--zone", "north", "-n", "1", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["subject"], found["severity"]) == ("lamp_fault", "lamp-2", 1)
    assert gateway.queries[-1] == ("events", {"number": 500})


def test_why_says_the_reasons_first(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["why"] = canned_city.why()
    assert ask(gateway, "why", "lamp-17") == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        "lamp-17: Rue de la Liberté 17, street_light in zone south",
        "link cab-3 is down: connection refused",
        "unreachable by cab-3, which is dead; no fault of lamp-17",
    ]
    text = [re.split(r"\s{2,}", line) for line in lines[4:]]
    assert ["link", "cab-3 is down: connection refused"] in text
    assert ["fed by", "cab-3"] in text
    assert ["its link is down: connection refused"] in text
    assert ["its contactor_state is 1, BAD(comm)"] in text
    assert ["last command", "set setpoint 80, by marie"] in text
    assert ["FAILED, not_following, level is 0.0"] in text
    assert ["dispatched +1.00 ms, finished +2,000 ms"] in text
    assert ["setpoint", "80.0 %", "BAD(fed_by)", "5 min ago",
            "0..100, writable, fed back by level, polled every 1.0 s"] in text  # fmt: skip
    assert ["burn_hours", "–", "BAD(never_read)", "never", "polled every 60 s"] in text


def test_why_for_a_program(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["why"] = canned_city.why()
    assert ask(gateway, "why", "lamp-17", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["reasons"][0].startswith("link cab-3 is down")
    assert found["last_command"]["id"] == "01" * 16
    assert found["last_command"]["dispatched_ns"] == 1_000_000
    assert found["last_command"]["acknowledged_ns"] is None
    assert found["points"][1]["value"] is None
    assert found["fed_by"]["points"]["contactor_state"]["quality"] == "BAD(comm)"


def test_names_from_an_inventory_cannot_act_on_the_terminal(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "x\x1b[2J\r\n\x9b31m\u202e"
    why = canned_city.why()
    why["name"] = why["reasons"][0] = why["link"]["error"] = hostile
    zones = canned_city.zones()
    zones["zones"][0]["zone"] = hostile
    gateway.answers.update(
        why=why,
        zones=zones,
        get=[canned_city.reading(f"{hostile}/p", 1.0, hostile)],
        events=[canned_city.event(hostile, hostile, hostile, 2, **{hostile: hostile})],
        ls={"total": 1, "of": "devices", "rows": [[*[hostile] * 6, 0]]},
    )
    for words in (["why", "x"], ["zones"], ["get", "a/b"], ["events"], ["ls"]):
        assert ask(gateway, *words) == 0
        for line in capsys.readouterr().out.splitlines():
            assert line.isprintable(), words
