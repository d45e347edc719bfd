"""The driver of the guide: it is what the guide shows, it passes its cards, its city loads."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from jacquemart.drivers.conformance import Peer, PeerField, prove
from jacquemart.drivers.registry import load_driver
from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "first_driver"
POINTS = (
    PointSpec("brightness", low=0.0, high=255.0, writable=True),
    PointSpec("temperature", low=-40.0, high=80.0),
)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield importlib.import_module("first_driver")
    sys.modules.pop("first_driver")


class FolderPeer(Peer):
    """Folders and files, which can neither hold an answer back nor cut a link."""

    folder: Path

    async def start(self) -> PeerField:
        self.root = self.folder / "leds"
        for device in ("led-1", "led-2"):
            (self.root / device).mkdir(parents=True)
            for point in POINTS:
                await self.change(device, point.name, 0.0)
        link = LinkSpec("leds", "files", "z", {"root": str(self.root)})
        devices = [DeviceSpec(name, "led", "z", "leds") for name in ("led-1", "led-2")]
        return PeerField(link, [(device, POINTS) for device in devices])

    async def stop(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    async def value(self, device: str, point: str) -> float:
        return float((self.root / device / point).read_text())

    async def change(self, device: str, point: str, value: float) -> None:
        (self.root / device / point).write_text(f"{value:g}\n")

    async def refuse(self, on: bool) -> None:
        self._move(self.root, self.folder / "gone", on)

    async def silence(self, device: str, on: bool) -> None:
        self._move(self.root / device, self.folder / f"{device} gone", on)

    async def spoil(self, device: str, point: str, on: bool) -> None:
        (self.root / device / point).write_text("nan\n" if on else "5\n")

    def unencodable(self, device: str, point: str) -> float:
        return float("-inf")

    @staticmethod
    def _move(here: Path, away: Path, on: bool) -> None:
        if here.exists() == on:
            (here if on else away).rename(away if on else here)


def test_the_first_driver_passes_every_card_its_peer_can_play(
    example: ModuleType, tmp_path: Path
) -> None:
    peer = type("Peer", (FolderPeer,), {"driver": example.FileDriver, "folder": tmp_path})
    report = prove(peer)
    assert report.passed, report.text()
    skipped = {result.card.id: result.detail for result in report.results}
    assert {"DC-020", "DC-310", "DC-270", "DC-610"} <= {
        result.card.id for result in report.results if result.verdict == "skip"
    }
    assert skipped["DC-020"] == "the driver checks no options"
    assert report.count("pass") >= 12


def test_the_first_city_loads_and_names_the_driver(example: ModuleType) -> None:
    city = load_city(EXAMPLE / "city.toml")
    assert load_driver(city.links[0].driver) is example.FileDriver
    assert [device.id for device in city.devices] == ["lamp-1"]


def test_the_guide_shows_the_driver_and_the_city_as_they_are() -> None:
    guide = (ROOT / "docs" / "guides" / "drivers.md").read_text()
    for name in ("first_driver.py", "city.toml"):
        text = (EXAMPLE / name).read_text()
        body = text if name.endswith(".py") else text[text.index("[city]") :]
        assert body.strip() in guide, f"{name} in the guide is out of date"


def test_the_first_driver_is_about_thirty_lines() -> None:
    lines = (EXAMPLE / "first_driver.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 35
