"""plan and apply: what an operator reads, and which city is meant."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jacquemart.cli import change_text, main, plan, progress
from jacquemart.runtime.cluster import plan_claims, runstate
from jacquemart.runtime.cluster.change_steps import steps_between
from jacquemart.runtime.cluster.control_client import Operator
from jacquemart.runtime.cluster.placement import place, replan
from jacquemart.runtime.cluster.plan_claims import claims_touched, touched
from jacquemart.runtime.cluster.plan_summary import summarize_change
from jacquemart.runtime.cluster.processes import identify
from jacquemart.runtime.kernel.change import compare
from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)
from jacquemart.runtime.model.claim import Claim

TEMPLATES = {"lamp": TemplateSpec("lamp", "light", "fake", (PointSpec("level"),))}
LINKS = (LinkSpec("l1", "fake", "north"), LinkSpec("l2", "fake", "south"))


def city(*devices: DeviceSpec, **more: Any) -> CitySpec:
    return CitySpec(
        "dijon", "Dijon", (ZoneSpec("north"), ZoneSpec("south")), TEMPLATES, LINKS, devices, **more
    )


def lamp(number: int, link: str = "l1", **more: Any) -> DeviceSpec:
    zone = "north" if link == "l1" else "south"
    return DeviceSpec(f"lamp-{number}", "lamp", zone, link, **more)


def summary(old: CitySpec, new: CitySpec) -> dict[str, Any]:
    before = place(old, 1, {})
    after = replan(before, new, {})
    steps = steps_between([{}], before, {}, after)
    return summarize_change(compare(old, new), before, after, steps, "abc123")


OLD = city(lamp(1), lamp(2), lamp(3), lamp(4, name="Quai"))
NEW = city(lamp(2, index=7), lamp(3, "l2"), lamp(4, name="Quai\n2"), lamp(5))


def test_a_plan_says_of_each_device_what_happens_and_why() -> None:
    lines = list(change_text.plan_lines(summary(OLD, NEW)))
    text = "\n".join(lines)
    assert lines[0] == "dijon: plan abc123"
    assert "1 added, 1 removed, 1 changed, 1 moved, 1 redescribed" in text
    assert "+ lamp-5  lamp, zone north, link l1" in text
    assert "- lamp-1" in text
    assert "~ lamp-2  index" in text
    assert "> lamp-3  link l1 -> l2; zone north -> south" in text
    assert ". lamp-4  name; goes on" in text
    assert "blind     3 devices" in text
    assert "holds     not known: only the running city knows who holds what" in text
    assert "alarms    not known" in text


def test_a_plan_tells_whose_holds_it_touches_and_which_end() -> None:
    def claim(device: str, verb: str = "hold", point: str = "level") -> Claim:
        return Claim(verb, device, point, 8, 40.0, "ann\n", "works")

    claims = [claim("lamp-1"), claim("lamp-2", "lockout", ""), claim("lamp-4"), claim("lamp-9")]
    moved = touched([claim("lamp-3")], compare(OLD, NEW))["named"]
    assert [one["ends"] for one in moved] == [True], "into another zone"
    holds = touched(claims, compare(OLD, NEW))
    assert json.loads(json.dumps(holds)) == holds
    text = "\n".join(change_text.plan_lines({**summary(OLD, NEW), "holds": holds}))
    assert "holds     2 stand on devices that are touched" in text
    assert r"! lamp-1/level  hold by ann\n, ends: works" in text
    assert "! lamp-2  lockout by ann" in text
    assert "only the running city" not in text
    assert touched(claims[3:], compare(OLD, NEW))["count"] == 0


def test_a_city_that_does_not_answer_makes_holds_unknown_and_no_plan_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_claims, "ASK_S", 0.2)
    holds = claims_touched("tcp://127.0.0.1:9", compare(OLD, NEW))
    assert holds["known"] is False
    assert "does not say" in holds["why"]


def test_a_long_list_is_cut_and_counted_unless_all_is_asked_for() -> None:
    new = city(*OLD.devices, *(lamp(n) for n in range(10, 40)))
    few = list(change_text.plan_lines(summary(OLD, new)))
    assert "    + … and 20 more" in few
    every = list(change_text.plan_lines(summary(OLD, new), every=True))
    assert sum(line.startswith("    + lamp-") for line in every) == 30


def test_names_from_files_never_move_a_cursor() -> None:
    new = city(*OLD.devices, DeviceSpec("lamp-\x1b[2J", "lamp", "north", "l1"))
    assert all(line.isprintable() for line in change_text.plan_lines(summary(OLD, new)))


def test_a_city_that_is_what_the_file_says_has_nothing_to_do() -> None:
    (line,) = change_text.plan_lines(summary(OLD, OLD))
    assert "nothing to do" in line


def test_a_setting_that_needs_a_restart_is_named_with_what_to_do() -> None:
    lines = list(change_text.plan_lines(summary(OLD, city(*OLD.devices, tick_ms=50))))
    assert "cannot be applied: city.tick_ms is 20 and would be 50" in lines[1]
    assert "stop the city" in lines[1]


class FakeOperator(Operator):
    """A warden that answers at once."""

    shown: dict[str, Any] = summary(OLD, NEW)
    applied: list[str] = []  # noqa: RUF012 - emptied by each test

    def plan(self, path: Any, progress: Any = None) -> dict[str, Any]:
        return self.shown

    def apply(self, path: Any, plan: str, progress: Any = None) -> dict[str, Any]:
        self.applied.append(plan)
        if progress is not None:
            progress({"waiting": ["zone-1"], "back": False})
        counts = {kind: part["count"] for kind, part in self.shown["devices"].items()}
        cells = {"changed": ["zone-1"], "started": [], "stopped": [], "replaced": ["device-1"]}
        return {"city": "dijon", "plan": plan, "seconds": 0.25, "devices": counts, "cells": cells}


@pytest.fixture
def warden(monkeypatch: pytest.MonkeyPatch) -> type[FakeOperator]:
    FakeOperator.applied = []
    monkeypatch.setattr(plan, "operator_of", lambda _: FakeOperator("", "dijon"))
    return FakeOperator


def test_apply_asks_and_does_nothing_unless_the_answer_is_yes(
    warden: type[FakeOperator], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in (("\n", 1), ("no\n", 1), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer, raising=False)
        assert main(["apply", "city.toml"]) == code
    assert warden.applied == ["abc123"]
    told = capsys.readouterr()
    assert "Apply this to dijon? [y/N]" in told.out
    assert "dijon changed in 0.2 s: 1 added" in told.out
    assert "device-1 lost and replaced" in told.out
    assert "waiting for zone-1" in told.err


def test_a_program_must_say_yes_itself(
    warden: type[FakeOperator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", "city.toml", "--json"]) == 2
    assert warden.applied == []
    capsys.readouterr()
    assert main(["apply", "city.toml", "--json", "--yes"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["plan"]["devices"]["added"]["count"] == 1
    assert document["result"]["seconds"] == 0.25


def test_a_plan_that_needs_a_restart_ends_with_one_and_is_not_applied(
    warden: type[FakeOperator], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warden, "shown", summary(OLD, city(*OLD.devices, tick_ms=50)))
    assert main(["plan", "city.toml"]) == 1
    assert "take it" not in capsys.readouterr().out, "nothing of it will be done"
    assert main(["apply", "city.toml", "--yes"]) == 1
    capsys.readouterr()
    assert main(["apply", "city.toml", "--yes", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["plan"]["restart"][0]["key"] == "city.tick_ms"
    assert document["result"] is None
    assert warden.applied == []


def test_which_city_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runstate, "folders", lambda: [tmp_path / "run"])
    assert main(["plan", "city.toml"]) == 3
    me = identify(os.getpid())
    assert me is not None
    for name in ("one", "two"):
        state = runstate.RunState(name, me.pid, me.started, control=str(tmp_path / "none.sock"))
        runstate.claim(state)
    assert main(["plan", "city.toml"]) == 2
    assert "--city: one, two" in capsys.readouterr().err
    assert main(["plan", "city.toml", "--city", "three"]) == 3
    assert main(["plan", "city.toml", "--city", "two"]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_whoever_runs_the_city_reads_that_it_changed() -> None:
    cell = {"name": "alone-2", "pid": 7, "epoch": 9}
    assert progress.line({"event": "cell_added", "cell": cell}) == (
        "cell alone-2 added: pid 7, epoch 9"
    )
    assert "nothing lives there" in progress.line({"event": "cell_removed", "cell": "alone-1"})
    changed = {"event": "city_changed", "seconds": 1.25, "devices": {"added": 1_500, "moved": 0}}
    assert progress.line(changed) == "city changed in 1.2 s: 1,500 added devices"
