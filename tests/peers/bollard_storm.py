"""A bollard in a storm of events: the real rules and write queue, a world drawn from a seed.

A million sequences must run in two minutes, so nothing here waits, allocates much, or is async.
What of the runtime needs a loop (the order of read, look, interlock and send) is restated in
``Storm._turn``; ``test_bollard_link.py`` runs the real one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jacquemart.actors.access.bollard import Bollard
from jacquemart.actors.access.bollard_points import GUARDS, LOWER, RAISE
from jacquemart.actors.access.bollard_rules import (
    RAISE_RULES,
    SECOND,
    BollardRules,
    Inputs,
    Rule,
    Times,
)
from jacquemart.actors.access.passage import Passage, PassageTimes
from jacquemart.runtime.actor import DeviceActor, Ticket
from jacquemart.runtime.cell.writes import Write, WriteQueue
from jacquemart.runtime.kernel import guarding
from jacquemart.runtime.model.city import DeviceSpec
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    LinkError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.quality import Quality

MS = 1_000_000
TRAVEL = 8 * SECOND
GOOD = int(Quality.GOOD)
BADS = (int(Quality.STALE_AGE), int(Quality.BAD_COMM), int(Quality.UNCERTAIN_RANGE),
        int(Quality.BAD_UNIT), int(Quality.GOOD_SUBSTITUTED))  # fmt: skip
DEVICE = DeviceSpec("b-1", "bollard", "north", "line")
SPECS = {point.name: point.spec() for point in Bollard.points}
SLOTS = {name: slot for slot, name in enumerate(SPECS)}
BOUND = {name: BoundPoint(SLOTS[name], DEVICE, spec, name) for name, spec in SPECS.items()}
GUARD_POINTS = tuple(BOUND[name] for name in GUARDS)
ANSWERS = (
    None, None, None, OutcomeUnknown("time-out"), DeviceBusy("later"), DeviceRefused("no"),
    LinkError("not sent"), UnitError("silent"),
)  # fmt: skip
NOTHING_DONE = (DeviceBusy, DeviceRefused, LinkError, UnitError)


@dataclass(frozen=True)
class Mutant:
    """What a storm runs with; the default is the real thing."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: RAISE_RULES)
    look: Callable[..., str | None] = guarding.look
    kernel: type[BollardRules] = BollardRules
    pulse: bool = True
    asks: bool = True

    @classmethod
    def without(cls, sentence: str) -> Mutant:
        """Return the rules with one taken out."""
        return cls({name: rule for name, rule in RAISE_RULES.items() if name != sentence})


class Unsafe(AssertionError):
    """A pulse left that must not have."""


class _Actor(DeviceActor):
    """As much of a bollard as a write needs."""

    __slots__ = ()

    def __init__(self) -> None:
        self.spec = DEVICE

    def interlock(self, point: str, value: float) -> str | None:
        raise NotImplementedError


ACTOR = _Actor()


class Storm:
    """One sequence: a bollard, its PLC and its queue, from some state on."""

    def __init__(self, rng: random.Random, mutant: Mutant) -> None:
        self.rng = rng
        self.mutant = mutant
        self.now = 3_600 * SECOND
        bits = rng.getrandbits(16)
        up = bits & 7 == 0
        self.truth = [0.0, float(up), float(not up), 0.0, 0.0]
        if bits & 0x78 == 0:
            self.truth[bits >> 8 & 3] = 1.0
        self.values = list(self.truth)
        self.qualities = [GOOD] * 5
        self.born = self.now - (0 if bits & 0x1800 == 0 else 60 * SECOND)
        self.rules = mutant.kernel(Times(TRAVEL), self.born, mutant.rules)
        self.rules.look(self.inputs(), self.now)
        self.queue = WriteQueue()
        self.passage: Passage | None = None
        self.pulses: list[tuple[bool, int, Ticket]] = []
        """What left for the field: up, when, for what."""
        self.open_pulse: tuple[bool, int] | None = None
        """The last one that the field may still act on."""
        self.unsettled: tuple[bool, int] | None = None
        """The last one whose end was not read yet."""
        self.lowered_ns = self.asked = 0
        """When a command lowered it last, and how many have asked to raise it since."""
        self.raising: list[Ticket] = []
        self.sent_raises = self.refused = 0

    def inputs(self) -> Inputs:
        """Return what the actor sees."""
        return Inputs(*[
            (value == 1.0 if quality == GOOD and value in (0.0, 1.0) else None)
            for value, quality in zip(self.values, self.qualities, strict=True)
        ])  # fmt: skip

    def run(self, steps: int) -> None:
        """Let so many things happen, then let the queue run dry."""
        getrandbits, acts = self.rng.getrandbits, ACTS
        for _ in range(steps):
            acts[getrandbits(5)](self)
        for _ in range(4):
            self.turn()

    # What happens ------------------------------------------------------------------------------

    def flip(self) -> None:
        """Something changes in the street: the loop most often."""
        at = self.rng.getrandbits(3)
        at = at if at < 5 else 0
        self.truth[at] = 1.0 - self.truth[at]

    def odd(self) -> None:
        """An input shows what it must not."""
        self.truth[self.rng.getrandbits(6) % 5] = 2.0

    def poll(self) -> None:
        """All inputs are read."""
        self._take(self.rng.getrandbits(8))
        self.rules.look(self.inputs(), self.now)

    def stale(self) -> None:
        """One input has become old, or its link has gone."""
        self.qualities[self.rng.getrandbits(6) % 5] = BADS[self.rng.getrandbits(8) % len(BADS)]
        self.rules.look(self.inputs(), self.now)

    def later(self) -> None:
        """Time passes."""
        self.now += (20 * MS, 300 * MS, 1_100 * MS, 5 * SECOND, 9 * SECOND)[
            self.rng.getrandbits(8) % 5
        ]
        if self.open_pulse is not None and self.rng.getrandbits(1):
            up, since = self.open_pulse
            if self.now - since > SECOND:
                self.truth[1], self.truth[2] = float(up), float(not up)
        self.rules.look(self.inputs(), self.now)

    def restart(self) -> None:
        """Another cell takes over; what waited in the old one has its end there."""
        self.born = self.now
        self.rules = self.mutant.kernel(Times(TRAVEL), self.born, self.mutant.rules)
        self.queue = WriteQueue()
        self.passage = None
        self.qualities = [int(Quality.BAD_NEVER_READ)] * 5

    def ask_raise(self) -> None:
        """A command raises: ``raise``, ``set``, one of a bulk, or the end of a passage."""
        inputs = self.inputs()
        if self.rules.is_up(inputs, self.now):
            return
        self.rules.want(up=True)
        self.asked += 1
        if self.rules.why_not_raise(inputs, self.now) is None:
            self._submit(RAISE)

    def ask_lower(self) -> None:
        """A command lowers."""
        self.rules.want(up=False)
        self._lowered()
        self.passage = None
        inputs = self.inputs()
        if not self.rules.is_down(inputs, self.now) and self.rules.why_not_lower(inputs) is None:
            self._submit(LOWER)

    def stray(self) -> None:
        """A write of the pulse that no command asked for."""
        self._submit(RAISE)

    def let_pass(self) -> None:
        """A passage begins, or goes on."""
        if self.passage is None:
            self.rules.want(up=False)
            self._lowered()
            self.passage = Passage(PassageTimes(5 * SECOND, SECOND), self.now)
        elif self.passage.may_end(self.inputs().loop, self.now):
            self.passage = None
            self.ask_raise()

    # The writing side of the link --------------------------------------------------------------

    def turn(self) -> None:
        """The link's task has its turn: as ``Writer.send``."""
        writes, _ = self.queue.take(self.now)
        if not writes:
            return
        write = writes[0]
        bits = self.rng.getrandbits(16)
        read: tuple[int, tuple[float, ...]] | None = None
        if write.guards:
            asked = self.now
            self.now += 5 * MS if bits & 7 else 1_200 * MS
            if bits & 0x18 == 0:
                self.flip()  # while the answer is on its way: what was read is what counts
            well = self._take(bits >> 8)
            read = (asked, tuple(self.values)) if well else None
            self.rules.look(self.inputs(), self.now)
            found = [
                (name, value, quality)
                for name, value, quality in zip(GUARDS, self.values, self.qualities, strict=True)
            ]
            if self.mutant.look(found, asked, self.now) is not None:
                self._unsent(write)
                return
            if self.now >= write.ticket.deadline_ns:
                return
        if write.ticket.outcome is not None:
            return
        if self.mutant.asks:
            up = write.point.spec.name == RAISE
            refusal = (
                self.rules.why_not_raise(self.inputs(), self.now)
                if up
                else self.rules.why_not_lower(self.inputs())
            )
            if refusal is not None:
                self._unsent(write)
                return
            self.rules.sent(up=up, now_ns=self.now)
        self._send(write, read, bits >> 5 & 7)

    def _send(self, write: Write, read: Any, answer: int) -> None:
        up = write.point.spec.name == RAISE
        write.sends += 1
        write.ticket.dispatched_ns = self.now
        said = ANSWERS[answer]
        self._judge(write, read, up=up)
        if not isinstance(said, (LinkError, UnitError)):
            self.pulses.append((up, self.now, write.ticket))
            self.sent_raises += up
        if not isinstance(said, NOTHING_DONE):
            self.open_pulse = self.unsettled = (up, self.now)
        verdict = write.sent(self.now, said)
        if verdict is None and not write.until_ns:
            self.queue.add(write)
            self.now = max(self.now, write.not_before_ns)
        elif verdict is not None and isinstance(said, NOTHING_DONE):
            self.rules.not_sent(up=up)

    def _judge(self, write: Write, read: Any, *, up: bool) -> None:
        """Judge a pulse that leaves, knowing nothing of the rules."""
        if any(ticket is write.ticket for _, _, ticket in self.pulses):
            raise Unsafe("a pulse was sent twice")
        if not up:
            return
        if read is None:
            raise Unsafe("its inputs were not all read well")
        asked, seen = read
        if self.now - asked > SECOND:
            raise Unsafe("what was read is old")
        if seen != (0.0, 0.0, 1.0, 0.0, 0.0):
            raise Unsafe(f"it rises, and {dict(zip(GUARDS, seen, strict=True))} was read")
        self.asked -= 1
        if self.asked < 0:
            raise Unsafe("no command asked for it")
        if write.ticket.received_ns < self.lowered_ns:
            raise Unsafe("a newer command has lowered it")
        if self.now - self.born < TRAVEL:
            raise Unsafe("who was here before may have sent a pulse")
        if self.unsettled is not None and self.now - self.unsettled[1] < TRAVEL:
            raise Unsafe("the pulse before has no known end")

    def _lowered(self) -> None:
        """Give up what was to raise it, as the actor does."""
        self.lowered_ns, self.asked = self.now, 0
        for ticket in self.raising:
            if ticket.outcome is None:
                ticket.finish(Status.SUPERSEDED)
        self.raising.clear()

    def _submit(self, point: str) -> None:
        within = (50 * MS, 2 * SECOND, 10 * SECOND)[self.rng.getrandbits(8) % 3]
        self.now += 1
        ticket = Ticket(
            b"", "tester", "b-1", "set", point, 1.0, "", 8,
            self.now + within, self.now, _ended,
        )  # fmt: skip
        if point == RAISE:
            self.raising.append(ticket)
        guards = GUARD_POINTS if point == RAISE else ()
        bound = BOUND[point] if self.mutant.pulse else UNPULSED[point]
        feedback = BOUND[bound.spec.feedback]
        self.queue.add(Write(ACTOR, ticket, bound, feedback, 1.0, guards))

    def _unsent(self, write: Write) -> None:
        self.refused += 1
        if write.point.spec.name == RAISE:
            self.rules.want(up=False)

    def _take(self, bits: int) -> bool:
        """Read: mostly well; otherwise one input is bad, and shows what it showed before."""
        values, qualities, truth = self.values, self.qualities, self.truth
        bad = bits % 5 if bits & 0xE0 == 0 else -1
        for at in range(5):
            if at == bad:
                qualities[at] = BADS[bits & 3]
            else:
                values[at], qualities[at] = truth[at], GOOD
        if self.unsettled is not None and bad not in (1, 2):
            up = self.unsettled[0]
            if values[1] == up and values[2] == (not up):
                self.unsettled = None
        return bad < 0


def _ended(_: Ticket) -> None:
    """Nobody waits for the end."""


UNPULSED = {
    name: BoundPoint(point.slot, DEVICE, replace(point.spec, pulse=False), name)
    for name, point in BOUND.items()
}
ACTS: tuple[Callable[[Storm], None], ...] = (
    *[Storm.flip] * 3, Storm.odd, *[Storm.poll] * 6, *[Storm.stale] * 2, *[Storm.later] * 5,
    Storm.restart, *[Storm.ask_raise] * 6, *[Storm.ask_lower] * 2, Storm.stray,
    *[Storm.let_pass] * 2, *[Storm.turn] * 3,
)  # fmt: skip
assert len(ACTS) == 32


@dataclass
class Tally:
    """What a run of storms has seen."""

    sequences: int = 0
    raises: int = 0
    refused: int = 0


def storms(count: int, seed: int, mutant: Mutant | None = None) -> Tally:
    """Run so many sequences.

    Raises:
        Unsafe: with the number of the sequence, which ``seed`` brings back.
    """
    rng = random.Random(f"bollard-{seed}")
    tally = Tally()
    chosen = mutant or Mutant()
    for number in range(count):
        storm = Storm(rng, chosen)
        try:
            storm.run(4 + (number & 7))
        except Unsafe as error:
            raise Unsafe(f"{error} (sequence {number} of seed {seed})") from None
        tally.sequences += 1
        tally.raises += storm.sent_raises
        tally.refused += storm.refused
    return tally
