"""The intrusion panel of a building. Pure: the time is an argument and never goes back.

It is a simple one: exit and entry time, an entry route (the first detector), tamper at any time;
it does not confirm alarms. A detector that was activated stays so for ``HOLD_S``, so that who asks
every few seconds misses nothing.
"""

from __future__ import annotations

from field.building_registers import DETECTORS

DISARMED, EXIT, ARMED, ENTRY, FAULT, TAMPER, ALARM = range(7)
HOLD_S = 10.0


class PanelZone:
    """One intrusion zone."""

    def __init__(self, exit_s: float, entry_s: float) -> None:
        """Begin disarmed, with everything at rest."""
        self.state = DISARMED
        self.tamper = False
        self.fault = False
        self.inhibited = 0
        self.isolated = 0
        self.held_open = 0
        """Detectors that stay open until told otherwise, as bits."""
        self._exit_s = exit_s
        self._entry_s = entry_s
        self._due = 0.0
        self._open_until = [0.0] * DETECTORS

    @property
    def taken(self) -> bool:
        """Return whether the order to arm was taken: from the exit time on."""
        return self.state in (EXIT, ARMED, ENTRY, ALARM)

    def open_bits(self, now: float) -> int:
        """Return the detectors that are open, as bits."""
        return self.held_open | sum(1 << n for n, end in enumerate(self._open_until) if now < end)

    def order(self, now: float, *, arm: bool) -> None:
        """Arm, if everything is at rest; or disarm, whatever the state."""
        self.advance(now)
        if not arm:
            self.state = TAMPER if self.tamper else FAULT if self.fault else DISARMED
            self.inhibited = 0
        elif self.state == DISARMED and not self._restless(now):
            self.state, self._due = EXIT, now + self._exit_s

    def activate(self, now: float, detector: int) -> None:
        """Let a detector (from 0) see something."""
        self.advance(now)
        self._open_until[detector] = now + HOLD_S
        if self._left_out() >> detector & 1:
            return
        if self.state == ARMED and detector == 0:
            self.state, self._due = ENTRY, now + self._entry_s
        elif self.state == ARMED or (self.state == ENTRY and detector != 0):
            self.state = ALARM

    def signal(self, now: float, *, tamper: bool | None = None, fault: bool | None = None) -> None:
        """Let the tamper contact or the fault relay change."""
        self.advance(now)
        self.tamper = self.tamper if tamper is None else tamper
        self.fault = self.fault if fault is None else fault
        if tamper:
            self.state = ALARM if self.taken else TAMPER
        elif fault and self.state == DISARMED:
            self.state = FAULT
        elif self.state == FAULT and not self.fault:
            self.state = DISARMED

    def advance(self, now: float) -> None:
        """End the exit or entry time, if it is over."""
        if self.state == EXIT and now >= self._due:
            self.state = DISARMED if self._restless(now) else ARMED
        elif self.state == ENTRY and now >= self._due:
            self.state = ALARM

    def _restless(self, now: float) -> bool:
        return bool(self.open_bits(now) & ~self._left_out())

    def _left_out(self) -> int:
        return self.inhibited | self.isolated
