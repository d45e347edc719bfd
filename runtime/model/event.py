"""An event: an immutable fact that happened, at a place, at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jacquemart.runtime.model.errors import FrameError


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. ``subject`` is a device, link, cell or zone id; times are wall-clock ns."""

    name: str
    """A stable word: ``link_down``, ``link_up``, ``device_fault``, ``door_open`` …"""
    zone: str
    subject: str
    time_ns: int
    severity: int = 0
    """0 information, 1 warning, 2 fault."""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_list(self) -> list[Any]:
        """Return the wire form."""
        return [
            self.name, self.zone, self.subject, self.time_ns, self.severity, dict(self.detail),
        ]  # fmt: skip

    @classmethod
    def from_list(cls, items: Sequence[Any]) -> Event:
        """Rebuild from the wire form.

        Raises:
            FrameError: wrong number or types of fields.
        """
        kinds = (str, str, str, int, int, dict)
        if len(items) != len(kinds) or not all(map(isinstance, items, kinds)):
            raise FrameError("an event is [name, zone, subject, time_ns, severity, detail]")
        return cls(*items)
