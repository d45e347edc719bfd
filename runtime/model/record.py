"""Records of a zone's journal: what is true, and must stay true over any restart.

A journal is a sequence of records, numbered 1, 2, 3 … without a hole. The state of a zone is what
its records say, one after the other (``kernel.zone_state``). Bodies are plain values (None, bool,
int, float, str, bytes, lists, maps with text keys), packed by msgpack; a reader ignores keys that
it does not know, and a key that is missing has the default named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple


class RecordKind(IntEnum):
    """What a record tells. Numbers are never reused; bodies only ever get further keys."""

    OPENED = 1
    """A zone cell took the journal over. ``epoch`` of the owner, ``boot_id`` of the host,
    ``boot_ns`` and ``wall_ns`` (what those clocks showed), ``version`` of the software."""
    ACCEPTED = 2
    """A command. ``id``, ``principal``, ``device``, ``verb``, ``point``, ``value``, ``unit``,
    ``priority``, ``deadline_ns`` (boot-time), ``deadline_wall_ns``; of a claim also
    ``lease_ms``, ``until_wall_ns``, ``grace_ms``, ``why``. ``boot_ns``: when that was, by the clock
    of its deadline."""
    ENDED = 3
    """Its end. ``id``, ``principal``, ``status``, ``reason``, ``detail``, ``value``, ``stages``
    (four)."""
    RESOLVED = 4
    """What read-back found after an INDETERMINATE end. ``id``, ``principal``, ``status``,
    ``value``."""
    BULK_ACCEPTED = 5
    """A bulk command for this zone. As ACCEPTED without ``verb``; ``kind`` and ``device`` are
    patterns."""
    BULK_ENDED = 6
    """``id``, ``principal``, ``devices`` (ids), ``statuses``, ``values``, ``dispatched_ns``,
    ``finished_ns`` (columns as in BULK_OUTCOME), ``exceptions`` (``[index, reason, detail]``)."""
    CLAIM_ENDED = 7
    """A claim that is no more. ``device``, ``point``, ``slot``, ``owner``, ``why`` (released,
    expired, replaced …)."""
    EPOCH = 8
    """Who may write to a shard. ``shard``, ``epoch``, ``holder`` (cell), ``host``."""
    STATE = 9
    """What a device has saved. ``device``, ``kind``, ``state``."""
    DEAD_LETTER = 10
    """A message that nobody could handle. ``id``, ``principal``, ``device``, ``verb``, ``point``,
    ``value``, ``priority``, ``attempts``, ``reason``, ``stack``."""
    DEAD_LETTER_ENDED = 11
    """It was replayed or thrown away. ``id``, ``principal``, ``by``, ``how``."""
    PARKED = 12
    """A device that is kept from acting. ``device``, ``parked`` (bool), ``why``."""
    CANCEL = 13
    """Who gave a command takes it back, if it was not sent. ``id``, ``principal``, ``boot_ns``;
    ``bulk`` (bool): it is a bulk command."""
    LEFT = 14
    """Devices that a change took out of the zone: their claims, setpoints and states are no more.
    ``devices`` (ids)."""


class Draft(NamedTuple):
    """A record to be: what a caller hands to a journal."""

    kind: RecordKind
    body: Mapping[str, Any]


class Record(NamedTuple):
    """A record that the journal has."""

    sequence: int
    """1, 2, 3 … within the journal."""
    epoch: int
    """Of the owner that wrote it."""
    wall_ns: int
    """When it was written; POSIX ns."""
    kind: RecordKind
    body: Mapping[str, Any]
