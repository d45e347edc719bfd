"""Where everything of a building is: its register map, and bits and words as bytes.

Addresses are those on the wire, from 0; a building answers as unit 1. What changes at once is
packed into the first 13 input registers, so that one short read brings all of it; what is measured
lies together from 100 on; and all that can be written lies in the holding registers.

=======  =========  ==============================================  ==========================
table    address    what                                            raw value
=======  =========  ==============================================  ==========================
input    0          door n open                                     bit n - 1, doors 1 to 6
input    1          bolt of door n thrown                           bit n - 1
input    2          fire in fire zone n                             bit n - 1, zones 1 to 6
input    2          fire system faulty; partly switched off         bit 8; bit 9
input    3, 4       detectors of intrusion zones 1 and 2            bit n - 1, detectors 1 to 6
input    5          tamper of zones 1, 2; fault of zones 1, 2;      bits 0, 1; 2, 3;
                    order to arm taken by zones 1, 2                4, 5
input    6, 7       state of intrusion zones 1, 2                   0 disarmed, 1 exit time,
                                                                    2 armed, 3 entry time,
                                                                    4 fault, 5 tamper, 6 alarm
input    8, 9       detectors left out until disarmed, zones 1, 2   bit n - 1
input    10, 11     detectors left out until restored, zones 1, 2   bit n - 1
input    12         boiler 1, boiler 2, fan 1, fan 2 really run     bits 0 to 3
input    100 + n    temperature of room n (from 0), 8 rooms         0.1 °C, signed
input    108 – 110  water to and from the boiler; outside           0.1 °C, signed
input    111, 112   air supplied by fans 1, 2                       0.1 °C, signed
input    113 – 117  carbon dioxide in five rooms                    ppm
input    118 – 120  electric power: all, boilers, fans              0.1 kW
input    121 – 126  electricity: all, boilers, fans                 0.1 kWh, high word first
input    127, 128   heat                                            0.1 kWh, high word first
input    129 – 132  water, two meters                               0.001 m3, high word first
input    133, 134   gas                                             0.01 m3, high word first
holding  0 – 5      temperature wanted, six rooms                   0.1 °C, 50 to 300
holding  6, 7       flow of air wanted, fans 1, 2                   0.1 %, 0 to 1000
holding  8, 9       boilers wanted on                               0 or 1
holding  10, 11     fans wanted on                                  0 or 1
holding  12 – 17    doors to be locked                              0 or 1
holding  18, 19     intrusion zones to be armed                     0 or 1
holding  20, 21     detectors to leave out until disarmed           bit n - 1
holding  22, 23     detectors to leave out until restored           bit n - 1
=======  =========  ==============================================  ==========================

Nothing of the fire system, and nothing that is measured, is in a table that can be written.
"""

from __future__ import annotations

from collections.abc import Iterable

SIGNALS, SIGNALS_COUNT = 0, 13
MEASURES, MEASURES_COUNT = 100, 35
ORDERS, ORDERS_COUNT = 0, 24

DOORS = 6
FIRE_ZONES = 6
ZONES = 2
DETECTORS = 6
ROOMS = 8
HEATED = 6
"""Rooms that have a setpoint; the others go with their mean."""
BOILERS = FANS = 2

SETPOINT_AT, FLOW_AT, BOILER_AT, FAN_AT = 0, 6, 8, 10
LOCK_AT, ARM_AT, INHIBIT_AT, ISOLATE_AT = 12, 18, 20, 22

FIRE_FAULT_BIT, FIRE_DISABLEMENT_BIT = 8, 9

_DETECTOR_MASK = (1 << DETECTORS) - 1
LIMITS: tuple[tuple[int, int], ...] = (
    *[(50, 300)] * HEATED,
    *[(0, 1000)] * FANS,
    *[(0, 1)] * (BOILERS + FANS + DOORS + ZONES),
    *[(0, _DETECTOR_MASK)] * (2 * ZONES),
)
"""What each holding register takes."""


def bits(flags: Iterable[bool]) -> int:
    """Return flags as the bits of a register, the first as the lowest."""
    return sum(1 << n for n, on in enumerate(flags) if on)
