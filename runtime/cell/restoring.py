"""What stood before a device is given back to it, before it may write: holds, setpoints, state.

The zone has it (``lease_desk``). Until a device has got its part, the permit of its shard lets
none of its writes pass, so that nothing is moved that somebody holds or has locked out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.lease_desk import RESTORED_AT_ONCE
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: How long the loop may be held at a time.
TURN_S = 0.002
ANSWER_S = 2.0
PAUSE_S = 0.1


class Restoring:
    """Asks the zone cells, and hands each device its part. One task a shard."""

    def __init__(self, cell: DeviceCell, zone_cell: Callable[[str], str]) -> None:
        """Prepare; ``zone_cell`` returns the name of a zone's cell, empty if nobody knows."""
        self._cell = cell
        self._zone_cell = zone_cell
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, shard: Shard, actors: Sequence[DeviceActor]) -> None:
        """Restore some devices of a shard; the permit knows them as not restored already."""
        task = self._cell.loop.create_task(self._restore(shard, list(actors)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Restore nobody any more."""
        for task in self._tasks:
            task.cancel()

    async def _restore(self, shard: Shard, actors: list[DeviceActor]) -> None:
        for at in range(0, len(actors), RESTORED_AT_ONCE):
            some = actors[at : at + RESTORED_AT_ONCE]
            content = await self._ask(shard, some)
            if content is None:
                return
            if not content and shard.permit is not None:  # as in a city that is new: in one go
                shard.permit.restored(some)
                continue
            began = self._cell.loop.time()
            for actor in some:
                self._give(shard, actor, content.get(actor.id))
                if self._cell.loop.time() - began > TURN_S:
                    await asyncio.sleep(0)
                    began = self._cell.loop.time()

    async def _ask(self, shard: Shard, some: Sequence[DeviceActor]) -> Mapping[str, Any] | None:
        """Return what the zone has of some devices; None: the shard has left this cell."""
        cell, spec = self._cell, shard.spec
        frame = messages.query("restore", shard=spec.id, devices=[actor.id for actor in some])
        while cell.shards.get(spec.id) is shard:
            try:
                answer = await cell.caller(self._zone_cell(spec.zone)).ask(frame, ANSWER_S)
                if answer is not None:
                    return self._on_our_clock(messages.decode_reply(answer))
            except JacquemartError:
                pass  # the zone cell is being replaced; its successor has it too
            await asyncio.sleep(PAUSE_S)
        return None

    def _on_our_clock(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the devices of an answer, with the leases of their claims by our own clock.

        That of another host is known by this answer alone: they end late by its way, at most.
        """
        devices: Mapping[str, Any] = answer["devices"]
        if answer.get("host") == self._cell.place or "boot_ns" not in answer:
            return devices
        offset_ns = self._cell.clock.boot_ns() - answer["boot_ns"]
        for content in devices.values():
            for claim in content["claims"]:
                if claim.get("until_boot_ns"):
                    claim["until_boot_ns"] = max(1, claim["until_boot_ns"] + offset_ns)
        return devices

    def _give(self, shard: Shard, actor: DeviceActor, content: Any) -> None:
        if shard.permit is not None:
            shard.permit.restored((actor,))
        restore = getattr(actor, "restore", None)
        if not content or restore is None or self._cell.devices.get(actor.id) is not actor:
            return
        try:
            restore(content)
        except RAISED as error:  # one device stops no other
            self._cell.failed(actor, error)
