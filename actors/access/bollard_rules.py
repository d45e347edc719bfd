"""When a bollard may rise, what position it is in, and what is worth telling. No I/O, no clock.

*Theory.* A bollard is known by its inputs alone: two limit switches, the loop under the lane, a
fault, and a switch that gives it to somebody on the spot. Each is true, false, or not known
(never read, stale, bad), and what is not known forbids raising as much as what is wrong. A pulse
that left for the field and has not arrived anywhere yet is *under way*: until a limit switch
says so, or its time is over, nobody knows what it still does, so nothing may rise meanwhile.
Lowering is never unsafe, and only forbidden while somebody works on the spot.

*Rules.* ``RAISE_RULES`` is the whole of them, a sentence each. They are asked twice: when a
command comes, and right before the field, when all inputs were read again. Each command allows
one pulse, and a newer one that lowers takes that back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

SECOND: Final = 1_000_000_000


class Inputs(NamedTuple):
    """What the PLC says; None: not known."""

    loop: bool | None
    up: bool | None
    down: bool | None
    fault: bool | None
    local: bool | None


class Position(IntEnum):
    """What the bollard does, as far as its limit switches tell."""

    LOWERED = 0
    RAISED = 1
    MOVING = 2
    UNKNOWN = 3
    FAULT = 4


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take, in ns."""

    travel: int = 8 * SECOND
    """From a pulse to the limit switch; longer is a fault of the drive."""
    stuck: int = 600 * SECOND
    """A loop that is occupied for longer is stuck, or has a car parked on it."""


class Told(NamedTuple):
    """Something worth an event: its name, severity (0 to 2) and why."""

    name: str
    severity: int = 0
    cause: str = ""


class Asked(NamedTuple):
    """What of its own past a bollard must mind."""

    wanted: bool
    """A command to raise it is in hand, and nothing was sent for it yet."""
    under_way: bool
    """A pulse was sent, by us or by who was here before, and may still move it."""


#: Whether a rule forbids raising.
Rule = Callable[[Inputs, Asked], bool]

RAISE_RULES: Final[Mapping[str, Rule]] = {
    "no command asks for it any more": lambda _, past: not past.wanted,
    "nobody knows yet what the pulse before has done": lambda _, past: past.under_way,
    "the loop is occupied": lambda now, _: now.loop is True,
    "nobody knows whether the loop is occupied": lambda now, _: now.loop is None,
    "it reports a fault": lambda now, _: now.fault is True,
    "nobody knows whether it has a fault": lambda now, _: now.fault is None,
    "it is in local mode": lambda now, _: now.local is True,
    "nobody knows whether it is in local mode": lambda now, _: now.local is None,
    "its upper limit switch is on already": lambda now, _: now.up is True,
    "its upper limit switch cannot be read": lambda now, _: now.up is None,
    "its lower limit switch does not say that it is lowered": lambda now, _: now.down is not True,
}


class BollardRules:
    """One bollard's rules and position. The caller brings inputs and the boot-time clock in ns."""

    __slots__ = ("_away", "_born_ns", "_faulty", "_left_ns", "_local", "_loop_ns", "_lost",
                 "_rules", "_stood", "_times", "_under_way", "_wanted", "position",
                 "stuck")  # fmt: skip

    def __init__(self, times: Times, now_ns: int, rules: Mapping[str, Rule] = RAISE_RULES) -> None:
        """Begin without an opinion; who was here before may have sent a pulse just now."""
        self._times = times
        self._rules = rules
        self._born_ns = now_ns
        self._wanted = False
        self._under_way: list[tuple[bool, int]] = []
        """Pulses without a known end: whether it goes up, and since when. The last one decides,
        but if it turns out that it was never sent, those before may still act."""
        self._away = False
        """Whether it was seen elsewhere than where the last pulse sends it, since that was sent."""
        self._left_ns = 0
        """When neither limit switch was on first; 0: one is."""
        self._loop_ns = 0
        """Since when the loop is occupied; 0: it is not."""
        self._local: bool | None = None
        self._stood: Position | None = None
        """Where it stood when it was last known to stand, and told so."""
        self._faulty = self._lost = False
        self.position: Position | None = None
        self.stuck = False

    # Permits -------------------------------------------------------------------------------

    def why_not_raise(self, inputs: Inputs, now_ns: int) -> str | None:
        """Return why it may not be raised now; None if it may."""
        past = Asked(self._wanted, self._unsettled(now_ns))
        for sentence, forbids in self._rules.items():
            if forbids(inputs, past):
                return sentence
        return None

    def why_not_lower(self, inputs: Inputs) -> str | None:
        """Return why it may not be lowered now; None if it may.

        What is not known forbids nothing here: a bollard that is down harms nobody.
        """
        return "it is in local mode" if inputs.local is True else None

    def is_up(self, inputs: Inputs, now_ns: int) -> bool:
        """Return whether it is raised, beyond doubt: a pulse would change nothing."""
        there = inputs.up is True and inputs.down is False and inputs.fault is False
        return there and not self._unsettled(now_ns)

    def is_down(self, inputs: Inputs, now_ns: int) -> bool:
        """Return whether it is lowered, beyond doubt."""
        there = inputs.down is True and inputs.up is False and inputs.fault is False
        return there and not self._unsettled(now_ns)

    @property
    def under_way(self) -> bool:
        """Return whether there is a pulse of which nobody knows yet what it has done."""
        return bool(self._under_way)

    @property
    def rising(self) -> bool:
        """Return whether a pulse that raises it may still act."""
        return any(up for up, _ in self._under_way)

    def _unsettled(self, now_ns: int) -> bool:
        return bool(self._under_way) or now_ns - self._born_ns < self._times.travel

    # What is asked and done ----------------------------------------------------------------

    def want(self, *, up: bool) -> None:
        """Take note of a command; one that lowers takes back what was asked before."""
        self._wanted = up

    def sent(self, *, up: bool, now_ns: int) -> None:
        """Take note that a pulse leaves for the field; it is the only one for its command."""
        self._under_way.append((up, now_ns))
        self._away = False
        self._wanted = False

    def not_sent(self, *, up: bool) -> None:
        """Take note that the last pulse had no effect, for certain."""
        if self._under_way and self._under_way[-1][0] is up:
            self._under_way.pop()

    # What is seen --------------------------------------------------------------------------

    def look(self, inputs: Inputs, now_ns: int) -> list[Told]:
        """Take the inputs as they are now; return what is worth telling."""
        told: list[Told] = []
        self._follow_pulse(inputs, now_ns, told)
        self._follow_limits(inputs, now_ns, told)
        self._follow_loop(inputs, now_ns, told)
        if inputs.local is not None and inputs.local is not self._local:
            if self._local is not None or inputs.local:
                told.append(Told("local_mode_on" if inputs.local else "local_mode_off"))
            self._local = inputs.local
        return told

    def _follow_pulse(self, inputs: Inputs, now_ns: int, told: list[Told]) -> None:
        if not self._under_way:
            return
        up, since = self._under_way[-1]
        there = (inputs.up, inputs.down) == (up, not up)
        known = inputs.up is not None and inputs.down is not None
        self._away = self._away or (known and not there)
        # It may only not have begun yet to follow the pulse before, which sent it elsewhere.
        other = max((at for way, at in self._under_way if way is not up), default=0)
        if there and (not other or self._away or now_ns - other >= self._times.travel):
            self._under_way.clear()
        elif known and now_ns - since >= self._times.travel:
            self._under_way.clear()
            if inputs.up is not inputs.down:  # it stands where it stood
                told.append(Told("bollard_does_not_move", 1))

    def _follow_limits(self, inputs: Inputs, now_ns: int, told: list[Told]) -> None:
        known = inputs.up is not None and inputs.down is not None
        between = known and not inputs.up and not inputs.down
        if between:
            self._left_ns = self._left_ns or now_ns
        elif known:
            self._left_ns = 0
        cause = ""
        if inputs.fault is True:
            now, cause = Position.FAULT, "its PLC reports it"
        elif inputs.up is True and inputs.down is True:
            now, cause = Position.FAULT, "both limit switches are on"
        elif not known:
            now = Position.UNKNOWN
        elif between and now_ns - self._left_ns >= self._times.travel:
            now, cause = Position.UNKNOWN, "no limit switch came on in time"
        elif between or self._under_way:
            now = Position.MOVING
        else:
            now = Position.RAISED if inputs.up else Position.LOWERED
        self.position = now
        self._tell_position(now, cause, told, fault_known=inputs.fault is not None and known)

    def _tell_position(
        self, now: Position, cause: str, told: list[Told], *, fault_known: bool
    ) -> None:
        """Tell what is new; what cannot be read is its link's to tell, and changes nothing."""
        if now is Position.FAULT:
            if not self._faulty:
                self._faulty = True
                told.append(Told("bollard_fault", 2, cause))
            return
        if self._faulty and fault_known:
            self._faulty = False
            told.append(Told("bollard_fault_cleared"))
        if now is Position.UNKNOWN and cause and not self._lost:
            self._lost = True
            told.append(Told("bollard_position_unknown", 1, cause))
        if now in (Position.RAISED, Position.LOWERED):
            self._lost = False
            if self._stood not in (None, now):
                raised = now is Position.RAISED
                told.append(Told("bollard_raised" if raised else "bollard_lowered"))
            self._stood = now

    def _follow_loop(self, inputs: Inputs, now_ns: int, told: list[Told]) -> None:
        if inputs.loop is None:
            return
        if not inputs.loop:
            self._loop_ns = 0
            if self.stuck:
                self.stuck = False
                told.append(Told("loop_stuck_cleared"))
        elif not self._loop_ns:
            self._loop_ns = now_ns
        elif not self.stuck and now_ns - self._loop_ns >= self._times.stuck:
            self.stuck = True
            told.append(Told("loop_stuck", 2, "occupied for too long; it stays down"))
