"""What the site emulator asks of the signal controller behind it.

Anything of this form can stand behind an RSMP site: the fixed-time one beside this, a model of a
real controller, a simulated intersection. It is pure: time is told by ``step``, nothing waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Literal, NamedTuple, Protocol

PriorityPhase = Literal[
    "received", "queued", "activated", "completed", "timeout", "rejected", "cooldown", "stale"
]


class Mode(Enum):
    """How a controller shall run its signals; the values are the words of M0001."""

    NORMAL = "NormalControl"
    YELLOW_FLASH = "YellowFlash"
    DARK = "Dark"


class PriorityRequest(NamedTuple):
    """A vehicle wants to get through (SXL 1.2.1, M0022).

    Attributes:
        id: names the request for ``update`` and ``cancel``.
        what: new, update or cancel.
        level: 0 (lowest) to 14.
        eta_s: seconds until the vehicle is at the stop line, 0 to 255; None: not known.
        movement: what it is for, by one of signalGroupId, inputId, connectionId, approachId,
            laneInId and laneOutId; only with ``new``.
        vehicle: vehicleType, or empty.
    """

    id: str
    what: str
    level: int
    eta_s: int | None
    movement: Mapping[str, str]
    vehicle: str


class Priority(NamedTuple):
    """What became of a request (SXL 1.2.1, S0033).

    Attributes:
        changed_s: when it came into this phase, on the clock of ``step``.
        extension_s: green that it got longer, once completed; None: not known.
        reduction_s: red that was made shorter, once completed; None: not known.
    """

    id: str
    phase: PriorityPhase
    changed_s: float
    extension_s: int | None = None
    reduction_s: int | None = None


class Controller(Protocol):
    """A signal controller."""

    @property
    def mode(self) -> Mode:
        """Return the mode as it runs now, after what it takes to change."""

    @property
    def starting(self) -> bool:
        """Return whether it is in its start-up sequence."""

    @property
    def fault(self) -> str:
        """Return why it is in fail-safe; empty if it is not."""

    @property
    def plan(self) -> int:
        """Return the time plan that runs; 1 to 255."""

    @property
    def plans(self) -> Mapping[int, int]:
        """Return the plans that it has, with their cycle times in s."""

    @property
    def commanded(self) -> bool:
        """Return whether the plan was chosen by a command."""

    @property
    def cycle_s(self) -> float:
        """Return the seconds since the cycle began."""

    @property
    def stage(self) -> int:
        """Return the number of the stage, from 1; 0 between them."""

    @property
    def detectors(self) -> Sequence[bool]:
        """Return whether each detector logic is occupied."""

    @property
    def alarms(self) -> Collection[tuple[str, int]]:
        """Return the alarms of the SXL that are active: (code, group or detector from 0)."""

    def step(self, now_s: float) -> None:
        """Come to a time, in s of a clock that never goes back."""

    def groups(self) -> str:
        """Return a letter for each signal group, as S0001 has them."""

    def set_mode(self, mode: Mode) -> str:
        """Be asked for a mode; return why not, or nothing."""

    def set_plan(self, plan: int | None) -> str:
        """Be asked for a plan, or (None) to choose by itself; return why not, or nothing."""

    def force_detector(self, index: int, occupied: bool | None) -> None:
        """Take a detector (from 0) as occupied or free whatever it says; None: no longer."""

    def request_priority(self, request: PriorityRequest) -> str:
        """Be asked for priority; return why not, or nothing."""

    def priorities(self) -> Sequence[Priority]:
        """Return the requests, and those that ended within the last minute."""

    def restart(self) -> None:
        """Begin anew with the start-up sequence."""
