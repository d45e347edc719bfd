"""The subscriptions of one supervisor: which values are due, by interval and by change. Pure.

RSMP core 3.2.2, "Status messages": a subscription has an interval (0: none) and may ask for
every change; an update is sent at once when it begins, but not when it only changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

#: Most subscriptions that are taken from one supervisor.
MOST: Final = 20_000
_NOTHING: Final = object()
Key = tuple[str, str, str]


@dataclass(slots=True)
class Subscription:
    """One value of a component that is told by itself."""

    interval_s: float
    on_change: bool
    next_due: float
    last: Any = _NOTHING
    """As it was told last."""


class Subscriptions:
    """All subscriptions of one supervisor, by component, code and name."""

    def __init__(self) -> None:
        """Start with none."""
        self._all: dict[Key, Subscription] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: object) -> bool:
        return key in self._all

    def add(self, key: Key, interval_s: float, on_change: bool, now: float) -> bool:
        """Begin a subscription, or change it; returns whether it is new."""
        found = self._all.get(key)
        if found is not None:
            found.interval_s, found.on_change = interval_s, on_change
            found.next_due = now + interval_s
            return False
        self._all[key] = Subscription(interval_s, on_change, now + interval_s)
        return True

    def remove(self, key: Key) -> None:
        """End a subscription, if there is one."""
        self._all.pop(key, None)

    def keep_only(self, kept: Callable[[Key], bool]) -> None:
        """End those that are not to be kept."""
        self._all = {key: one for key, one in self._all.items() if kept(key)}

    def told(self, key: Key, value: Any) -> None:
        """Take note of what was told."""
        found = self._all.get(key)
        if found is not None:
            found.last = value

    def due(self, now: float, read: Callable[[Key], Any]) -> dict[str, list[tuple[Key, Any]]]:
        """Return by component what is to be told now, with its value."""
        found: dict[str, list[tuple[Key, Any]]] = {}
        for key, one in self._all.items():
            by_time = one.interval_s > 0 and now >= one.next_due
            if not by_time and not one.on_change:
                continue
            value = read(key)
            if by_time:
                periods = max(1, int((now - one.next_due) / one.interval_s) + 1)
                one.next_due += periods * one.interval_s
            elif value == one.last:
                continue
            one.last = value
            found.setdefault(key[0], []).append((key, value))
        return found
