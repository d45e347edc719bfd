"""Links begin a few at a time, and none waits for one that hangs."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from jacquemart.runtime.cell.first_looks import AT_ONCE, PATIENCE_S, FirstLooks
from jacquemart.runtime.testing.virtual_time import VirtualTimeLoop


def links(number: int) -> list[Any]:
    return [
        SimpleNamespace(spec=SimpleNamespace(id=f"line-{n}"), settled=False) for n in range(number)
    ]


def begun(looks: FirstLooks) -> int:
    return sum(turn.done() for turn in looks.turns.values())


def test_only_so_many_links_look_around_at_once_and_all_get_their_turn() -> None:
    loop = VirtualTimeLoop()
    street = links(3 * AT_ONCE)
    looks = FirstLooks(loop, street)
    loop.run_until_complete(asyncio.sleep(0.1))
    assert begun(looks) == AT_ONCE
    for link in street[:10]:
        link.settled = True
    loop.run_until_complete(asyncio.sleep(0.02))
    assert begun(looks) == AT_ONCE + 10
    for link in street:
        link.settled = True
    loop.run_until_complete(asyncio.sleep(0.1))
    assert begun(looks) == len(street)


def test_links_that_hang_hold_the_others_up_no_longer_than_their_patience() -> None:
    loop = VirtualTimeLoop()
    looks = FirstLooks(loop, links(2 * AT_ONCE))
    loop.run_until_complete(asyncio.sleep(PATIENCE_S - 0.1))
    assert begun(looks) == AT_ONCE
    loop.run_until_complete(asyncio.sleep(0.2))
    assert begun(looks) == 2 * AT_ONCE


def test_nobody_begins_after_the_stop() -> None:
    loop = VirtualTimeLoop()
    street = links(2 * AT_ONCE)
    looks = FirstLooks(loop, street)
    loop.run_until_complete(asyncio.sleep(0.1))
    looks.stop()
    for link in street:
        link.settled = True
    loop.run_until_complete(asyncio.sleep(0.1))
    assert begun(looks) == AT_ONCE
