"""What a device has saved outlives a change that makes it another one: armed stays armed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from change_bench import KINDS, ChangeBench

from jacquemart.actors.generic import GenericDevice
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

LINKS = tuple(LinkSpec(id, "scripted", "north") for id in ("a", "b"))
ONE, TWO = (DeviceSpec(f"d{n}", "plain", "north", "a") for n in (1, 2))


class Remembering(GenericDevice):
    """Remembers a word."""

    __slots__ = ("began_with", "word")

    def __init__(self, *bound: Any) -> None:
        super().__init__(*bound)
        self.word = self.began_with = ""

    def on_start(self) -> None:
        self.began_with = self.word

    def on_stop(self) -> None:
        self.word = "stopped"

    def save(self) -> Mapping[str, Any]:
        if self.word == "raise":
            raise ZeroDivisionError
        return {"word": self.word} if self.word else {}

    def load(self, state: Mapping[str, Any]) -> None:
        self.word = state["word"]
        if self.word == "refuse":
            raise ZeroDivisionError


@pytest.mark.parametrize(
    "after",
    [
        replace(ONE, template="rich"),
        replace(ONE, index=3),
        replace(ONE, link="b"),
    ],
    ids=["another template", "another place", "another link"],
)
def test_a_device_that_changes_begins_with_what_it_has_saved(
    after: DeviceSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "generic", Remembering)

    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, LINKS, (ONE, TWO))
        before: Any = bench.cell.devices["d1"]
        before.word = "armed"
        await bench.change(LINKS, (after, TWO))
        now: Any = bench.cell.devices["d1"]
        assert now is not before
        assert now.began_with == "armed"
        assert bench.cell.devices["d2"].began_with == ""  # type: ignore[attr-defined]
        await bench.change(LINKS, (TWO,))
        await bench.change(LINKS, (ONE, TWO))
        again: Any = bench.cell.devices["d1"]
        assert again.began_with == "", "who was removed and comes later is somebody new"
        await bench.stop()

    run(story)


@pytest.mark.parametrize("word", ["raise", "refuse"])
def test_a_state_that_nobody_can_save_or_load_stops_no_change(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "generic", Remembering)

    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, LINKS, (ONE, TWO))
        failures: list[BaseException] = []
        bench.cell.failed = lambda _, error: failures.append(error)  # type: ignore[method-assign]
        bench.cell.devices["d1"].word = word  # type: ignore[attr-defined]
        bench.cell.devices["d2"].word = "armed"  # type: ignore[attr-defined]
        await bench.change(LINKS, (replace(ONE, index=3), replace(TWO, index=4)))
        assert [type(error) for error in failures] == [ZeroDivisionError]
        assert bench.cell.devices["d2"].began_with == "armed"  # type: ignore[attr-defined]
        await bench.stop()

    run(story)
