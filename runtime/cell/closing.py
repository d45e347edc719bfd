"""The last word of devices before their links end: what moves by itself is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.link import LinkShell

#: So long the links may take to send it, whatever else they have to do.
LAST_WORD_S = 0.5
LOOK_S = 0.01


async def last_words(
    actors: Iterable[DeviceActor], links: Iterable[LinkShell], most_s: float
) -> None:
    """Ask every actor for its last word, and wait until the links have sent what there was.

    Costs no time where nobody has one.
    """
    said = False
    for actor in actors:
        try:
            said |= actor.on_closing()
        except RAISED as error:  # one actor never stops the others
            actor.host.failed(actor, error)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + min(most_s, LAST_WORD_S)
    links = list(links)
    while said and loop.time() < give_up and any(link.has_unsent for link in links):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)
