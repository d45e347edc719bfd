"""One intrusion zone as a state machine. Pure: no I/O, no clock; times are seconds that never go
back.

*Theory.* In the manner of EN 50131: arming starts the exit time, at whose end everything must be
at rest; an armed zone that is entered by its entry route gives the entry time to disarm it, and
by any other way none; tamper is live in every state. Where a panel in the field runs these times
(``own=False``), its state is the truth, and this machine adds what a panel may lack: it refuses
to arm what is not at rest, and confirms alarms.

*Rules.*

1. Arming is refused with a detector that is open, faulty or unknown (stale, never read), unless
   that is inhibited or isolated, and with tamper or a fault, which nobody can inhibit.
2. An inhibition ends when the zone is disarmed, an isolation when it is restored.
3. An alarm, and a tamper, stay until the zone is disarmed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

from jacquemart.actors.building.confirmation import PANEL, TAMPER, Confirmation
from jacquemart.actors.building.facts import FAULT, INFORMATION, WARNING, Fact, FactName


class State(IntEnum):
    """What a zone shows, in order of urgency."""

    DISARMED = 0
    EXIT_DELAY = 1
    ARMED = 2
    ENTRY_DELAY = 3
    FAULT = 4
    TAMPER = 5
    ALARM = 6
    CONFIRMED = 7


STATES: Final = tuple(state.name.lower() for state in State)
ARMED_STATES: Final = frozenset({State.ARMED, State.ENTRY_DELAY, State.ALARM, State.CONFIRMED})
"""States in which what a detector sees counts."""


class Detector(IntEnum):
    """What is known of a detector."""

    CLOSED = 0
    OPEN = 1
    FAULTY = 2
    UNKNOWN = 3


class Times(NamedTuple):
    """The times of a zone, in seconds, and how an alarm is confirmed."""

    exit_s: float = 45.0
    entry_s: float = 30.0
    confirm_window_s: float = 1800.0
    confirm_activations: int = 3


class Picture(NamedTuple):
    """A zone's signals at one time.

    Attributes:
        detectors: each by its number.
        tamper: the contact; None: unknown.
        fault: what the panel says of itself; None: unknown.
        panel: the state that the panel shows; None: unknown, or there is none.
        excluded: the detectors that the panel leaves out; None: as this machine was told.
    """

    detectors: Mapping[int, Detector]
    tamper: bool | None = False
    fault: bool | None = False
    panel: State | None = None
    excluded: frozenset[int] | None = None


class IntrusionZone:
    """One intrusion zone. Look at it often; call ``tick`` at ``due``."""

    __slots__ = (
        "_blind", "_confirmation", "_entered_by", "_inhibited", "_isolated", "_mode", "_picture",
        "_route", "_tampered", "_times", "_unseen", "due", "number", "own",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        times: Times,
        *,
        own: bool,
        route: frozenset[int] = frozenset(),
    ) -> None:
        """Begin disarmed and blind.

        Args:
            number: of the zone in its building, for the events.
            times: its times; exit and entry time only where the zone is ``own``.
            own: whether this machine is the panel; otherwise it follows one in the field.
            route: detectors on the entry route; all others raise the alarm at once.
        """
        self.number = number
        self.own = own
        self.due: float | None = None
        """When ``tick`` is wanted; None: not by itself."""
        self._times = times
        self._route = route
        self._mode = State.DISARMED
        self._picture = Picture({}, tamper=None, fault=None)
        self._confirmation = Confirmation(times.confirm_window_s, times.confirm_activations)
        self._tampered = False
        self._unseen = False
        """It was told that a detector of the armed zone cannot be read."""
        self._inhibited: set[int] = set()
        self._isolated: set[int] = set()
        self._entered_by = PANEL
        self._blind = True

    @property
    def state(self) -> State:
        """Return what the zone shows."""
        mode = self._mode
        if mode is State.ALARM and self._confirmation.confirmed:
            return State.CONFIRMED
        if mode is State.DISARMED and self.own:
            if self._tampered:
                return State.TAMPER
            if self._picture.fault or Detector.FAULTY in self._restless(self._picture).values():
                return State.FAULT
        return mode

    @property
    def excluded(self) -> frozenset[int]:
        """Return the detectors that are inhibited or isolated."""
        told = self._picture.excluded
        return frozenset(self._inhibited | self._isolated) if told is None else told

    # Orders --------------------------------------------------------------------------------

    def refuses_arming(self, picture: Picture) -> str:
        """Return why the zone may not be armed as it is; empty if it may, or is already."""
        if self.state in (State.EXIT_DELAY, State.ARMED):
            return ""
        if self._mode in (State.ENTRY_DELAY, State.ALARM, State.CONFIRMED):
            return f"intrusion zone {self.number} shows {self.state.name.lower()}: disarm it first"
        for name, signal in (("tamper", picture.tamper), ("fault", picture.fault)):
            if signal is not False:
                shown = "on" if signal else "unknown"
                return f"{name} of intrusion zone {self.number} is {shown}"
        if self._tampered or picture.panel is State.TAMPER:
            return f"intrusion zone {self.number} was tampered with: disarm it first"
        if not self.own and picture.panel is None:
            return f"the state of intrusion zone {self.number} is unknown"
        restless = self._restless(picture)
        if not restless:
            return ""
        words = ", ".join(f"{found} is {what.name.lower()}" for found, what in restless.items())
        return f"detector {words}; inhibit what cannot be closed"

    def arm(self, now: float, picture: Picture) -> list[Fact]:
        """Start the exit time; nothing, if the zone is armed or ``refuses_arming``."""
        facts = self.look(now, picture)
        if self._mode is State.DISARMED and not self.refuses_arming(picture):
            self._mode = State.EXIT_DELAY
            self.due = now + self._times.exit_s
            facts += self.tick(now)
        return facts

    def disarm(self, now: float) -> list[Fact]:
        """Be disarmed at once, whatever the state, and take back what was latched."""
        was = self.state
        self._mode = State.DISARMED
        self.due = None
        self._entered_by = PANEL
        self._confirmation.clear()
        self._inhibited.clear()
        self._tampered = self._picture.tamper is True
        if was in (State.DISARMED, State.FAULT):
            return []
        return [self._fact("intrusion_disarmed", INFORMATION, was=was.name.lower())]

    def inhibit(self, detector: int) -> None:
        """Leave a detector out until the zone is disarmed."""
        self._inhibited.add(detector)

    def isolate(self, detector: int) -> None:
        """Leave a detector out until it is restored."""
        self._isolated.add(detector)

    def restore(self, detector: int) -> None:
        """Take a detector in again."""
        self._inhibited.discard(detector)
        self._isolated.discard(detector)

    # Signals -------------------------------------------------------------------------------

    def look(self, now: float, picture: Picture) -> list[Fact]:
        """Take the signals as they are now, and return what is to be told."""
        facts = self.tick(now)
        before, self._picture = self._picture, picture
        if picture.tamper and not before.tamper:
            facts += self._tamper(now)
        if picture.fault and not before.fault:
            facts.append(self._fact("intrusion_fault", WARNING))
        excluded = self.excluded
        for number, found in picture.detectors.items():
            was = before.detectors.get(number, Detector.UNKNOWN)
            if found is was or number in excluded:
                continue
            if found is Detector.OPEN:
                facts += self._opened(now, number)
            elif found is Detector.FAULTY:
                facts.append(self._fact("intrusion_fault", WARNING, detector=number))
        if not self.own and picture.panel is not None:
            facts += self._follow(now, picture.panel)
        return facts + self._sight(excluded)

    def _sight(self, excluded: Collection[int]) -> list[Fact]:
        """Tell when nobody would see an intruder any more, and when somebody does again."""
        found = self._picture.detectors
        lost = [
            number
            for number in found
            if found[number] is Detector.UNKNOWN and number not in excluded
        ]
        was, self._unseen = self._unseen, bool(lost) and self._mode in ARMED_STATES
        if self._unseen and not was:
            return [self._fact("intrusion_blind", FAULT, detectors=_listed(lost))]
        if was and not lost:
            return [self._fact("intrusion_sees_again", INFORMATION)]
        return []

    def tick(self, now: float) -> list[Fact]:
        """Let time pass: end an exit or entry time that is over."""
        if self.due is None or now < self.due:
            return []
        self.due = None
        if self._mode is State.ENTRY_DELAY:
            return self._alarm(now, self._entered_by)
        restless = self._restless(self._picture)
        if restless:
            self._mode = State.DISARMED
            return [self._fact("intrusion_not_armed", WARNING, detectors=_listed(restless))]
        self._mode = State.ARMED
        return [self._armed()]

    # State that outlives a restart -----------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return what must outlive a restart, as plain values; an exit time starts anew."""
        return {
            "mode": int(self._mode),
            "confirmed": self._confirmation.confirmed,
            "tampered": self._tampered,
            "inhibited": sorted(self._inhibited),
            "isolated": sorted(self._isolated),
        }

    def load(self, saved: Mapping[str, Any], now: float) -> None:
        """Take back what ``save`` returned; the times that ran start anew."""
        self._mode = State(saved["mode"])
        self._confirmation.confirmed = bool(saved["confirmed"])
        self._tampered = bool(saved["tampered"])
        self._inhibited = set(saved["inhibited"])
        self._isolated = set(saved["isolated"])
        if self.own and self._mode is State.EXIT_DELAY:
            self.due = now + self._times.exit_s
        elif self.own and self._mode is State.ENTRY_DELAY:
            self.due = now + self._times.entry_s

    # Inside --------------------------------------------------------------------------------

    def _opened(self, now: float, detector: int) -> list[Fact]:
        if self._mode not in ARMED_STATES:
            return []
        by_route = detector in self._route and self._mode in (State.ARMED, State.ENTRY_DELAY)
        if by_route:
            self._entered_by = detector
            if self.own and self._mode is State.ARMED:
                self._mode = State.ENTRY_DELAY
                self.due = now + self._times.entry_s
            return []
        return self._activated(now, detector)

    def _tamper(self, now: float) -> list[Fact]:
        self._tampered = self.own  # a panel latches it itself
        facts = [self._fact("intrusion_tamper", FAULT)]
        if self._mode in ARMED_STATES or (self.own and self._mode is State.EXIT_DELAY):
            facts += self._activated(now, TAMPER)
        return facts

    def _activated(self, now: float, source: int) -> list[Fact]:
        if self._mode is not State.ALARM and self.own:
            return self._alarm(now, source)
        was = self.state
        self._confirmation.add(now, source)
        return self._told_confirmed(was)

    def _alarm(self, now: float, source: int) -> list[Fact]:
        """Be in alarm; the source counts as an activation if there was none."""
        self._mode = State.ALARM
        self.due = None
        if not self._confirmation:
            self._confirmation.add(now, source)
        detail = {"detector": source} if source > 0 else {}
        facts = [self._fact("intrusion_alarm", FAULT, **detail)]
        return facts + self._told_confirmed(State.ALARM)

    def _told_confirmed(self, was: State) -> list[Fact]:
        if was is State.ALARM and self.state is State.CONFIRMED:
            return [self._fact("intrusion_confirmed", FAULT)]
        return []

    def _follow(self, now: float, panel: State) -> list[Fact]:
        shown = State.ALARM if panel is State.CONFIRMED else panel
        facts: list[Fact] = []
        if self._blind:  # what stood before we came is no news, unless it is an alarm
            self._blind = False
            self._mode = self._mode if shown is State.ALARM else shown
        if shown is not self._mode:
            if shown is State.ALARM:
                facts = self._alarm(now, self._entered_by)
            elif shown is State.DISARMED:
                facts = self.disarm(now)
            elif shown is State.ARMED and self._mode is not State.ENTRY_DELAY:
                facts = [self._armed()]
            self._mode = shown
        if panel is State.CONFIRMED and not self._confirmation.confirmed:
            self._confirmation.confirmed = True
            facts.append(self._fact("intrusion_confirmed", FAULT))
        return facts

    def _armed(self) -> Fact:
        return self._fact("intrusion_armed", INFORMATION, excluded=_listed(self.excluded))

    def _restless(self, picture: Picture) -> dict[int, Detector]:
        """Return the detectors that keep the zone from being armed."""
        out = self.excluded if picture.excluded is None else picture.excluded
        return {
            number: found
            for number, found in picture.detectors.items()
            if found is not Detector.CLOSED and number not in out
        }

    def _fact(self, name: FactName, severity: int, **detail: Any) -> Fact:
        return Fact(name, severity, {"intrusion_zone": self.number, **detail})


def _listed(detectors: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(detectors)))
