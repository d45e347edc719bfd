"""Cards 410 to 499: closing, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import cancelled, good_values, require, under_way
from jacquemart.drivers.conformance.leaks import Holdings, held_now
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import Rig
from jacquemart.drivers.contract import DriverError, LinkError

_ROUNDS = 3


@card(410, action="close before open; open, close, close", passes="nothing raises, all in time")
async def close_may_come_at_any_time(rig: Rig) -> None:
    """Closing twice, or without having opened, does no harm."""
    await rig.close()
    await rig.open()
    await rig.close()
    await rig.close()


@card(
    420,
    action="open, read, close; three times with one driver",
    passes="good values each time",
)
async def a_driver_can_be_opened_again(rig: Rig) -> None:
    """One driver object can be opened again and again."""
    for _ in range(_ROUNDS):
        await rig.open()
        await good_values(rig, rig.points)
        await rig.close()


@card(
    430,
    action="open, read, close; once to warm up, then three times, counting",
    passes="no file, socket, task or thread is left, and the peer sees no connection",
)
async def nothing_is_left_after_close(rig: Rig) -> None:
    """Nothing is left behind after close: no socket, task or thread."""

    async def one_round() -> None:
        await rig.open()
        await rig.read()
        await rig.close()

    await _require_nothing_left(rig, one_round)


@card(
    440,
    needs="a peer that holds answers back, cuts the link or refuses connections",
    action="break off reads in all these ways and close; once to warm up, then three times",
    passes="no file, socket, task or thread is left, and the peer sees no connection",
)
async def nothing_is_left_after_trouble(rig: Rig) -> None:
    """Nothing is left behind when the link was refused, cut, or a call was broken off."""
    could: list[str] = []

    async def refused() -> None:
        await rig.peer.refuse(True)
        with contextlib.suppress(LinkError):
            await rig.open()
        await rig.peer.refuse(False)
        await rig.close()

    async def cut() -> None:
        await rig.open()
        await rig.peer.cut()
        with contextlib.suppress(DriverError):
            await rig.read()
        await rig.close()

    async def broken_off() -> None:
        await rig.open()
        await rig.peer.hold(True)
        await cancelled(rig, await under_way(rig, rig.read()))
        await rig.peer.hold(False)
        await rig.close()

    async def one_round() -> None:
        for trouble in (refused, cut, broken_off):
            try:
                await trouble()
                could.append(trouble.__name__)
            except CannotDo:
                await rig.close()

    await _require_nothing_left(rig, one_round)
    if not could:
        raise CannotDo("the peer can neither hold answers back, cut the link nor refuse")


@card(
    450,
    needs="a peer that holds answers back",
    action="hold, read; close while the read is under way; answer again, open, read",
    passes="close ends in time, the read too; then good values",
)
async def close_ends_what_is_under_way(rig: Rig) -> None:
    """A close during a call ends in bounded time, and the driver can be opened again."""
    await rig.open()
    await rig.peer.hold(True)
    reading = await under_way(rig, rig.read())
    if not rig.driver.blocking:
        # The shell never closes under a running coroutine: it cancels first.
        await cancelled(rig, reading)
    await rig.close()
    with contextlib.suppress(DriverError, asyncio.CancelledError):
        await reading
    await rig.peer.hold(False)
    await rig.open()
    await good_values(rig, rig.points)


async def _require_nothing_left(rig: Rig, one_round: Callable[[], Awaitable[None]]) -> None:
    await one_round()
    before = await _settled_holdings(rig, None)
    for _ in range(_ROUNDS):
        await one_round()
    after = await _settled_holdings(rig, before)
    left = after.beyond(before)
    require(not left, f"after {_ROUNDS} rounds there is more than after one: {', '.join(left)}")
    with contextlib.suppress(CannotDo):
        open_now = await rig.peer.connections()
        require(open_now == 0, f"after close the peer still sees {open_now} connections")


async def _settled_holdings(rig: Rig, wanted: Holdings | None) -> Holdings:
    """Look until there is no more than wanted (or no less from look to look), for a while."""
    until = asyncio.get_running_loop().time() + min(2.0, rig.peer.call_limit_s)
    gc.collect()
    holdings = held_now()
    while asyncio.get_running_loop().time() < until:
        if wanted is not None and not holdings.beyond(wanted):
            break
        await asyncio.sleep(0.05)
        earlier, holdings = holdings, held_now()
        if wanted is None and not earlier.beyond(holdings):
            break
    return holdings
