"""Where everything stands in a ledger: fixed places of one file, magic and version first.

    header     magic, version, pid, how many were sent, what runs on the loop's stack, who held it
    attempts   what died with earlier processes, and how often (128 entries of 128 bytes)
    handling   messages in hand (1,024 entries of 512 bytes)
    sent       digests of what was handed to drivers (a ring of 65,536 sixteen-byte entries)

Numbers are unsigned, of eight bytes, in the host's own order: a ledger never leaves its host. An
entry of several fields begins and ends with the same stamp, which is never 0 and never used
twice. Packing zeroes the whole entry first and then fills it from front to back, so one that was
cut off has stamps that differ.
"""

from __future__ import annotations

from struct import Struct

MAGIC = int.from_bytes(b"JQLEDGER", "little")
VERSION = 1

# Places of the header, in numbers of eight bytes.
AT_MAGIC, AT_VERSION, AT_PID, AT_SENT, AT_RUNNING, AT_HELD_MS = range(6)
#: Nothing is known of what was done to the field before; boot-time ns. 0: that was not told.
AT_BLIND = 6
#: Whose ``on_start`` runs: stamped text at this byte of the header.
AT_STARTING = 256
#: When each block of the ring was begun; boot-time ns.
AT_BLOCKS = 64
HEADER = 4_096
#: Who held the loop too long: stamped text at this byte of the header.
AT_HELD_BY = 128
HELD = Struct("@QQ96sQ")

ATTEMPTS = 128
ATTEMPT = Struct("@QQ16sQ80sQ")
AT_ATTEMPTS = HEADER

SLOTS = 1_024
SLOT = Struct("@QQ488sQ")
TEXT = 488
AT_SLOTS = AT_ATTEMPTS + ATTEMPTS * ATTEMPT.size

RING = 65_536
DIGEST = 16
BLOCK = 1_024
BLOCKS = RING // BLOCK
AT_RING = AT_SLOTS + SLOTS * SLOT.size
SIZE = AT_RING + RING * DIGEST
