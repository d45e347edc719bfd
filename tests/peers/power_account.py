"""What a city has promised before its power went, and what of it is there afterwards. Pure.

An account is kept by who commands, from outcomes alone. A point may stand where the last applied
value is; where a later command has no known end, it may stand at that one's value too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jacquemart.runtime.model.claim import HOLD, Claim
from jacquemart.runtime.model.outcome import Outcome, Status

#: A claim: verb, device, point, slot, owner.
Place = tuple[str, str, str, int, str]

_STANDS = (Status.APPLIED, Status.FAILED, Status.INDETERMINATE, Status.SUPERSEDED)


@dataclass
class Account:
    """What was promised. Devices have one writable point each."""

    setpoints: dict[str, set[float | None]] = field(default_factory=dict)
    """Device -> the values that it may have been set to last; None: it was never set."""
    claims: dict[Place, float | None] = field(default_factory=dict)
    """What must stand, and at which value."""
    flying: dict[bytes, tuple[str, float]] = field(default_factory=dict)
    """Commands whose end nobody has told: id -> device and value."""
    accepted: set[bytes] = field(default_factory=set)
    """Commands that were said to be accepted, whatever became of them."""
    ends: dict[bytes, Status] = field(default_factory=dict)
    """Commands whose end was told."""

    def may_be(self, device: str) -> set[float | None]:
        """Return the values that a device may have been set to last."""
        return self.setpoints.get(device, {None})

    def sends(self, device: str, value: float, id: bytes) -> None:
        """Take note that a command leaves; one device has one at a time."""
        self.flying[id] = device, value

    def told(self, id: bytes, outcome: Outcome) -> None:
        """Take note of a command's end."""
        device, value = self.flying.pop(id)
        self.ends[id] = outcome.status
        self._reached(device, value, outcome.status)

    def bulk(self, outcomes: Iterable[Outcome], value: float) -> None:
        """Take note of the ends of a bulk command."""
        for one in outcomes:
            self._reached(one.device, value, one.status)

    def bulk_unknown(self, devices: Iterable[str], value: float) -> None:
        """Take note that a bulk command was sent, and no end was told."""
        for device in devices:
            self._reached(device, value, Status.INDETERMINATE)

    def claimed(self, verb: str, slot: int, owner: str, value: float | None, got: Outcome) -> None:
        """Take note of a claim's end."""
        if got.status in _STANDS:
            self.claims[verb, got.device, got.point, slot, owner] = value

    def _reached(self, device: str, value: float, status: Status) -> None:
        if status is Status.APPLIED:
            self.setpoints[device] = {value}
        elif status is Status.INDETERMINATE:
            self.setpoints[device] = self.may_be(device) | {value}

    def settle(self) -> None:
        """The power is gone: what has no end may have been done or not."""
        for device, value in self.flying.values():
            self._reached(device, value, Status.INDETERMINATE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is there afterwards."""

    setpoints: int
    setpoints_kept: int
    claims: int
    claims_kept: int
    holds_kept: int
    wrong: list[str]
    """One sentence for each difference."""


def judge(
    account: Account, setpoints: Mapping[str, float | None], claims: Iterable[Claim]
) -> Verdict:
    """Hold what is there against what was promised."""
    wrong: list[str] = []
    kept = 0
    for device, allowed in account.setpoints.items():
        found = setpoints.get(device)
        if any(_same(found, value) for value in allowed):
            kept += 1
        else:
            wrong.append(f"{device}: set to {found}, promised {sorted(map(str, allowed))}")
    unasked = setpoints.keys() - account.setpoints.keys()
    wrong += [f"{device}: set to {setpoints[device]}, and nobody has set it" for device in unasked]
    there: dict[Place, Any] = {
        (one.verb, one.device, one.point, one.slot, one.owner): one.value for one in claims
    }
    stands = holds = 0
    for place, value in account.claims.items():
        if place in there and _same(there[place], value):
            stands += 1
            holds += place[0] == HOLD
        else:
            wrong.append(f"{place}: {there.get(place, 'gone')}, promised {value}")
    wrong += [f"{place}: nobody has claimed it" for place in there.keys() - account.claims.keys()]
    return Verdict(len(account.setpoints), kept, len(account.claims), stands, holds, wrong)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < 1e-6
