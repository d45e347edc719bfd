"""Signals, sensors and cameras of the example city: drawn, loaded, and alive on their field."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from patience import wait_until

from jacquemart import Client
from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.testing import LocalCity

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "dijon"
sys.path.insert(0, str(EXAMPLE))

import generate  # noqa: E402

PARTS = {
    "signal_controller": ("signals", "signal_lines", "signal_line"),
    "traffic_sensor": ("traffic_sensors", "traffic_lines", "traffic_line"),
    "environmental_sensor": ("environmental_sensors", "environment_lines", "environment_line"),
    "camera": ("cameras", "video_lines", "video_line"),
}


def small_city(folder: Path, scale: float) -> CitySpec:
    """Draw the four parts at a scale, and load them with their templates."""
    generate.generate(folder / "generated", scale=scale, only=[*PARTS])
    communes = "".join(f"[zones.{c.zone}]\n" for c in generate.read_communes())
    text = f'[city]\nid = "small"\n{communes}'
    templates = ""
    for name, (devices, lines, line) in PARTS.items():
        template = 'template = "template", ' if name == "camera" else ""
        templates += (EXAMPLE / "templates" / f"{name}.toml").read_text()
        text += f"""
[[inventory]]
file = "generated/{lines}.csv"
makes = "links"
template = "{line}"
columns = {{ id = "id", zone = "zone" }}
[[inventory]]
file = "generated/{devices}.csv"
makes = "devices"
{"" if template else f'template = "{name}"'}
columns = {{ {template}id = "id", name = "name", zone = "zone", link = "link", lat = "lat", lon = "lon" }}
"""  # noqa: E501
    (folder / "city.toml").write_text(f"{text}\n{templates}")
    return load_city(folder / "city.toml")


def qualities(client: Client, point: str, kind: str) -> list[int]:
    """Return the quality of a point of all devices of a kind."""
    return [row[2] for row in client.ls(f"*/{point}", kind=kind)["rows"]]


def test_the_counts_are_dijons(tmp_path: Path) -> None:
    counts = generate.generate(tmp_path, only=[*PARTS])
    assert counts == {
        "signal_controller": 113,
        "traffic_sensor": 900,
        "environmental_sensor": 1_100,
        "camera": 269,
    }
    lines = (tmp_path / "cameras.csv").read_text().splitlines()
    moving = sum(",camera_ptz," in line for line in lines)
    assert len(lines) == 270
    assert 80 <= moving <= 135


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> LocalCity:
    folder = tmp_path_factory.mktemp("dijon")
    with LocalCity(small_city(folder, 0.05)) as running:
        yield running


def test_all_of_them_are_heard(city: LocalCity) -> None:
    client = city.client()
    for kind, count, point in (
        ("signal_controller", 6, "state"),
        ("traffic_sensor", 45, "count"),
        ("environmental_sensor", 55, "no2"),
        ("camera", 13, "online"),
    ):
        assert len(qualities(client, point, kind)) == count
        wait_until(lambda p=point, k=kind: not any(qualities(client, p, k)))


def test_a_controller_takes_mode_and_plan_and_shows_what_it_does(city: LocalCity) -> None:
    client = city.client()
    assert client.set("dij-t001/mode", "yellow_flash").applied
    wait_until(lambda: client.get("dij-t001/state").value == 2.0)
    assert client.set("dij-t001/mode", 0).applied
    refused = client.set("dij-t001/plan", 9)
    assert (refused.status.name, refused.reason) == ("REJECTED", "out_of_range")
    assert client.set("dij-t001/plan", 3, within_s=15).applied


def test_a_camera_turns_to_a_preset_by_name_and_never_moves_for_long(city: LocalCity) -> None:
    client = city.client()
    moving = next(device.id for device in city.spec.devices if device.template == "camera_ptz")
    assert client.command(moving, "preset", "square").value == 2.0
    assert client.command(moving, "pan", -3.0).value == -1.0, "speeds are clamped"
    wait_until(lambda: client.get(f"{moving}/pan").value == 0.0)
    assert client.why(moving)["texts"] == {"stream": f"rtsp://video.dijon.example/{moving}"}


def test_a_camera_that_turns_is_stopped_with_its_city(tmp_path: Path) -> None:
    text = """
[city]
id = "one"
[zones.centre]
[links.turning]
driver = "simulated"
zone = "centre"
latency_ms = 5
[templates.camera]
kind = "camera"
driver = "simulated"
options = { move_s = 10 }
[templates.camera.points]
online = { address = { initial = 1 } }
recording = { address = { initial = 1 } }
tampering = { address = {} }
pan = { address = {} }
[[device]]
id = "camera-1"
template = "camera"
link = "turning"
"""
    (tmp_path / "city.toml").write_text(text)
    field = SimulatedField.of("turning")
    try:
        with LocalCity(load_city(tmp_path / "city.toml")) as city:
            assert city.client().command("camera-1", "pan", 1.0).applied
            assert field.value("camera-1/pan") == 1.0
        assert field.value("camera-1/pan") == 0.0
    finally:
        SimulatedField.forget("turning")
