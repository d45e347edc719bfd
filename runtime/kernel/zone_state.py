"""What a zone's journal says: the state that its records make, one after the other.

Pure: the same records make the same state, in one go or from a snapshot and the rest. A body's
unknown keys are ignored, and a missing one has its default, so that a journal of an older or
newer version is read too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.kernel.bulk_window import BulkWindow
from jacquemart.runtime.kernel.claim_order import is_released, takes_effect
from jacquemart.runtime.kernel.command_window import KEPT, Body, CommandWindow, Key
from jacquemart.runtime.kernel.journal_clock import JournalClock
from jacquemart.runtime.kernel.zone_standing import Setpoint, Standing
from jacquemart.runtime.model.claim import CLAIM_VERBS, RELEASE, Claim
from jacquemart.runtime.model.errors import JournalCorrupt
from jacquemart.runtime.model.record import Record, RecordKind

#: Version of a snapshot; a reader takes any that is not newer.
VERSION = 1
#: Rows in a piece of a snapshot.
ROWS_A_PIECE = 100
#: Dead letters that are kept; the oldest leave first.
DEAD_LETTERS_KEPT = 1_000

__all__ = ["DEAD_LETTERS_KEPT", "Setpoint", "ZoneState"]

LetterKey = tuple[str, bytes, str]


class ZoneState:
    """The state of one zone. ``apply`` takes each record once, in order."""

    def __init__(self, kept: int = KEPT) -> None:
        """Be the state before the first record; keep ``kept`` ended commands for repeats."""
        self.sequence = 0
        """Of the last record applied."""
        self.epoch = 0
        """Of the journal's owner."""
        self.clock = JournalClock()
        self.commands = CommandWindow(kept)
        self.bulks = BulkWindow()
        self.standing = Standing(self.clock)
        self.states: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self.parked: dict[str, str] = {}
        self.epochs: dict[str, tuple[int, str]] = {}
        """Shard -> epoch and holder."""
        self.hosts: dict[str, str] = {}
        """Shard -> host of the holder."""
        self.dead_letters: dict[LetterKey, Body] = {}
        """By principal, id and device; with ``wall_ns``, when it was written."""
        self._appliers: dict[int, Callable[[Body, Record], object]] = {
            RecordKind.OPENED: self._opened,
            RecordKind.ACCEPTED: self._accepted,
            RecordKind.ENDED: self._ended,
            RecordKind.RESOLVED: self._resolved,
            RecordKind.BULK_ACCEPTED: lambda body, _: self.bulks.accept(body),
            RecordKind.BULK_ENDED: self._bulk_ended,
            RecordKind.CLAIM_ENDED: self._claim_ended,
            RecordKind.EPOCH: self._epoch,
            RecordKind.STATE: self._state,
            RecordKind.DEAD_LETTER: self._dead_letter,
            RecordKind.DEAD_LETTER_ENDED: self._dead_letter_ended,
            RecordKind.PARKED: self._parked,
            RecordKind.LEFT: self._left,
            RecordKind.CANCEL: self._cancel,
        }

    @property
    def claims(self) -> dict[str, list[Claim]]:
        """Device -> the claims that stand."""
        return self.standing.claims

    @property
    def setpoints(self) -> dict[tuple[str, str], Setpoint]:
        """(device, point) -> what it shall be."""
        return self.standing.setpoints

    @property
    def unresolved(self) -> dict[Key, Body]:
        """Commands ``set`` that ended INDETERMINATE, and nobody has found out more yet."""
        return self.standing.unresolved

    def apply(self, record: Record) -> None:
        """Take the next record; one of an unknown kind changes nothing but the number."""
        self.sequence = record.sequence
        applier = self._appliers.get(record.kind)
        if applier is not None:
            applier(record.body, record)

    def unfinished(self) -> list[Body]:
        """Return the ACCEPTED bodies of commands without an end, in the order of acceptance."""
        return list(self.commands.running.values())

    def restore_of(self, devices: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return what devices need when a cell takes them, as plain values.

        Of each device that has anything at all: ``claims`` (a list of maps, the fields of
        ``Claim``), ``setpoints`` (point -> ``[value, principal, priority, wall_ns]``), ``above``
        (the points whose setpoint stands above their holds), ``kind``
        and ``state`` (what it saved; ``""`` and None if nothing), ``parked`` (why; ``""`` if it
        is not).
        """
        found: dict[str, dict[str, Any]] = {}
        for device in devices:
            claims = self.claims.get(device, ())
            points = self.standing.points_of(device)
            kind, state = self.states.get(device, ("", None))
            parked = self.parked.get(device, "")
            if claims or points or kind or parked:
                found[device] = {
                    "claims": [claim.as_plain() for claim in claims],
                    "setpoints": points,
                    "above": [one for one in points if (device, one) in self.standing.above],
                    "kind": kind,
                    "state": state,
                    "parked": parked,
                }
        return found

    def devices(self) -> set[str]:
        """Return the devices of which something stands, is set, saved or parked."""
        found = {device for device, _ in self.setpoints}
        return found.union(self.claims, self.states, self.parked)

    # Records ---------------------------------------------------------------------------------

    def _opened(self, body: Body, record: Record) -> None:
        self.epoch = body.get("epoch", record.epoch)
        offset_ns = self.clock.opened(
            body.get("boot_id", ""), body.get("boot_ns", 0), body.get("wall_ns", record.wall_ns)
        )
        if offset_ns is not None:  # boot-times of before mean nothing now
            self.commands.rebase(offset_ns)
            self.bulks.rebase(offset_ns)
            self.standing.rebase(offset_ns)

    def _accepted(self, body: Body, record: Record) -> None:
        boot_ns = body.get("boot_ns", 0)
        if boot_ns and "deadline_wall_ns" in body and "deadline_ns" in body:
            self.clock.told(boot_ns, boot_ns + body["deadline_wall_ns"] - body["deadline_ns"])
        verb = body.get("verb")
        if verb == "set":
            body = {**body, "sequence": record.sequence}
        elif verb in CLAIM_VERBS:
            until_ns = 0
            if boot_ns and body.get("lease_ms"):
                until_ns = boot_ns + body["lease_ms"] * 1_000_000
            elif body.get("until_wall_ns"):
                until_ns = max(1, self.clock.boot_of(body["until_wall_ns"]))
            body = {**body, "sequence": record.sequence, "until_boot_ns": until_ns}
        self.commands.accept(body)

    def _ended(self, body: Body, record: Record) -> None:
        accepted = self.commands.end(body)
        if accepted is None:
            return
        verb = accepted.get("verb")
        if verb == "set":
            self.standing.set_ended(accepted, body, record.wall_ns)
        elif verb == RELEASE and takes_effect(body):
            running = self.commands.claims_of(accepted["device"])
            gone = [key for key, claim in running if is_released(claim, accepted)]
            for key in gone:
                self.commands.claim_over(key)
            own = any(owner == accepted["principal"] for owner, _ in gone)
            self.standing.released(accepted, only_own=own or "over" in accepted)
        elif verb in CLAIM_VERBS and takes_effect(body):
            self.standing.claim_accepted(accepted, body, record.wall_ns)

    def _claim_ended(self, body: Body, record: Record) -> None:
        owner, point = body.get("owner", ""), body.get("point", "")
        self.commands.claim_over((owner, body.get("id", b"")))
        for key, running in self.commands.claims_of(body["device"]) if not point else ():
            about = running.get("verb"), key[0], running.get("point", "")
            if about == (RELEASE, owner, ""):  # it has ended its owner's own
                self.commands.claim_over(key)
        self.standing.claim_ended(body)

    def _cancel(self, body: Body, record: Record) -> None:
        if body.get("bulk"):
            self.bulks.cancel(body)
        else:
            self.commands.cancel(body)

    def _resolved(self, body: Body, record: Record) -> None:
        self.standing.resolved(body)

    def _bulk_ended(self, body: Body, record: Record) -> None:
        accepted = self.bulks.end(body)
        if accepted is not None:
            self.standing.bulk_ended(accepted, body, record.wall_ns)

    def _epoch(self, body: Body, record: Record) -> None:
        self.epochs[body["shard"]] = (body["epoch"], body.get("holder", ""))
        self.hosts[body["shard"]] = body.get("host", "")

    def _state(self, body: Body, record: Record) -> None:
        self.states[body["device"]] = (body.get("kind", ""), body.get("state") or {})

    def _parked(self, body: Body, record: Record) -> None:
        if body.get("parked", True):
            self.parked[body["device"]] = body.get("why", "")
        else:
            self.parked.pop(body["device"], None)

    def _left(self, body: Body, record: Record) -> None:
        gone = set(body.get("devices", ()))
        self.standing.forget(gone)
        for device in gone:
            self.states.pop(device, None)
            self.parked.pop(device, None)

    def _dead_letter(self, body: Body, record: Record) -> None:
        key = (body["principal"], body["id"], body.get("device", ""))
        self.dead_letters.pop(key, None)
        self.dead_letters[key] = {**body, "wall_ns": record.wall_ns}
        while len(self.dead_letters) > DEAD_LETTERS_KEPT:
            del self.dead_letters[next(iter(self.dead_letters))]

    def _dead_letter_ended(self, body: Body, record: Record) -> None:
        device = body.get("device")
        for key in [key for key in self.dead_letters if key[:2] == (body["principal"], body["id"])]:
            if device is None or key[2] == device:
                del self.dead_letters[key]

    # Snapshots -------------------------------------------------------------------------------

    def pack(self) -> bytes:
        """Return the whole state as bytes, versioned."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Return the state as it is now, in pieces that each take about a millisecond to make.

        Records may be applied between two pieces; they are not in it.
        """
        small = {
            "version": VERSION,
            "sequence": self.sequence,
            "epoch": self.epoch,
            **self.clock.plain(),
            "commands": self.commands.plain(),
            "bulks": self.bulks.plain(),
            "standing": self.standing.plain(),
            "parked": dict(self.parked),
            "epochs": {
                shard: [epoch, holder, self.hosts.get(shard, "")]
                for shard, (epoch, holder) in self.epochs.items()
            },
            "dead_letters": list(self.dead_letters.values()),
        }
        states = list(self.states.items())
        rows: Iterator[list[Any]] = ([device, *found] for device, found in states)
        large = {
            "ended": self.commands.rows(),
            "setpoints": self.standing.rows(),
            "states": (len(states), rows),
        }
        return _packed(small, large)

    @classmethod
    def unpack(cls, packed: bytes, kept: int = KEPT) -> ZoneState:
        """Return the state that ``pack`` wrote; empty bytes are the state before all records.

        Raises:
            JournalCorrupt: no snapshot, or one of a newer version: the software is too old.
        """
        state = cls(kept)
        if not packed:
            return state
        try:
            values = msgpack.unpackb(
                packed, raw=False, strict_map_key=False, use_list=True,
                unicode_errors="surrogatepass",
            )  # fmt: skip
            version = values["version"]
        except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
            raise JournalCorrupt(f"the snapshot cannot be read: {error}") from error
        if version > VERSION:
            raise JournalCorrupt(
                f"the snapshot has version {version}, allowed: up to {VERSION}",
                advice="a newer version of the software wrote it; use that",
            )
        state.sequence = values.get("sequence", 0)
        state.epoch = values.get("epoch", 0)
        state.clock.take(values)
        state.commands.take(values.get("commands", {}), values.get("ended", ()))
        state.bulks.take(values.get("bulks", {}))
        state.standing.take(values.get("standing", {}), values.get("setpoints", ()))
        state.states = {row[0]: (row[1], row[2]) for row in values.get("states", ())}
        state.parked = dict(values.get("parked", {}))
        for shard, row in values.get("epochs", {}).items():
            state.epochs[shard] = (row[0], row[1])
            state.hosts[shard] = row[2]
        for body in values.get("dead_letters", ()):
            key = (body["principal"], body["id"], body.get("device", ""))
            state.dead_letters[key] = body
        return state


def _packed(
    small: Mapping[str, Any], large: Mapping[str, tuple[int, Iterator[list[Any]]]]
) -> Iterator[bytes]:
    """Yield one map: ``small`` as it is, and ``large`` as arrays of so many rows."""
    packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogatepass")
    yield packer.pack_map_header(len(small) + len(large))
    for name, value in small.items():
        yield packer.pack(name) + packer.pack(value)
    for name, (count, rows) in large.items():
        yield packer.pack(name) + packer.pack_array_header(count)
        while piece := list(islice(rows, ROWS_A_PIECE)):
            yield b"".join(map(packer.pack, piece))
