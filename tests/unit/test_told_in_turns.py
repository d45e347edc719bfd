"""What was written together is told a part a turn of the loop, so that leases need not wait."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.store.open import open_journal
from jacquemart.runtime.store.writer import TOLD_A_TURN

COUNT = 2_000


def test_a_large_commit_leaves_turns_of_the_loop_to_others_and_keeps_its_order(
    tmp_path: Path,
) -> None:
    async def story() -> tuple[list[int], list[int]]:
        loop = asyncio.get_running_loop()
        opened = open_journal(
            tmp_path, "north", post=loop.call_soon_threadsafe, wall_ns=time.time_ns, boot_id="",
            boot_ns=time.monotonic_ns, version="test",
        )  # fmt: skip
        told: list[int] = []
        a_turn: list[int] = []

        def hear(number: int, error: JournalError | None) -> None:
            assert error is None
            told.append(number)

        for number in range(COUNT):
            draft = Draft(RecordKind.PARKED, {"device": str(number)})
            opened.journal.append(
                (draft,),
                lambda error, number=number: hear(number, error),  # type: ignore[misc]
            )
        while len(told) < COUNT:
            before = len(told)
            await asyncio.sleep(0)
            a_turn.append(len(told) - before)
        opened.journal.close()
        return told, a_turn

    told, a_turn = asyncio.run(story())
    assert told == list(range(COUNT))
    # Two commits may each have woken the loop, and a part is left of an earlier one.
    assert max(a_turn) <= 4 * TOLD_A_TURN
