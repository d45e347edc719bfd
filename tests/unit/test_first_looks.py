"""Links begin a few at a time, and none waits for one that hangs."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from jacquemart.runtime.cell.first_looks import (
    AT_ONCE,
    FEWEST,
    HELD_S,
    MORE,
    MOST,
    PATIENCE_S,
    FirstLooks,
)
from jacquemart.runtime.testing.virtual_time import VirtualTimeLoop


def links(number: int) -> list[Any]:
    return [
        SimpleNamespace(spec=SimpleNamespace(id=f"line-{n}"), settled=False) for n in range(number)
    ]


def begun(looks: FirstLooks) -> int:
    return sum(turn.done() for turn in looks.turns.values())


class Work:
    """How long the loop's thread has worked."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_only_so_many_links_look_around_at_once_and_all_get_their_turn() -> None:
    loop = VirtualTimeLoop()
    street = links(3 * MOST)
    looks = FirstLooks(loop, street, Work())
    loop.run_until_complete(asyncio.sleep(0.001))
    assert AT_ONCE <= begun(looks) <= AT_ONCE + MORE
    loop.run_until_complete(asyncio.sleep(0.5))
    assert begun(looks) == MOST
    for link in street[:10]:
        link.settled = True
    loop.run_until_complete(asyncio.sleep(0.02))
    assert begun(looks) == MOST + 10
    for _ in range(3):
        for link in street:
            link.settled = True
        loop.run_until_complete(asyncio.sleep(0.1))
    assert begun(looks) == len(street)


def test_links_that_hang_hold_the_others_up_no_longer_than_their_patience() -> None:
    loop = VirtualTimeLoop()
    looks = FirstLooks(loop, links(2 * MOST), Work())
    loop.run_until_complete(asyncio.sleep(PATIENCE_S - 0.1))
    assert begun(looks) == MOST
    loop.run_until_complete(asyncio.sleep(PATIENCE_S))
    assert begun(looks) == 2 * MOST


def test_nobody_begins_after_the_stop() -> None:
    loop = VirtualTimeLoop()
    street = links(2 * MOST)
    looks = FirstLooks(loop, street, Work())
    loop.run_until_complete(asyncio.sleep(0.5))
    looks.stop()
    for link in street:
        link.settled = True
    loop.run_until_complete(asyncio.sleep(0.1))
    assert begun(looks) == MOST


def test_fewer_begin_at_once_while_they_are_much_work_and_more_again_when_they_are_not() -> None:
    loop, work = VirtualTimeLoop(), Work()
    street = links(60 * MOST)
    looks = FirstLooks(loop, street, work)
    for _ in range(12):
        before = begun(looks)
        for link in street[:before]:
            link.settled = True
        work.seconds += 2 * HELD_S
        loop.run_until_complete(asyncio.sleep(0.0051))
        assert begun(looks) - before <= looks.at_once
    assert looks.at_once == FEWEST
    for _ in range(2 * MOST // MORE):
        for link in street[: begun(looks)]:
            link.settled = True
        work.seconds += HELD_S / 4
        loop.run_until_complete(asyncio.sleep(0.0051))
    assert looks.at_once == MOST


def test_a_processor_that_others_use_too_makes_no_difference() -> None:
    loop, work = VirtualTimeLoop(), Work()
    looks = FirstLooks(loop, links(40 * MOST), work)
    for _ in range(MOST // MORE + 2):
        loop.now_ns += 300_000_000  # nobody worked here meanwhile
        loop.run_until_complete(asyncio.sleep(0.0051))
    assert looks.at_once == MOST
