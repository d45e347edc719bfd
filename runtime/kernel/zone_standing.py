"""What stands in a zone: claims, and what each point shall be."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jacquemart.runtime.kernel.claim_order import (
    cleared_by,
    outdates,
    place_for,
    refuses,
    replaces,
    sequence_of,
)
from jacquemart.runtime.kernel.command_window import Body, Key
from jacquemart.runtime.kernel.journal_clock import JournalClock
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, LOCKOUT_SLOT, NEVER_PREEMPTED, Claim
from jacquemart.runtime.model.outcome import Status

#: Commands whose effect is unknown, kept until somebody has found out; the oldest leave first.
UNRESOLVED_KEPT = 10_000
#: No bulk command of one host lasts longer; a longer time is that of clocks that differ.
BULK_LASTS_NS = 600 * 1_000_000_000


class Setpoint(NamedTuple):
    """What a point shall be, by the last ``set`` that was applied or may have been."""

    value: float | int | bool | str | None
    """As the command said it; a word only where nobody knew its number."""
    principal: str
    priority: int
    wall_ns: int


class Standing:
    """Claims and setpoints of a zone's devices, and those commands whose effect is unknown."""

    def __init__(self, clock: JournalClock) -> None:
        """Nothing stands; ``clock`` tells when leases are over."""
        self._clock = clock
        self.claims: dict[str, list[Claim]] = {}
        self._unsure: set[Key] = set()
        """Those of which no cell has told whether it has granted them."""
        self.setpoints: dict[tuple[str, str], Setpoint] = {}
        self.above: set[tuple[str, str]] = set()
        """Where the setpoint stands above the holds of its point: it was stronger than all."""
        self.unresolved: dict[Key, Body] = {}
        """``device``, ``point``, ``value``, ``wall_ns``, and ``before`` and ``above``: the setpoint
        that was, and whether it stood above holds."""
        self.resolutions: dict[Key, tuple[int, float | None]] = {}
        """What was found out of commands that had ended INDETERMINATE: status and value."""
        self._points: dict[str, list[str]] | None = None
        """Device -> its points that are set; made when a cell asks for devices one after the
        other, and gone when another point is set."""

    def points_of(self, device: str) -> dict[str, list[Any]]:
        """Return the setpoints of a device's points, as plain values."""
        index = self._points
        if index is None:
            index = self._points = {}
            for owner, point in self.setpoints:
                index.setdefault(owner, []).append(point)
        return {point: list(self.setpoints[device, point]) for point in index.get(device, ())}

    def points_changed(self) -> None:
        """Take note that another point has a setpoint, or one has none any more."""
        self._points = None

    def forget(self, devices: Collection[str]) -> None:
        """Let nothing stand of devices that are no more in the zone."""
        for device in devices:
            self.claims.pop(device, None)
        gone = [place for place in self.setpoints if place[0] in devices]
        for place in gone:
            del self.setpoints[place]
        self.above = {place for place in self.above if place[0] not in devices}
        doubts = [key for key, doubt in self.unresolved.items() if doubt["device"] in devices]
        for key in doubts:
            del self.unresolved[key]
        self._points = None

    def rebase(self, offset_ns: int) -> None:
        """Shift all boot-times by ``offset_ns``: the host was started anew, its clock too."""
        for device, claims in self.claims.items():
            self.claims[device] = [
                replace(claim, until_boot_ns=max(1, claim.until_boot_ns + offset_ns))
                if claim.until_boot_ns
                else claim
                for claim in claims
            ]

    def set_ended(self, accepted: Body, ended: Body, wall_ns: int) -> None:
        """Take the end of a ``set``.

        One of which nobody can say whether it was sent is no setpoint until it is found out:
        else the end of a hold would have it written, long after its deadline.
        """
        status = ended.get("status", Status.INDETERMINATE)
        if status not in (Status.APPLIED, Status.INDETERMINATE):
            return
        place = (accepted["device"], accepted.get("point", ""))
        value = value_of(accepted, ended)
        if status == Status.APPLIED and place[0] not in self.claims:  # nearly always
            if place not in self.setpoints:
                self.points_changed()
            about = accepted["principal"], accepted.get("priority", 8)
            self.setpoints[place] = Setpoint(value, *about, wall_ns)
            return
        stands = status == Status.APPLIED or _may_be_sent(ended)
        if stands and self._of_a_hold(place, accepted, value, wall_ns):
            return
        before, above = self.setpoints.get(place), place in self.above
        about = (accepted["principal"], accepted.get("priority", 8))
        if stands:
            self._set(place, Setpoint(value, *about, wall_ns), wall_ns)
        if status == Status.INDETERMINATE:
            doubt: dict[str, Any] = {
                "device": place[0], "point": place[1], "value": value, "wall_ns": wall_ns,
                "before": list(before) if before is not None else None, "above": above,
            }  # fmt: skip
            if not stands:
                doubt["priority"] = about[1]
            self.unresolved[(accepted["principal"], accepted["id"])] = doubt
            while len(self.unresolved) > UNRESOLVED_KEPT:
                del self.unresolved[next(iter(self.unresolved))]

    def _set(self, place: tuple[str, str], setpoint: Setpoint, now_ns: int) -> None:
        """Let a point have a setpoint, which stands above its holds if it is stronger than all.

        Those that came between it and ``now_ns``, when that is told, are no matter.
        """
        if place not in self.setpoints:
            self._points = None
        self.setpoints[place] = setpoint
        slots = [
            claim.slot
            for claim in self.claims.get(place[0], ())
            if claim.verb == HOLD
            and claim.point == place[1]
            and not setpoint.wall_ns < claim.since_wall_ns <= now_ns
            and self._runs(claim, setpoint.wall_ns)
        ]
        if slots and setpoint.priority < min(slots):
            self.above.add(place)

    def _runs(self, claim: Claim, wall_ns: int) -> bool:
        """Whether the lease of a claim was not over at a time; that it was may be told later."""
        return not claim.until_boot_ns or claim.until_boot_ns > self._clock.boot_of(wall_ns)

    def _cleared(self, place: tuple[str, str], slot: int) -> None:
        """Let a setpoint stand above no hold any more, if it did so in a slot."""
        setpoint = self.setpoints.get(place)
        if setpoint is not None and setpoint.priority == slot:
            self.above.discard(place)

    def _of_a_hold(self, place: tuple[str, str], accepted: Body, value: Any, wall_ns: int) -> bool:
        """Take a ``set`` by the owner of a hold in its slot: it has changed the hold."""
        wanted = (place[1], accepted.get("priority", 8), accepted["principal"])
        claims = self.claims.get(place[0], [])
        for at, claim in enumerate(claims):
            same = (claim.point, claim.slot, claim.owner) == wanted
            older = 0 < sequence_of(accepted) < claim.sequence
            if claim.verb == HOLD and same and not older and self._runs(claim, wall_ns):
                claims[at] = replace(claim, value=value)
                return True
        return False

    def resolved(self, body: Body) -> None:
        """Take what was found out; what was not applied after all leaves what was before."""
        key = (body["principal"], body["id"])
        doubt = self.unresolved.pop(key, None)
        self.resolutions[key] = (body.get("status", Status.INDETERMINATE), body.get("value"))
        while len(self.resolutions) > UNRESOLVED_KEPT:
            del self.resolutions[next(iter(self.resolutions))]
        if doubt is None:
            return
        place = (doubt["device"], doubt["point"])
        standing = self.setpoints.get(place)
        if "priority" in doubt:  # it did not stand
            anew = standing is not None and standing.wall_ns > doubt["wall_ns"]
            if body.get("status") == Status.APPLIED and not anew:
                found = Setpoint(doubt["value"], key[0], doubt["priority"], doubt["wall_ns"])
                self._set(place, found, doubt["wall_ns"])
            return
        if body.get("status") != Status.FAILED:
            return
        if standing is None or standing.wall_ns != doubt["wall_ns"]:
            return  # somebody has set it anew
        if not doubt.get("above"):
            self.above.discard(place)
        if doubt["before"] is None:
            del self.setpoints[place]
            self._points = None
        else:
            self.setpoints[place] = Setpoint(*doubt["before"])

    def bulk_ended(self, accepted: Body, ended: Body, wall_ns: int) -> None:
        """Take the end of a bulk command: each device that it reached has the new setpoint.

        Except where somebody has set it anew between the device's end and the last one's. A
        device of which nobody knows keeps what it had: nothing finds out more of it later, as
        with a single command, and it may never have been sent there.
        """
        point = accepted.get("point", "")
        value = accepted.get("number", accepted.get("value"))
        about = (accepted["principal"], accepted.get("priority", 8))
        devices = ended.get("devices", ())
        finished, ago = _ends(ended, len(devices))
        # Those that ended together share one setpoint: there are few, of 100,000 devices.
        made = {at: Setpoint(value, *about, wall_ns - ago_ns) for at, ago_ns in ago.items()}
        claims, setpoints, applied = self.claims, self.setpoints, int(Status.APPLIED)
        count = len(setpoints)
        for device, status, at in zip(devices, ended.get("statuses", b""), finished, strict=False):
            if status != applied:
                continue
            place, setpoint = (device, point), made[at]
            known = setpoints.get(place)
            if known is not None and setpoint.wall_ns < known.wall_ns <= wall_ns:
                continue
            if device not in claims:
                setpoints[place] = setpoint
            elif not self._of_a_hold(place, accepted, value, setpoint.wall_ns):
                self._set(place, setpoint, wall_ns)
        if len(setpoints) != count:
            self._points = None

    def claim_accepted(self, accepted: Body, ended: Body, wall_ns: int = 0) -> None:
        """Take the end of a claim that took effect, or may have: it stands.

        Unless that became known too late. A device does what it is told in the order in which it
        was accepted; so where ends become known in another order, that of acceptance counts.
        """
        status = ended.get("status", Status.INDETERMINATE)
        device, point = accepted["device"], accepted.get("point", "")
        slot = accepted.get("priority", 8)
        claim = Claim(
            accepted["verb"], device, point, slot, value_of(accepted, ended),
            accepted["principal"], accepted.get("why", ""), accepted.get("until_wall_ns", 0),
            accepted.get("grace_ms", NEVER_PREEMPTED), accepted["id"], wall_ns,
            accepted.get("until_boot_ns", 0), accepted.get("sequence", 0),
        )  # fmt: skip
        kept = self.claims.get(device, [])
        if accepted.get("over"):  # its cell, or a release that came after it, has ended it already
            for old in [old for old in kept if outdates(claim, old)]:
                self._remove(device, point, old.slot, old.owner, old.id)
            return
        if status == Status.INDETERMINATE and any(
            refuses(old, claim) and self._runs(old, wall_ns) for old in kept
        ):
            return  # whether or not a cell had it before it was lost: it does not stand
        key = (claim.owner, claim.id)
        for old in kept:
            granted = old.owner == claim.owner or (old.owner, old.id) not in self._unsure
            if outdates(old, claim) and granted:
                return
        # In the old one's place: of two reservations, the second one is who asks for the first.
        at = next((at for at, old in enumerate(kept) if replaces(claim, old)), -1)
        rest = kept[:at] + kept[at + 1 :] if at >= 0 else kept
        place = at if at >= 0 else place_for(claim, kept)
        self.claims[device] = [*rest[:place], claim, *rest[place:]]
        if status == Status.INDETERMINATE and not _may_be_sent(ended):
            self._unsure.add(key)
        else:
            self._unsure.discard(key)
        if claim.verb == HOLD:
            self._cleared((device, point), slot)

    def released(self, accepted: Body, *, only_own: bool = False) -> None:
        """Take a release that took effect, or may have, also if the next value did not arrive.

        It ends one's own claim, else what is weaker than who asks (``only_own``: it has ended one
        of which nothing is known here yet). Of two reservations that is the first; who has asked
        for it then has it. What was accepted later is not meant.
        """
        device, point, sequence = (
            accepted["device"],
            accepted.get("point", ""),
            sequence_of(accepted),
        )
        principal, priority = accepted["principal"], accepted.get("priority", 8)
        cleared = cleared_by(accepted)
        if point:
            self._cleared((device, point), cleared)
        lockout = cleared == LOCKOUT_SLOT
        meant = [
            claim
            for claim in self.claims.get(device, ())
            if claim.point == point
            and (claim.slot == cleared if point else (claim.verb == LOCKOUT) == lockout)
            and not 0 < sequence < claim.sequence
        ]
        own = [claim for claim in meant if claim.owner == principal]
        weaker = [claim for claim in meant[:1] if priority < claim.slot and not only_own]
        for claim in own or weaker:
            self._remove(device, point, claim.slot, claim.owner, claim.id)

    def claim_ended(self, body: Body) -> None:
        """Take the end of a claim that stood."""
        self._remove(
            body["device"], body.get("point", ""), body.get("slot", 0), body.get("owner", ""),
            body.get("id", b""),
        )  # fmt: skip

    def _remove(self, device: str, point: str, slot: int, owner: str, id: bytes = b"") -> None:
        kept = [
            claim
            for claim in self.claims.get(device, ())
            if claim.point != point
            or (slot and claim.slot != slot)
            or (owner and claim.owner != owner)
            or (id and claim.id and claim.id != id)  # it has been made anew since
        ]
        if kept:
            self.claims[device] = kept
        else:
            self.claims.pop(device, None)
        self._unsure.discard((owner, id))
        if not any(claim.verb == HOLD and claim.point == point for claim in kept):
            self.above.discard((device, point))

    # As plain values -------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Return all but the setpoints as plain values, for a snapshot."""
        return {
            "claims": [one.as_plain() for found in self.claims.values() for one in found],
            "unsure": sorted(
                [claim.owner, claim.id]
                for found in self.claims.values()
                for claim in found
                if (claim.owner, claim.id) in self._unsure
            ),
            "above": [list(place) for place in self.above],
            "unresolved": [[*key, body] for key, body in self.unresolved.items()],
            "resolutions": [[*key, *found] for key, found in self.resolutions.items()],
        }

    def rows(self) -> tuple[int, Iterator[list[Any]]]:
        """Return how many setpoints stand, and each as plain values, as of now."""
        kept = list(self.setpoints.items())
        return len(kept), ([*place, *found] for place, found in kept)

    def take(self, values: Mapping[str, Any], rows: Iterable[Sequence[Any]]) -> None:
        """Take back what ``plain`` and ``rows`` gave; what is missing is as at the beginning."""
        for row in values.get("claims", ()):
            claim = Claim.from_plain(row)
            if claim.until_wall_ns and not claim.until_boot_ns:  # of an older version
                until_ns = max(1, self._clock.boot_of(claim.until_wall_ns))
                claim = replace(claim, until_boot_ns=until_ns)
            self.claims.setdefault(claim.device, []).append(claim)
        self._unsure = {(row[0], row[1]) for row in values.get("unsure", ())}
        self.setpoints = {(row[0], row[1]): Setpoint(*row[2:6]) for row in rows}
        self._points = None
        if "above" in values:
            self.above = {(row[0], row[1]) for row in values["above"]}
        else:  # written by a version that did not know: what came after all holds is above them
            self.above = {
                (device, point)
                for (device, point), found in self.setpoints.items()
                if _is_above(
                    found, [one for one in self.claims.get(device, ()) if one.point == point]
                )
            }
        self.unresolved = {(row[0], row[1]): row[2] for row in values.get("unresolved", ())}
        self.resolutions = {
            (row[0], row[1]): (row[2], row[3]) for row in values.get("resolutions", ())
        }


def value_of(accepted: Body, ended: Body) -> Any:
    """Return the value that a command wanted: a number, if anybody knew what its word means."""
    value = accepted.get("number", accepted.get("value"))
    if isinstance(value, str) and ended.get("status") == Status.APPLIED:
        seen = ended.get("value")
        return value if seen is None else seen
    return value


def _may_be_sent(ended: Body) -> bool:
    """Whether a command of unknown end has a time at which it was sent; old records tell none."""
    stages = ended.get("stages")
    return stages is None or bool(stages[1])


def _ends(ended: Body, count: int) -> tuple[Sequence[int], Mapping[int, int]]:
    """Return when a bulk command's devices ended, and of each time how long before the last (ns).

    Boot-times of different hosts cannot be compared: what cannot be is taken for the end.
    """
    packed = ended.get("finished_ns", b"")
    if not count or len(packed) != 8 * count:
        return (0,) * count, {0: 0}
    finished = struct.unpack(f"<{count}Q", packed)
    last = max(finished)
    return finished, {at: last - at if last - at <= BULK_LASTS_NS else 0 for at in set(finished)}


def _is_above(setpoint: Setpoint, holds: Sequence[Claim]) -> bool:
    return bool(holds) and all(
        0 < hold.since_wall_ns < setpoint.wall_ns and setpoint.priority < hold.slot
        for hold in holds
    )
