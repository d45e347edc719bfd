"""Where everything is: the register map of a cabinet, and blocks of registers as bytes.

Addresses are those on the wire, from 0. A cabinet answers as two Modbus units on one address:

====  ==========  =========  ====================================  =================
unit  table       address    what                                  raw value
====  ==========  =========  ====================================  =================
1     coil        0          contactor, commanded                  1 = closed
1     discrete    0          contactor, as it really is            1 = closed
1     discrete    1          door                                  1 = open
1     input       0          voltage                               0.1 V
1     input       1          current                               0.01 A
1     input       2, 3       power, high word first                1 W
1     input       4, 5       energy, high word first               1 Wh
2     holding     n          setpoint of lamp n                    0.1 %, 0 to 1000
2     input       100 + 2n   level that lamp n really has          0.1 %
2     input       101 + 2n   status of lamp n                      bit 0: lamp fault
2     input       300 + n    power of lamp n                       0.1 W
2     input       400 + 2n   burning time of lamp n, and the next  0.001 h, low word
                             register                              first
====  ==========  =========  ====================================  =================

Unit 1 is the cabinet's controller, unit 2 the lamp nodes behind its contactor: with the
contactor open they have no power, cannot be addressed, and the controller answers for them as a
gateway does, with exception 11. Any other unit has no path there: exception 10. Units 0 and 255
mean the device at the address itself, as on any Modbus TCP device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from field.modbus import ILLEGAL_ADDRESS, Refusal

CONTROLLER_UNITS = frozenset({0, 1, 255})
LAMPS_UNIT = 2

COIL_CONTACTOR = 0
DISCRETE_CONTACTOR, DISCRETE_DOOR = 0, 1
METER = 0
SETPOINTS = 0
LEVELS = 100
POWERS = 300
BURNT = 400

FULL = 1000
"""The raw setpoint of 100 percent."""
FAULT_BIT = 1


@dataclass(slots=True)
class Block:
    """Neighbouring registers kept as the bytes that go over the wire.

    ``refresh`` brings them up to date before they are read.
    """

    start: int
    count: int
    image: bytearray
    refresh: Callable[[float], None] | None = None


def read_block(blocks: Sequence[Block], address: int, count: int, now: float) -> bytes:
    """Return registers that lie inside one block.

    Raises:
        Refusal: 2, since some of them do not exist.
    """
    for block in blocks:
        first = address - block.start
        if first >= 0 and first + count <= block.count:
            if block.refresh is not None:
                block.refresh(now)
            return bytes(block.image[2 * first : 2 * (first + count)])
    raise Refusal(ILLEGAL_ADDRESS)
