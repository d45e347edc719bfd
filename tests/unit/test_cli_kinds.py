"""kinds and command: what a kind declares, and the words that people use for its values."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jacquemart.cli import main
from jacquemart.runtime.city import load_city
from jacquemart.runtime.testing import LocalCity

CITY = """\
[city]
id = "words"
[zones.centre]
[links.line]
driver = "simulated"
zone = "centre"
[templates.signal]
kind = "signal_controller"
driver = "simulated"
[templates.signal.points]
mode = { address = {} }
mode_state = { address = {} }
local = { address = {} }
plan = { address = { initial = 1 } }
plan_state = { address = {} }
state = { address = { initial = 1 } }
status = { address = { initial = 32 } }
[templates.camera]
kind = "camera"
driver = "simulated"
options = { stream = "rtsp://video.example/{id}" }
[templates.camera.points]
online = { address = { initial = 1 } }
recording = { address = { initial = 1 } }
tampering = { address = {} }
preset = { words = ["home", "square"], address = {} }
pan = { address = {} }
[[device]]
id = "signal-1"
template = "signal"
link = "line"
[[device]]
id = "camera-1"
template = "camera"
link = "line"
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    path = tmp_path_factory.mktemp("words") / "city.toml"
    path.write_text(CITY)
    with LocalCity(load_city(path)) as running:
        yield running


def ask(city: LocalCity, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main([*words, "--api", city.api])
    return code, capsys.readouterr().out


def test_an_enumeration_is_set_and_shown_by_its_words(
    city: LocalCity, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = ask(city, capsys, "set", "signal-1/mode", "yellow_flash")
    assert (code, out.splitlines()[0]) == (0, "signal-1/mode  APPLIED  yellow_flash")
    for words in (("get", "signal-1/mode_state"), ("ls", "signal-1/mode_state"),
                  ("why", "signal-1/mode_state"),
                  ("watch", "signal-1/mode_state", "--count", "1")):  # fmt: skip
        code, out = ask(city, capsys, *words)
        assert code == 0
        assert " yellow_flash " in out, words
    _, out = ask(city, capsys, "get", "signal-1/mode_state", "--json")
    (found,) = json.loads(out)["readings"]
    assert (found["value"], found["word"]) == (1.0, "yellow_flash")
    _, out = ask(city, capsys, "ls", "signal-1/mode_state", "--json")
    assert json.loads(out)["rows"][0]["word"] == "yellow_flash"
    assert ask(city, capsys, "set", "signal-1/mode", "0")[0] == 0


def test_many_take_a_word_each_by_its_own_words(
    city: LocalCity, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = ask(city, capsys, "set", "*/mode", "yellow_flash", "--kind", "signal_controller")
    assert code == 0
    assert "1 APPLIED" in out
    code, out = ask(city, capsys, "set", "*/mode", "square", "--kind", "signal_controller")
    assert code == 1
    assert "bad_value" in out
    assert city.client().set_all("mode", "normal_control", kind="signal*").counts() == {
        "APPLIED": 1
    }


def test_a_wrong_word_is_refused_with_the_right_ones(
    city: LocalCity, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("green", "on"):
        code, out = ask(city, capsys, "set", "signal-1/mode", word)
        assert code == 1
        assert "REJECTED  bad_value" in out
        assert "normal_control, yellow_flash, dark" in out


def test_a_client_uses_words_and_commands_too(city: LocalCity) -> None:
    client = city.client()
    assert client.set("signal-1/mode", "dark").value == 2.0
    assert client.get("signal-1/mode_state").word == "dark"
    assert client.command("camera-1", "preset", "square").value == 1.0
    assert client.set("signal-1/mode", "normal_control").applied


def test_a_command_of_a_kind_is_sent_and_its_end_shown(
    city: LocalCity, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = ask(city, capsys, "command", "camera-1", "preset", "square")
    assert (code, out.splitlines()[0]) == (0, "camera-1 preset  APPLIED  1")
    code, out = ask(city, capsys, "command", "camera-1", "pan", "-0.5", "--json")
    assert (code, json.loads(out)["value"]) == (0, -0.5)
    for words, reason in (
        (("preset", "cellar"), "bad_value"),
        (("preset",), "bad_value"),
        (("stop", "1"), "bad_value"),
        (("pan", "1", "--unit", "m"), "wrong_unit"),
        (("fly",), "unknown_command"),
    ):
        code, out = ask(city, capsys, "command", "camera-1", *words)
        assert code == 1
        assert f"REJECTED  {reason}" in out
    assert ask(city, capsys, "command", "camera-9", "stop")[0] == 1


def test_why_shows_what_else_is_known_of_a_device(
    city: LocalCity, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = ask(city, capsys, "why", "camera-1")
    (line,) = (line for line in out.splitlines() if line.split()[:1] == ["stream"])
    assert line.split()[1] == "rtsp://video.example/camera-1"


def test_kinds_lists_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds"]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert rows["generic"][1] == "any"
    assert rows["signal_controller"][1] == "12"
    assert main(["kinds", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert {"camera", "street_light", "generic"} <= {kind["kind"] for kind in kinds}


def test_kinds_shows_what_one_declares(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "signal_controller"]) == 0
    out = capsys.readouterr().out
    assert "0 normal_control, 1 yellow_flash, 2 dark" in out
    assert "fed back by mode_state" in out
    assert "refused in local mode" in out
    assert main(["kinds", "camera", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    commands = {one["command"]: one for one in found["commands"]}
    assert commands["preset"]["takes"]["like"] == "preset"
    assert commands["stop"] == {
        "command": "stop", "about": "stops every movement", "volatile": True, "takes": None
    }  # fmt: skip
    points = {one["point"]: one for one in found["points"]}
    assert points["pan"]["range"] == [-1.0, 1.0]


def test_kinds_shows_a_class_of_ones_own_and_says_what_is_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "town_kinds.py").write_text(
        "from jacquemart.runtime.actor import DeviceActor, Point\n"
        "class Bell(DeviceActor):\n"
        '    """A bell | of a tower."""\n'
        '    kind = "bell"\n'
        '    points = (Point("strokes", "strokes so far", "count"),)\n'
        "nothing = 5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["kinds", "town_kinds:Bell"]) == 0
    assert "strokes so far" in capsys.readouterr().out
    assert main(["kinds", "town_kinds:Bell", "--markdown"]) == 0
    assert "| `strokes` |  | whole |" in capsys.readouterr().out
    assert main(["kinds", "bel"]) == 2
    assert "there are:" in capsys.readouterr().err
    assert main(["kinds", "town_kinds:nothing"]) == 1
    sys.modules.pop("town_kinds", None)
