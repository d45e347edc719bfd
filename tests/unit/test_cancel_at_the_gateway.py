"""What a gateway says of a command that is taken back, when not all who may have it answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from jacquemart.runtime.cell.withdrawing import UNKNOWN
from jacquemart.runtime.gateway.cancelling import cancel
from jacquemart.runtime.model.directory import CellAddress, Directory
from jacquemart.runtime.model.errors import CellUnreachable

ID = bytes(range(16))
NOTHING = {"known": 0, "others": False, "bulk": False, "cancelled": 0, "too_late": 0, "asked": 0,
           "outcome": None}  # fmt: skip


def cell(name: str, role: Any) -> CellAddress:
    return CellAddress(name, role, 1, "", "", 1, "")


CITY = Directory(
    1,
    {
        "zone-0": cell("zone-0", "zone"),
        "zone-1": cell("zone-1", "zone"),
        "device-1": cell("device-1", "device"),
    },
    {},
    {"north": "zone-0", "south": "zone-1"},
)


class Cells:
    """Answer as told; who has no answer is silent. They write down what they are asked."""

    def __init__(self, **answers: Mapping[str, Any]) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        self.longest_s: dict[str, float] = {}

    async def ask(self, name: str, verb: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        self.asked.append((name, verb, args))
        self.longest_s[verb] = timeout_s
        if name not in self.answers:
            raise CellUnreachable(f"{name} does not answer")
        return self.answers[name]

    def cancel(self) -> dict[str, Any]:
        args = {"id": ID, "principal": "ann"}
        return asyncio.run(cancel(self.ask, CITY, args, "anonymous"))


def test_a_bulk_command_is_not_called_taken_back_while_a_zone_cell_is_silent() -> None:
    told = Cells(zone_0={**NOTHING, "known": 1, "bulk": True, "cancelled": 4}).cancel()
    assert (told["cancelled"], told["too_late"], told["asked"]) == (4, 0, 1)


def test_a_command_has_one_zone_and_what_others_do_not_say_is_no_matter() -> None:
    told = Cells(zone_0={**NOTHING, "known": 1, "cancelled": 1}).cancel()
    assert (told["cancelled"], told["too_late"], told["asked"]) == (1, 0, 0)


def test_cells_are_asked_for_volatile_commands_only_and_who_waits_hears_in_five_seconds() -> None:
    cells = Cells(zone_0=NOTHING, device_1={"said": UNKNOWN, "frame": None})
    with pytest.raises(CellUnreachable):
        cells.cancel()
    withdrawn = [args for _, verb, args in cells.asked if verb == "withdraw"]
    assert withdrawn == [{"principal": "ann", "id": ID, "volatile": True}]
    assert cells.longest_s["cancel"] > 2.5, "a zone waits so long for the cell"
    assert sum(cells.longest_s.values()) < 5.0
