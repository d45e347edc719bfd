"""Poison: messages that nobody survives. Pure.

Two kinds. One makes its actor's handler fail: after three times in a row the message, whatever
its id, is a dead letter, and is refused for a while, so that it can no longer cost the actor a
restart. The other ends the whole process (a crash in native code, ``os._exit``, a loop that is
held for good): nobody can catch that, but the ledger tells who adopts the devices what was in
hand, and after the second death in a row the device is parked before it is handed the message.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

SECOND = 1_000_000_000
#: Failures in a row after which a message is a dead letter.
FAILURES = 3
#: A dead letter's content is refused for so long; then it may try once more.
REFUSED_S = 60.0
#: Contents that are watched for one actor; the oldest leave first.
CONTENTS = 16
#: Deaths in a row after which a device is isolated.
DEATHS = 2
#: With more messages in hand, and none of them on the stack, a death is nobody's fault.
MOST_SUSPECTS = 16


class Contents:
    """The contents that an actor has failed with."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._failures: dict[Hashable, tuple[int, int]] = {}

    def failed(self, content: Hashable, now_ns: int) -> int:
        """Take a failure; return how many it makes, in a row."""
        count = self._failures.pop(content, (0, 0))[0] + 1
        self._failures[content] = count, now_ns
        while len(self._failures) > CONTENTS:
            del self._failures[next(iter(self._failures))]
        return count

    def succeeded(self, content: Hashable) -> None:
        """Take that it was handled after all."""
        self._failures.pop(content, None)

    def refused_s(self, content: Hashable, now_ns: int) -> float:
        """Return for how many seconds a content is refused; 0: it may be tried."""
        count, at = self._failures.get(content, (0, 0))
        if count < FAILURES:
            return 0.0
        return max(0.0, REFUSED_S - (now_ns - at) / SECOND)


class Attempts(NamedTuple):
    """How often something was in hand when a process died, in a row."""

    deaths: int
    device: str


class Suspect(NamedTuple):
    """A message that was in hand when its process died."""

    message: bytes
    """Its digest."""
    key: bytes
    """That of its device."""
    device: str
    running: bool
    """Its handler was on the stack."""


class Findings(NamedTuple):
    """What a death tells, together with those before it."""

    attempts: Mapping[bytes, Attempts]
    """By digest of a message or key of a device; to be handed on."""
    poisoned: frozenset[bytes]
    """Messages that must never be handled again."""
    isolated: Mapping[str, int]
    """Devices to be parked -> deaths."""


def blamed(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Return who may have ended the process: who ran; if nobody did, all, unless they are many."""
    found = list(suspects)
    running = [suspect for suspect in found if suspect.running]
    if running:
        return running
    return found if len(found) <= MOST_SUSPECTS else []


def after_death(before: Mapping[bytes, Attempts], suspects: Iterable[Suspect]) -> Findings:
    """Count a death; ``before`` is what the dead process had been handed or cleared itself."""
    attempts = dict(before)
    for suspect in blamed(suspects):
        for key in dict.fromkeys((suspect.message, suspect.key)):  # one, if nothing was in hand
            deaths = attempts.pop(key, Attempts(0, "")).deaths + 1
            attempts[key] = Attempts(deaths, suspect.device)
    many = {key: found for key, found in attempts.items() if found.deaths >= DEATHS}
    isolated: dict[str, int] = {}
    for found in many.values():
        isolated[found.device] = max(found.deaths, isolated.get(found.device, 0))
    return Findings(attempts, frozenset(many), isolated)
