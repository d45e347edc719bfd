"""The zone's desks for saved states, parking and dead letters: durable before they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jacquemart.runtime.cell.authority import Authority, opener_of
from jacquemart.runtime.cell.dead_letter_desk import DeadLetterDesk
from jacquemart.runtime.cell.state_desk import StateDesk
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import UsageError

LETTER = {
    "id": b"1" * 16, "principal": "op", "device": "lamp-1", "verb": "set", "point": "level",
    "value": 5.0, "unit": "", "priority": 8, "attempts": 3, "reason": "no", "stack": "there",
}  # fmt: skip


def with_desks(story: Callable[[Authority, StateDesk, DeadLetterDesk], Awaitable[None]]) -> None:
    async def run() -> None:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        authority = Authority(clock, opener_of("", 1, loop, clock))
        authority.open(["north"])
        await story(authority, StateDesk(authority, loop), DeadLetterDesk(authority, loop))
        authority.close()

    asyncio.run(run())


def test_states_and_parking_are_in_the_books_when_the_desk_has_answered() -> None:
    async def story(authority: Authority, desk: StateDesk, _: DeadLetterDesk) -> None:
        save = desk.queries()["save"]
        args: dict[str, Any] = {
            "zone": "north",
            "states": {"b-1": {"kind": "building", "state": {"1": {"mode": 2}}}},
            "parked": {"lamp-1": "failed too often", "lamp-2": ""},
        }
        assert await save(args) == 2, "a device that was not parked is no news"
        state = authority.books["north"].state
        assert state.states["b-1"] == ("building", {"1": {"mode": 2}})
        assert state.parked == {"lamp-1": "failed too often"}
        assert await save(args) == 0, "the same again is not written again"
        assert await save({"zone": "north", "parked": {"lamp-1": ""}}) == 1
        assert state.parked == {}

    with_desks(story)


def test_dead_letters_are_kept_with_all_that_a_replay_needs() -> None:
    async def story(authority: Authority, _: StateDesk, desk: DeadLetterDesk) -> None:
        keep = desk.queries()["dead_letter"]
        long = {**LETTER, "stack": "x" * 9_000}
        assert await keep({"zone": "north", "letters": [long]}) == 1
        (kept,) = authority.books["north"].state.dead_letters.values()
        assert kept["unit"] == ""
        assert kept["attempts"] == 3
        assert len(kept["stack"]) == 2_000

    with_desks(story)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("save", {}),
    ("save", {"zone": "south", "parked": {"x": "y"}}),
    ("save", {"zone": "north", "states": []}),
    ("save", {"zone": "north", "states": {"b-1": {"kind": 3, "state": {}}}}),
    ("save", {"zone": "north", "states": {"b-1": "armed"}}),
    ("save", {"zone": "north", "parked": {"b-1": True}}),
    ("dead_letter", {"zone": "north"}),
    ("dead_letter", {"zone": "north", "letters": [{**LETTER, "id": "text"}]}),
    ("dead_letter", {"zone": "north", "letters": [{}]}),
    ("dead_letter", {"zone": "north", "letters": ["letter"]}),
]


@pytest.mark.parametrize(("verb", "args"), WRONG, ids=lambda part: str(part)[:60])
def test_what_no_cell_would_send_is_refused_and_nothing_is_written(
    verb: str, args: dict[str, Any]
) -> None:
    async def story(authority: Authority, states: StateDesk, letters: DeadLetterDesk) -> None:
        before = authority.books["north"].state.pack()
        with pytest.raises(UsageError):
            await {**states.queries(), **letters.queries()}[verb](args)
        await asyncio.sleep(0.01)
        assert authority.books["north"].state.pack() == before

    with_desks(story)
