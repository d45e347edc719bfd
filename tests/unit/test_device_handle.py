"""The handle of a device passes what it is told on to the one client of its process."""

from __future__ import annotations

from typing import Any

import pytest

from jacquemart.runtime.cluster import handle
from jacquemart.runtime.cluster.handle import DeviceHandle


class Recorder:
    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def command(self, *words: Any, **options: Any) -> str:
        self.said.append(("command", *words, options))
        return "ended"

    def set(self, *words: Any, **options: Any) -> str:
        self.said.append(("set", *words, options))
        return "ended"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(handle, "_client", lambda city, again=False: recorder)
    return recorder


def test_a_command_of_a_kind_goes_to_its_device(client: Recorder) -> None:
    bollard = DeviceHandle("bollard-1", "dijon")
    assert bollard.command("raise", timeout=3.0, priority=2) == "ended"
    assert bollard.command("preset", "square") == "ended"
    assert client.said == [
        ("command", "bollard-1", "raise", None, {"within_s": 3.0, "priority": 2}),
        ("command", "bollard-1", "preset", "square", {"within_s": 10.0}),
    ]


def test_a_point_is_set_by_value_or_word(client: Recorder) -> None:
    signal = DeviceHandle("signal-1", "dijon")
    signal.set("mode", "yellow_flash", timeout=20.0)
    assert client.said == [("set", "signal-1/mode", "yellow_flash", {"within_s": 20.0})]
