"""Where a device is at home, for who commands it: the zones are asked once. Pure.

*Theory.* A device is a record in the cell that hosts it, and in its zone's (decision 17). Whoever
else wants to command it asks every zone cell that it can mean, all at once: the one that has the
device says where it is. The answer is kept as one of a bounded number, of which the least used goes
first. A device is unknown only when all zone cells have said so, in one state of the directory. A
zone cell that is silent is asked again for as long as somebody waits; so nobody hears "unknown"
because a zone was away. A newer directory makes every answer old.

*Rules.* Who waits is told once: where it is, or that nobody knows it, or that it has waited too
long. Those who wait for one device are told in the order in which they came.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Waiter = TypeVar("Waiter")

#: Devices whose homes are kept, and devices in one question.
MOST_KEPT = 10_000
MOST_A_QUESTION = 500


class Home(NamedTuple):
    """Where a device is, and which commands to it are never journalled."""

    zone: str
    """Whose journal has its commands: its home, also of a vehicle that is elsewhere."""
    shard: str
    verbs: frozenset[str] = frozenset()
    """Volatile commands of its kind."""
    points: frozenset[str] = frozenset()
    """Points whose ``set`` is volatile."""

    def is_volatile(self, verb: str, point: str) -> bool:
        """Return whether a command goes straight to the cell; see ``model.durability``."""
        return point in self.points if verb == "set" else verb in self.verbs


class Question(NamedTuple):
    """What a zone cell shall be asked: which of these devices it has."""

    cell: str
    devices: Sequence[str]
    turn: int
    """Of the directory; give it back with the answer."""


class Told(NamedTuple, Generic[Waiter]):
    """What one who waits hears."""

    waiter: Waiter
    home: Home | None
    """None: all zones say that they have no such device."""


@dataclass(slots=True)
class _Sought(Generic[Waiter]):
    waiters: list[tuple[Waiter, int]]
    """Each with its time until which it waits, boot-time ns."""
    left: set[str]
    """Zone cells that have not said that they do not have it."""
    asked: set[str] = field(default_factory=set)
    """Those of them that have the question."""


class Finding(Generic[Waiter]):
    """The devices that one cell's actors command, as far as they are not its own."""

    def __init__(self, most_kept: int = MOST_KEPT, most_a_question: int = MOST_A_QUESTION) -> None:
        """Know no zone cell and no device."""
        self._most_kept = most_kept
        self._most_a_question = most_a_question
        self._kept: OrderedDict[str, Home] = OrderedDict()
        self._same: dict[Home, Home] = {}
        """Each home once, for all devices that have it in common."""
        self._sought: dict[str, _Sought[Waiter]] = {}
        self._unasked: dict[str, None] = {}
        """Those of them of which some zone cell is to be asked."""
        self._cells: tuple[str, ...] = ()
        self._turn = 0

    @property
    def kept(self) -> int:
        """Devices whose homes are known."""
        return len(self._kept)

    @property
    def sought(self) -> int:
        """Devices that somebody waits for."""
        return len(self._sought)

    def connect(self, cells: Collection[str]) -> None:
        """Take note of a newer directory, and of the zone cells in it; ``questions`` follows."""
        self._turn += 1
        self._cells = tuple(sorted(set(cells)))
        self._kept.clear()
        self._same.clear()
        for device, sought in self._sought.items():
            sought.left, sought.asked = set(self._cells), set()
            self._unasked[device] = None

    def find(self, device: str, waiter: Waiter, until_ns: int) -> Home | None:
        """Return the home of a device; None: ``waiter`` waits, until a time. ``questions`` follows.

        Args:
            device: its id.
            waiter: who is told, if it is not known now.
            until_ns: boot-time; see ``overdue``.
        """
        home = self._kept.get(device)
        if home is not None:
            self._kept.move_to_end(device)
            return home
        sought = self._sought.get(device)
        if sought is None:
            sought = self._sought[device] = _Sought([], set(self._cells))
            self._unasked[device] = None
        sought.waiters.append((waiter, until_ns))
        return None

    def questions(self) -> list[Question]:
        """Return what is to be asked now, once: an ``answered`` or ``silent`` follows each."""
        asks: dict[str, list[str]] = {}
        for device in self._unasked:
            sought = self._sought[device]
            for cell in sought.left - sought.asked:
                asks.setdefault(cell, []).append(device)
            sought.asked = set(sought.left)
        self._unasked.clear()
        size = self._most_a_question
        return [
            Question(cell, devices[at : at + size], self._turn)
            for cell, devices in sorted(asks.items())
            for at in range(0, len(devices), size)
        ]

    def answered(self, question: Question, homes: Mapping[str, Home]) -> list[Told[Waiter]]:
        """Take an answer: the homes of those devices that the zone cell has. Return who is told."""
        told: list[Told[Waiter]] = []
        if question.turn != self._turn:
            return told  # of an older directory: they have been asked again
        for device in question.devices:
            sought = self._sought.get(device)
            home = homes.get(device)
            if home is not None:
                home = self._keep(device, home)
            elif sought is not None:
                sought.left.discard(question.cell)
                sought.asked.discard(question.cell)
            if sought is not None and (home is not None or not sought.left):
                told += [Told(waiter, home) for waiter, _ in self._drop(device)]
        return told

    def silent(self, question: Question) -> None:
        """Take note that a question has no answer; ``questions`` asks it again."""
        if question.turn != self._turn:
            return
        for device in question.devices:
            sought = self._sought.get(device)
            if sought is not None and question.cell in sought.asked:
                sought.asked.discard(question.cell)
                self._unasked[device] = None

    def overdue(self, now_ns: int) -> list[Waiter]:
        """Return those who have waited until their time, and have them wait no more."""
        late: list[Waiter] = []
        for device in list(self._sought):
            sought = self._sought[device]
            late += [waiter for waiter, until in sought.waiters if until <= now_ns]
            sought.waiters = [one for one in sought.waiters if one[1] > now_ns]
            if not sought.waiters:
                self._drop(device)
        return late

    def forget(self, device: str) -> None:
        """Drop what is known of a device: it is not there any more."""
        self._kept.pop(device, None)

    def _keep(self, device: str, home: Home) -> Home:
        home = self._same.setdefault(home, home)
        self._kept[device] = home
        self._kept.move_to_end(device)
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return home

    def _drop(self, device: str) -> list[tuple[Waiter, int]]:
        self._unasked.pop(device, None)
        return self._sought.pop(device).waiters
