"""What the site's machine needs of the equipment it speaks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from jacquemart.drivers.rsmp.machine.alarms import Alarms


class Refused(NamedTuple):
    """Why a command is not carried out."""

    reason: str


class Station(Protocol):
    """The equipment behind a site: pure, in memory, never waiting.

    Attributes:
        site: the site's id.
        main: the component that the site as a whole is.
        components: kinds by component id: tlc, group, detector.
        alarms: its alarms.
        clock_offset_ms: how far its clock is ahead of the wall clock (M0104 sets it).
    """

    site: str
    main: str
    components: dict[str, str]
    alarms: Alarms
    clock_offset_ms: int

    def read(self, component: str, code: str, name: str) -> Any:
        """Return a status as RSMP has it: text, an array, or None if it is not known."""

    def command(
        self, component: str, code: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any] | Refused:
        """Carry out a command whose form is right; return its values as they are now."""

    def aggregated(self) -> Sequence[bool]:
        """Return the eight bits of the aggregated status."""
