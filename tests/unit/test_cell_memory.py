"""What a device cell may say of commands of before: only what it, or its predecessor, had."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jacquemart.runtime.cell.asking import NEVER, SENT, UNSENT
from jacquemart.runtime.cell.ledger import Ledger, digest
from jacquemart.runtime.cell.resolve import Memory
from jacquemart.runtime.kernel.dedup import DedupWindow
from jacquemart.runtime.model.errors import UsageError

STARTED, CAME = 1_000, 5_000
ID = b"i" * 16


class Clock:
    now = STARTED

    def boot_ns(self) -> int:
        return self.now


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A cell that inherits a ledger in which nothing was sent, and later gets a shard more."""
    path = tmp_path / "ledger"
    Ledger.create(str(path))
    return of_a_cell(str(path))


def of_a_cell(inherits: str, ledger: Ledger | None = None) -> Memory:
    devices = {
        name: SimpleNamespace(shard=SimpleNamespace(spec=SimpleNamespace(id=shard)))
        for name, shard in (("old", "z/0"), ("grown", "z/0"), ("moved", "z/1"))
    }
    cell: Any = SimpleNamespace(
        clock=Clock(), config=SimpleNamespace(inherits=inherits), devices=devices,
        intake=SimpleNamespace(seen=DedupWindow[bytes](2)), ledger=ledger or Ledger(),
    )  # fmt: skip
    made = Memory(cell)
    made.leased("z/0")
    cell.clock.now = CAME
    made.came(["z/1"])
    made.came(["grown"])
    return made


def said(memory: Memory, accepted_ns: int, *device: str) -> str:
    ask: Any = memory.queries()["outcome_of"]
    [[known, _]] = ask({"commands": [["ann", ID, accepted_ns, *device]]})
    return str(known)


@pytest.mark.parametrize("device", ["moved", "grown"])
def test_of_a_shard_that_came_later_nobody_says_that_nothing_was_sent(
    memory: Memory, device: str
) -> None:
    """Its cell of before may have sent it: to say UNSENT or NEVER would be a second execution."""
    assert said(memory, STARTED - 1, device) == SENT
    assert said(memory, CAME - 1, device) == SENT
    assert said(memory, CAME, device) == NEVER


def test_of_a_shard_that_was_here_from_the_start_the_predecessor_tells(memory: Memory) -> None:
    assert said(memory, STARTED - 1, "old") == UNSENT
    assert said(memory, STARTED, "old") == NEVER


def test_who_names_no_device_is_told_what_holds_for_all(memory: Memory) -> None:
    assert said(memory, CAME - 1) == SENT
    assert said(memory, CAME) == NEVER
    assert said(memory, CAME - 1, "nobody") == SENT


def test_a_question_of_another_form_is_refused(memory: Memory) -> None:
    ask: Any = memory.queries()["outcome_of"]
    with pytest.raises(UsageError, match="accepted_ns"):
        ask({"commands": [["ann", ID]]})


def may_have_had(memory: Memory, first_ns: int, device: str) -> bool:
    return memory.may_have_had("ann", ID, first_ns, device)


def test_a_repeat_is_new_only_to_who_had_the_device_when_it_was_sent_first(memory: Memory) -> None:
    assert not may_have_had(memory, STARTED, "old")
    assert not may_have_had(memory, STARTED - 1, "old"), "the predecessor had not sent it"
    for device in ("moved", "grown"):
        assert may_have_had(memory, CAME - 1, device), "another cell had the device then"
        assert not may_have_had(memory, CAME, device)
    assert may_have_had(memory, CAME + 1, "old"), "that is by a clock of another start"


def test_what_the_predecessor_has_sent_or_may_have_it_may_have_had(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    Ledger.create(path).sent(digest("ann", ID), STARTED - 1)
    assert may_have_had(of_a_cell(path), STARTED - 1, "old")
    assert may_have_had(of_a_cell(str(tmp_path / "gone")), STARTED - 1, "old")
    assert may_have_had(of_a_cell(""), STARTED - 1, "old")


def test_who_knows_nothing_of_before_knows_all_from_its_first_lease_on() -> None:
    blind = of_a_cell("")
    cell: Any = blind._cell
    blind.leased("z/0")  # at CAME; until then another host may have had the lease
    cell.clock.now = 2 * CAME
    assert may_have_had(blind, CAME - 1, "old")
    assert not may_have_had(blind, CAME, "old")


def test_what_was_forgotten_for_newer_ones_may_have_been_had(memory: Memory) -> None:
    cell: Any = memory._cell
    for number, at in enumerate((2_000, 3_000, 4_000)):
        cell.intake.seen.begin(("ann", bytes([number])), "")
        cell.intake.seen.finish(("ann", bytes([number])), b"", at)
    assert may_have_had(memory, 2_000, "old"), "the first one has left the window"
    assert not may_have_had(memory, 2_001, "old")


def test_that_a_predecessor_knew_nothing_of_before_is_known_to_all_its_successors(
    tmp_path: Path,
) -> None:
    paths = [str(tmp_path / name) for name in ("first", "second")]
    of_a_cell("", Ledger.create(paths[0]))  # it has got shards until CAME
    Ledger.create(paths[1]).take_over(paths[0])
    for path in paths:
        found = Ledger.read(path)
        assert found.blind_until_ns == CAME
        third = of_a_cell(path)
        cell: Any = third._cell
        assert may_have_had(third, STARTED - 1, "old")
        cell.clock.now = 3 * CAME
        third._since_ns = 2 * CAME
        assert may_have_had(third, CAME - 1, "old")
        assert not may_have_had(third, CAME, "old")
