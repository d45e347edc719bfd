"""One access bollard and its PLC: a drive, two limit switches, a loop, and an interlock of its own.

Addresses are those on the wire, from 0; it answers as unit 1 and no other:

=======  =======  ============================================================
table    address  what
=======  =======  ============================================================
coil     0        raise: writing 1 is a pulse, 0 is nothing; reads as 0
coil     1        lower: the same
discrete 0        a vehicle stands on the loop
discrete 1        upper limit switch
discrete 2        lower limit switch
discrete 3        fault
discrete 4        local mode: somebody works it by hand, and pulses do nothing
=======  =======  ============================================================

The drive takes four seconds. The PLC does not raise while its loop is occupied, and lowers again
if a vehicle comes while it rises. It counts every pulse, and apart those that came while its loop
was occupied, and those that came although its last answer had said so: who sends such a one has
not looked, or has not minded.
"""

from __future__ import annotations

from collections.abc import Sequence

from field.bollard_traffic import Traffic
from field.modbus import (
    GATEWAY_NO_PATH,
    ILLEGAL_ADDRESS,
    READ_COILS,
    READ_DISCRETE,
    Refusal,
    answer,
    exception,
)

UNIT = 1
COILS, DISCRETES = 2, 5
RAISE, LOWER = 0, 1
TRAVEL_S = 4.0
LOOP_BIT = 0


class BollardPlc:
    """One bollard. ``now`` is the field's clock in seconds and never goes back."""

    def __init__(self, id: str, *, traffic: Traffic, up: bool, now: float) -> None:
        """Begin at a limit switch."""
        self.id = id
        self.lamps: tuple[()] = ()
        self.traffic = traffic
        self.fault = self.local = self.jammed = False
        self.raised = self.lowered = self.reversed = 0
        """Pulses that came, and risings that a vehicle turned back."""
        self.raised_while_occupied = self.raised_after_telling = 0
        self._told_occupied = False
        self._height = 1.0 if up else 0.0
        self._towards = self._height
        self._since = now

    # What a client sees --------------------------------------------------------------------

    def answer(self, unit_id: int, pdu: bytes, now: float) -> bytes:
        """Return the reply to a request PDU for a unit."""
        if unit_id != UNIT:
            return exception(pdu[0], GATEWAY_NO_PATH)
        self.advance(now)
        return answer(self, pdu, now)

    def read_bits(self, function: int, address: int, count: int, now: float) -> Sequence[bool]:
        """Return coils, or the inputs as they are."""
        bits: tuple[bool, ...]
        if function == READ_COILS:
            bits = (False,) * COILS
        elif function == READ_DISCRETE:
            bits = (self.occupied, self.is_up, self.is_down, self.fault, self.local)
        else:
            raise Refusal(ILLEGAL_ADDRESS)
        if address + count > len(bits):
            raise Refusal(ILLEGAL_ADDRESS)
        if function == READ_DISCRETE and address == LOOP_BIT:
            self._told_occupied = self.occupied
        return bits[address : address + count]

    def read_registers(self, function: int, address: int, count: int, now: float) -> bytes:
        """Refuse: there are no registers."""
        raise Refusal(ILLEGAL_ADDRESS)

    def write_coils(self, address: int, values: Sequence[bool], now: float) -> None:
        """Take pulses."""
        if address + len(values) > COILS:
            raise Refusal(ILLEGAL_ADDRESS)
        for coil, value in enumerate(values, address):
            if value:
                self.pulse(up=coil == RAISE, now=now)

    def write_registers(self, address: int, values: Sequence[int], now: float) -> None:
        """Refuse: there are no registers."""
        raise Refusal(ILLEGAL_ADDRESS)

    # What happens --------------------------------------------------------------------------

    @property
    def occupied(self) -> bool:
        """Return whether a vehicle stands on the loop."""
        return self.traffic.occupied

    @property
    def is_up(self) -> bool:
        """Return the upper limit switch."""
        return self._height >= 1.0

    @property
    def is_down(self) -> bool:
        """Return the lower limit switch."""
        return self._height <= 0.0

    def pulse(self, *, up: bool, now: float) -> None:
        """Take a pulse; ``advance`` must have been called."""
        if up:
            self.raised += 1
            self.raised_while_occupied += self.occupied
            self.raised_after_telling += self._told_occupied
        else:
            self.lowered += 1
        if not self.local:
            self.drive(up=up)

    def drive(self, *, up: bool) -> None:
        """Move, as far as the interlock lets it: by a pulse, or by hand."""
        if up and (self.occupied or self.fault):
            return
        self._towards = float(up)

    def hold_loop(self, shows: bool | None) -> None:
        """Hold the loop occupied or clear, or (None) let the vehicles decide."""
        self.traffic.held = shows
        self._turn_back()

    def advance(self, now: float) -> None:
        """Let time pass: vehicles come and go, and the drive moves."""
        while True:
            change = self.traffic.next_change
            if change > now:
                break
            self._move(max(change, self._since))
            self.traffic.turn(lowered=self.is_down, rising=self._rising)
            self._turn_back()
        self._move(now)
        self._turn_back()

    def _turn_back(self) -> None:
        if self._rising and self.occupied:
            self._towards = 0.0
            self.reversed += 1

    @property
    def _rising(self) -> bool:
        return self._towards > self._height

    def _move(self, now: float) -> None:
        if not self.jammed:
            way = (now - self._since) / TRAVEL_S
            if self._rising:
                self._height = min(1.0, self._height + way)
            else:
                self._height = max(self._towards, self._height - way)
        self._since = now
