"""Play the cards: a fresh peer and a fresh driver for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from jacquemart.drivers.conformance import (  # noqa: F401 - each adds its cards to the deck
    cards_close,
    cards_link,
    cards_open,
    cards_read,
    cards_words,
    cards_write,
)
from jacquemart.drivers.conformance.card import CARDS, Card, CardResult
from jacquemart.drivers.conformance.expect import told
from jacquemart.drivers.conformance.peer import CannotDo, Peer
from jacquemart.drivers.conformance.report import Report
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import DriverError
from jacquemart.runtime.model.errors import UsageError

_CALLS_A_CARD = 12
"""A card may take as long as so many of the driver's slowest calls."""

Verdict = Literal["pass", "fail", "skip"]


def deck(ids: Iterable[str] = ()) -> Sequence[Card]:
    """Return the cards of these ids in order; all if none are named.

    Raises:
        UsageError: there is no such card; the caller's fault.
    """
    wanted = [name.upper() for name in ids]
    for name in wanted:
        if name not in CARDS:
            raise UsageError(f"no card is called {name!r}", advice="--list shows all")
    return [CARDS[name] for name in sorted(CARDS) if not wanted or name in wanted]


async def run_cards(make_peer: Callable[[], Peer], cards: Iterable[str] = ()) -> Report:
    """Try a driver against its peer.

    Args:
        make_peer: called once for each card, e.g. the peer's class.
        cards: the ids of the cards to play; all if empty.

    Raises:
        UsageError: there is no such card.
    """
    chosen = deck(cards)
    example = make_peer()
    results = [await _play(card, make_peer()) for card in chosen]
    return Report(_name(example.driver), _name(type(example)), results)


def prove(make_peer: Callable[[], Peer], cards: Iterable[str] = ()) -> Report:
    """Try a driver against its peer, from outside of any event loop; see :func:`run_cards`."""
    return asyncio.run(run_cards(make_peer, cards))


async def _play(card: Card, peer: Peer) -> CardResult:
    began = time.monotonic()
    verdict, detail = await _judge(card, Rig(peer))
    return CardResult(card, verdict, detail, time.monotonic() - began)


async def _judge(card: Card, rig: Rig) -> tuple[Verdict, str]:
    limit = _CALLS_A_CARD * rig.peer.call_limit_s
    verdict: Verdict = "pass"
    detail = ""
    timer = asyncio.timeout(limit)
    try:
        async with timer:
            await rig.start()
            await card.run(rig)
    except CannotDo as skipped:
        verdict, detail = "skip", str(skipped)
    except (CardFailed, DriverError) as error:
        detail = str(error) if isinstance(error, CardFailed) else f"unexpected {told(error)}"
        verdict = "fail"
    except TimeoutError as error:
        verdict = "fail"
        detail = f"not done after {limit:g} s" if timer.expired() else f"the peer: {told(error)}"
    except Exception as error:  # noqa: BLE001 - the peer's own fault, told as such
        verdict, detail = "fail", f"the peer: {told(error)}"
    trouble = await _clear_away(rig)
    if trouble and verdict != "fail":
        return "fail", trouble
    return verdict, detail


async def _clear_away(rig: Rig) -> str:
    """Close the driver and stop the peer; return what went wrong at it."""
    trouble = ""
    try:
        await rig.peer.hold(False)
    except CannotDo:
        pass
    except Exception as error:  # noqa: BLE001 - the peer's own fault
        trouble = f"the peer: {told(error)}"
    try:
        if hasattr(rig, "driver"):
            await rig.close()
    except CardFailed as error:
        trouble = str(error)
    try:
        await asyncio.wait_for(rig.peer.stop(), rig.peer.call_limit_s)
    except Exception as error:  # noqa: BLE001 - the peer's own fault
        trouble = trouble or f"the peer does not stop: {told(error)}"
    return trouble


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
