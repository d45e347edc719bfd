"""What a device cell has its zones keep: saved states, who is parked, and dead letters.

States are looked at a tenth of a second after something may have changed, each device once, and
only what differs from what was kept last goes on its way: one query for each zone, one at a time.
What gets no answer is sent again; a newer state takes the place of an older one that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.errors import JacquemartError, UsageError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

BATCH_S = 0.1
#: The pause before what found no answer is sent again.
AGAIN_S = 1.0
ANSWER_S = 2.0
#: Devices in one query; with the largest states it is 4 MB.
MOST_DEVICES = 64
#: Bytes of one device's state: a kind keeps facts, and no history.
MOST_STATE = 64 * 1_024
#: Dead letters that wait for one zone; the oldest leave first.
MOST_LETTERS = 200


class Outbox:
    """What waits for one zone."""

    def __init__(self) -> None:
        """Have nothing."""
        self.states: dict[str, dict[str, Any]] = {}
        self.parked: dict[str, str] = {}
        """Device -> why; empty: it is parked no more."""
        self.letters: list[dict[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self.states or self.parked or self.letters)


class Saving:
    """Collects and sends; all on the cell's loop."""

    def __init__(self, cell: DeviceCell) -> None:
        """Send to the zones of the cell's directory."""
        self._cell = cell
        self._dirty: dict[str, DeviceActor] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        """What was handed over last, by device."""
        self._outboxes: dict[str, Outbox] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Devices whose state, parking or letter the zones have not confirmed yet."""
        boxes = self._outboxes.values()
        return len(self._dirty) + sum(
            len(box.states) + len(box.parked) + len(box.letters) for box in boxes
        )

    def changed(self, actor: DeviceActor) -> None:
        """Look at a device's state soon."""
        self._dirty[actor.id] = actor
        self._soon(BATCH_S)

    def known(self, device: str, kind: str, state: Mapping[str, Any]) -> None:
        """Take what the zone has of a device, so that the same is not sent back."""
        self._kept[device] = {"kind": kind, "state": dict(state)}

    def parked(self, actor: DeviceActor, why: str) -> None:
        """Have it kept that a device is parked; empty: that it is not."""
        self._box(actor).parked[actor.id] = why
        self._soon(BATCH_S)

    def letter(self, actor: DeviceActor, letter: Mapping[str, Any]) -> None:
        """Have a dead letter kept."""
        waiting = self._box(actor).letters
        waiting.append(dict(letter))
        del waiting[:-MOST_LETTERS]
        self._soon(BATCH_S)

    def close(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()

    # Inside --------------------------------------------------------------------------------

    def _box(self, actor: DeviceActor) -> Outbox:
        return self._outboxes.setdefault(actor.spec.zone, Outbox())

    def _soon(self, seconds: float) -> None:
        if self._timer is None and self._task is None and not self._cell.stopping:
            self._timer = self._cell.loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._collect()
        if not any(self._outboxes.values()):
            if self._dirty:
                self._soon(AGAIN_S)
        else:
            self._task = self._cell.loop.create_task(self._send())

    def _collect(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for actor in dirty.values():
            if actor in getattr(getattr(actor.shard, "permit", None), "unrestored", ()):
                self._dirty[actor.id] = actor  # what it had before must not be overwritten
                continue
            try:
                found = {"kind": actor.kind, "state": dict(actor.save())}
                size = len(messages.query("save", state=found))  # raises if it is not plain
                if size > MOST_STATE:
                    raise UsageError(f"save() gives {size:,} bytes, allowed: {MOST_STATE:,}")
            except RAISED as error:  # one kind's bug stops nobody else
                self._cell.failed(actor, error)
                continue
            if found != self._kept.get(actor.id):
                self._kept[actor.id] = found
                self._box(actor).states[actor.id] = found

    async def _send(self) -> None:
        whole = True
        try:
            for zone, box in list(self._outboxes.items()):
                whole = await self._send_to(zone, box) and whole
        finally:
            self._task = None
        if any(self._outboxes.values()):
            self._soon(0.0 if whole else AGAIN_S)  # the rest of many, or the same again
        elif self._dirty:
            self._soon(BATCH_S)

    async def _send_to(self, zone: str, box: Outbox) -> bool:
        """Send what a zone is owed; return whether it has it all."""
        states = dict(islice(box.states.items(), MOST_DEVICES))
        parked, letters = dict(box.parked), list(box.letters)
        if states or parked:
            if not await self._ask("save", zone, states=states, parked=parked):
                return False
            for device, state in states.items():
                if box.states.get(device) is state:
                    del box.states[device]
            for device, why in parked.items():
                if box.parked.get(device) == why:
                    del box.parked[device]
        if letters:
            if not await self._ask("dead_letter", zone, letters=letters):
                return False
            box.letters = [letter for letter in box.letters if letter not in letters]
        return True

    async def _ask(self, verb: str, zone: str, **args: Any) -> bool:
        cell = self._cell
        try:
            caller = cell.caller(cell.directory.zones.get(zone, ""))
            frame = await caller.ask(messages.query(verb, zone=zone, **args), ANSWER_S)
            if frame is not None:
                messages.decode_reply(frame)
            return frame is not None
        except JacquemartError:  # no zone cell now, or its journal takes nothing
            cell.counters["saves_refused"] = cell.counters.get("saves_refused", 0) + 1
            return False
