"""The requests that a signal has at its site, each in a slot of its own. Pure.

*Theory.* A controller of the field has a few slots: a point to ask by, and one that shows what
became of it. Two buses for one green are two slots, so taking back the first leaves the second.
Whoever asks must go on asking: a request that is not said again for ``HOLD_MS`` is taken back
here, whatever became of its sender. What stands in a slot that nobody here knows (from before a
restart, or set by hand) is taken back after the same time.

*Rules.* Total and deterministic; milliseconds of one clock are given. A slot is free only when its
site has ended the request, or has taken it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from jacquemart.actors.priority.messages import Request, code_of
from jacquemart.actors.priority.request import ENDS, State, Verb

#: A request that is not said again for so long is taken back; three times a broker's period.
HOLD_MS: Final = 15_000
#: Pause before a request whose taking back is not proven is taken back once more.
AGAIN_MS: Final = 2_000
#: For so long it is known that a request has ended, and how.
ENDED_MS: Final = 60_000
MOST_ENDED: Final = 64
#: From that level on a request may take the slot of a lesser one.
TAKES_LEVEL: Final = 12
#: The words of a slot's state, by number; 0: there is no request in it.
WORDS: Final = ("none", *(state.value for state in State))


class How(Enum):
    """What became of a set of a slot."""

    APPLIED = "proven"
    REFUSED = "the site has said no, or shows that it is not so"
    UNSENT = "nothing was sent"
    UNKNOWN = "nobody knows"


@dataclass(frozen=True, slots=True)
class Set:
    """Set a slot (from 1) to a code; 0 takes back what is in it. ``why``: for people."""

    slot: int
    code: int
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be asked for."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A request has another state at its site."""

    request: Request
    state: State
    since_ms: int


@dataclass(slots=True)
class _Slot:
    request: Request | None = None
    state: State | None = None
    """As the site has said last; None: it has not yet."""
    since_ms: int = 0
    said_ms: int = 0
    asked: bool = False
    """The site has taken the request, so what it says there is of it."""
    leaves: bool = False
    """It is being taken back …"""
    again_ms: int = 0
    """… and once more then, unless that was proven."""
    strange_ms: int = 0
    """Since when there is something in it that nobody here knows; 0: there is not."""


class Slots:
    """The slots of one signal."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        """Begin empty. ``numbers``: of the slots that there are."""
        self._slots = {number: _Slot() for number in numbers}
        self._next = 0
        self._ended: dict[str, tuple[State | None, int]] = {}

    def ask(self, request: Request, now_ms: int) -> Set | Refused | None:
        """Take a request; return what to do. None: there is nothing to do."""
        self._forget(now_ms)
        number = self._number_of(request.id)
        if request.verb is Verb.CANCEL:
            if number is None:
                return None
            return self._take_back(number, now_ms, "it was cancelled")
        if number is not None:
            slot = self._slots[number]
            if slot.leaves:
                return Refused("it is being taken back")
            slot.said_ms = now_ms
            before = slot.request
            assert before is not None
            if (before.group, before.type) != (request.group, request.type):
                return Refused("a request keeps its signal group and vehicle type")
            slot.request = replace(request, answer=request.answer or before.answer)
            return Set(number, code_of(request), "it comes at another time")
        if request.id in self._ended:
            state = self._ended[request.id][0]
            return Refused(f"it has ended: {state.value if state is not None else 'cancelled'}")
        number = self._free(request.level)
        if number is None:
            return Refused(f"all {len(self._slots)} slots of the signal are taken")
        taken = self._slots[number].request
        if taken is not None:
            self._end(taken.id, State.STALE, now_ms)
        self._slots[number] = _Slot(request, said_ms=now_ms, since_ms=now_ms)
        return Set(number, code_of(request), "somebody comes")

    def taken(self, number: int, request: str, code: int, how: How, now_ms: int) -> None:
        """Take what became of a set of a slot."""
        slot = self._slots.get(number)
        if slot is None or slot.request is None or slot.request.id != request:
            return
        if slot.leaves != (code == 0):
            return  # of before it was taken back
        if slot.leaves:
            if how in (How.APPLIED, How.REFUSED):
                self._slots[number] = _Slot()
        elif how is How.APPLIED:
            slot.asked = True
        elif how is How.REFUSED or (how is How.UNSENT and not slot.asked):
            self._end(request, State.REJECTED, now_ms)
            self._slots[number] = _Slot()
        elif not slot.asked:  # nobody knows whether it is there: it is taken back to be sure
            slot.leaves, slot.again_ms = True, now_ms

    def told(self, number: int, state: State | None, now_ms: int) -> Changed | None:
        """Take what a site says of a slot; None: of no request. Return what is new."""
        slot = self._slots.get(number)
        if slot is None:
            return None
        if slot.request is None:
            there = state is not None and state not in ENDS
            slot.strange_ms = (slot.strange_ms or now_ms) if there else 0
            return None
        if not slot.asked or state is slot.state:
            return None
        request = slot.request
        if state is None:  # it was there, and is no more: its end was not heard
            if slot.state is None:
                return None
            state = State.COMPLETED if slot.leaves else State.STALE
        slot.state, slot.since_ms = state, now_ms
        if state in ENDS:
            self._end(request.id, state, now_ms)
            self._slots[number] = _Slot()
        return Changed(request, state, now_ms)

    def due(self, now_ms: int) -> Iterator[tuple[Set, Request | None]]:
        """Yield what is to be taken back now: nobody has said it again, or knows it."""
        for number, slot in self._slots.items():
            if slot.request is None:
                if slot.strange_ms and now_ms - slot.strange_ms >= HOLD_MS:
                    slot.strange_ms = now_ms
                    yield Set(number, 0, "nobody here has asked for it"), None
            elif slot.leaves:
                if now_ms >= slot.again_ms:
                    slot.again_ms = now_ms + AGAIN_MS
                    yield Set(number, 0, "it is not proven that it was taken back"), slot.request
            elif now_ms - slot.said_ms >= HOLD_MS:
                found = self._take_back(number, now_ms, f"not said again for {HOLD_MS // 1_000} s")
                yield found, slot.request

    def standing(self, now_ms: int) -> list[str]:
        """Return a sentence about each request, for people."""
        said = []
        for number, slot in self._slots.items():
            one = slot.request
            if one is None:
                continue
            word = "being taken back" if slot.leaves else slot.state.value if slot.state else "sent"
            age = (now_ms - slot.since_ms) / 1_000
            who = one.vehicle or one.id
            eta = "" if one.eta_s is None else f", comes in {one.eta_s} s (said "
            eta += "" if one.eta_s is None else f"{(now_ms - slot.said_ms) / 1_000:.0f} s ago)"
            said.append(f"slot {number}: {who} for group {one.group}, level {one.level}, {word}"
                        f" for {age:.0f} s{eta}")  # fmt: skip
        return said

    def request_in(self, number: int) -> Request | None:
        """Return the request that is in a slot."""
        slot = self._slots.get(number)
        return slot.request if slot is not None else None

    # Inside --------------------------------------------------------------------------------

    def _number_of(self, request: str) -> int | None:
        for number, slot in self._slots.items():
            if slot.request is not None and slot.request.id == request:
                return number
        return None

    def _free(self, level: int) -> int | None:
        """Return a free slot, the one after the last first; else one that must make room."""
        numbers = list(self._slots)
        for at in range(len(numbers)):
            number = numbers[(self._next + at) % len(numbers)]
            slot = self._slots[number]
            if slot.request is None and not slot.strange_ms:
                self._next = (self._next + at + 1) % len(numbers)
                return number
        if level < TAKES_LEVEL:
            return None
        lesser = [
            (slot.request.level, number)
            for number, slot in self._slots.items()
            if slot.request is not None and slot.request.level < level
        ]
        return min(lesser)[1] if lesser else None

    def _take_back(self, number: int, now_ms: int, why: str) -> Set:
        slot = self._slots[number]
        assert slot.request is not None
        slot.leaves, slot.again_ms = True, now_ms + AGAIN_MS
        self._end(slot.request.id, None, now_ms)
        return Set(number, 0, why)

    def _end(self, request: str, state: State | None, now_ms: int) -> None:
        self._ended[request] = state, now_ms
        while len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def _forget(self, now_ms: int) -> None:
        for request, (_, at_ms) in list(self._ended.items()):
            if now_ms - at_ms < ENDED_MS:
                break
            del self._ended[request]
