"""What a device has saved goes on to its successor, when a change of the city makes it another one.

In one cell. Who goes to another cell, or comes after a lost one, gets it from the zone's journal
(``cell.saving``, ``Supervised.restore_state``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor

Failed = Callable[[DeviceActor, BaseException], None]


class Succession:
    """The states of devices that have left, until somebody of the same id and kind comes."""

    def __init__(
        self, failed: Failed, succeeded: Callable[[DeviceActor], object] = lambda _: None
    ) -> None:
        """Keep nothing yet.

        Args:
            failed: is told of bugs in a kind's ``save`` and ``load``.
            succeeded: is told of devices that were given a state here: it is newer than what the
                zone's journal may have.
        """
        self._succeeded = succeeded
        self._left: dict[str, tuple[type[DeviceActor], Mapping[str, Any]]] = {}
        self._failed = failed

    def leaves(self, actor: DeviceActor) -> None:
        """Keep what a device has saved; before it is stopped."""
        try:
            state = actor.save()
        except RAISED as error:  # one actor never stops the others
            self._failed(actor, error)
            return
        if state:
            self._left[actor.id] = type(actor), state

    def comes(self, actor: DeviceActor) -> None:
        """Give a device the state of who was there before; before it is started."""
        kind, state = self._left.pop(actor.id, (None, {}))
        if kind is not type(actor):
            return
        try:
            actor.load(state)
            self._succeeded(actor)
        except RAISED as error:
            self._failed(actor, error)
