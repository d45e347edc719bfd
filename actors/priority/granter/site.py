"""A junction as the granter knows it: stages in their order, times, and how much may be borrowed.

*Theory.* A plan gives each stage a green; a change between two stages takes as long as the
intergreens of its groups want. Priority borrows green, and what is borrowed is given back: each
stage has an *account*, the green that it got beyond the plan (or below it), and all accounts sum
up to the shift of the whole plan against its neighbours. When they are back at zero, so is
coordination. How much a stage can give back in one turn follows from its minimum green; how much
it can be given back follows from its maximum green and from how long others may wait. What may be
borrowed is that times the number of cycles within which all must be given back.

*Rules.* Pure. Milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jacquemart.runtime.model.errors import ConfigError

#: Nobody waits longer at red (French practice, IISR).
LONGEST_WAIT_MS: Final = 120_000
#: A stage's green is at least so long; no plan may say less (pedestrians and safety say more).
LEAST_GREEN_MS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: the groups that have green in it, and its greens in ms."""

    id: str
    groups: frozenset[str]
    least_ms: int
    planned_ms: int
    most_ms: int


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take at this site, in ms, and from which level on it is an emergency."""

    longest_wait: int = LONGEST_WAIT_MS
    queued: int = 120_000
    """A request that was not activated for so long ends ``timeout``."""
    active: int = 90_000
    """One that was activated for so long ends ``stale``."""
    silent: int = 30_000
    """One of which nothing was heard for so long ends; updates keep it alive."""
    overdue: int = 20_000
    """How long after its latest arrival a vehicle is still waited for."""
    cooldown: int = 30_000
    """After a movement was helped, the next that is no emergency waits so long."""
    horizon: int = 60_000
    """A vehicle that is further away is queued."""
    clear: int = 2_000
    """The green that a vehicle needs after it has come to the stop line."""
    lead: int = 3_000
    """The green wanted before it comes, so that who stands before it has left."""
    unknown_eta: int = 15_000
    """When a vehicle comes at the latest if the request does not say."""
    view: int = 5_000
    """A controller that was not heard for so long is served no more."""
    gain: int = 8_000
    """An insertion must bring the green forward by so much more than greens cut short do."""
    cycles: int = 3
    """Within so many cycles what was borrowed is given back …"""
    emergency_cycles: int = 6
    """… and what emergencies have borrowed."""
    emergency_level: int = 12
    insertion_level: int = 5
    """From this level on a stage may be inserted; an emergency always may."""


@dataclass(frozen=True)
class Site:
    """A junction and its plan, checked as a whole.

    ``change_ms`` has the time from one stage's end of green to another's begin. A pair that is
    not in it is a change that the junction does not make.

    Raises:
        ConfigError: the declaration contradicts itself; names all places, what was found and what
            is allowed. The operator's fault.
    """

    id: str
    stages: Sequence[Stage]
    change_ms: Mapping[tuple[str, str], int]
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        wrong = list(_contradictions(self))
        if wrong:
            raise ConfigError("\n".join(wrong), where=self.id)
        set_ = object.__setattr__
        names = [stage.id for stage in self.stages]
        set_(self, "by_id", {stage.id: stage for stage in self.stages})
        set_(self, "after", dict(zip(names, names[1:] + names[:1], strict=True)))
        set_(self, "groups", frozenset().union(*(stage.groups for stage in self.stages)))
        set_(self, "serving", {
            group: frozenset(stage.id for stage in self.stages if group in stage.groups)
            for group in self.groups
        })  # fmt: skip
        set_(self, "cycle_ms", sum(
            stage.planned_ms + self.change_ms[stage.id, self.after[stage.id]]
            for stage in self.stages
        ))  # fmt: skip
        spare = min(
            (self.times.longest_wait - red for red in planned_reds(self).values()), default=0
        )
        share = spare // len(self.stages)
        set_(self, "give_ms", {s.id: s.planned_ms - s.least_ms for s in self.stages})
        set_(self, "take_ms", {s.id: min(s.most_ms - s.planned_ms, share) for s in self.stages})

    by_id: Mapping[str, Stage] = field(init=False, repr=False, compare=False)
    after: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """Which stage follows which in the plan."""
    groups: frozenset[str] = field(init=False, repr=False, compare=False)
    serving: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    """The stages in which a group has green."""
    cycle_ms: int = field(init=False, repr=False, compare=False)
    give_ms: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """By how much a stage's green can be below the plan in one turn."""
    take_ms: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """By how much it can be above the plan in one turn and nobody waits too long by that."""

    def order(self, stage: str) -> list[str]:
        """Return the stages that follow, up to and with the stage itself."""
        found = []
        at = stage
        while True:
            at = self.after[at]
            found.append(at)
            if at == stage:
                return found

    @property
    def forgiven_ms(self) -> int:
        """Return for how long after the last request anything is given back at most."""
        return (self.times.emergency_cycles + 1) * self.cycle_ms

    def cycles(self, emergency: bool) -> int:
        """Return within how many cycles what is borrowed must be given back."""
        return self.times.emergency_cycles if emergency else self.times.cycles


def planned_reds(site: Site) -> dict[str, int]:
    """Return for each group the longest red that the plan itself gives it."""
    starts: list[tuple[Stage, int, int]] = []
    clock = 0
    for _ in range(2):
        for at, stage in enumerate(site.stages):
            starts.append((stage, clock, clock + stage.planned_ms))
            following = site.stages[(at + 1) % len(site.stages)]
            clock += stage.planned_ms + site.change_ms[stage.id, following.id]
    reds: dict[str, int] = {}
    ends: dict[str, int] = {}
    last: frozenset[str] = frozenset()
    for stage, begin, end in starts:
        for group in stage.groups:
            if group in ends and group not in last:
                reds[group] = max(reds.get(group, 0), begin - ends[group])
            ends[group] = end
        last = stage.groups
    return reds


def _contradictions(site: Site) -> Iterable[str]:
    names = [stage.id for stage in site.stages]
    if len(names) < 2:
        yield f"stages: found {len(names)}; allowed: 2 or more"
        return
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"stages: found {name!r} twice; allowed: each once"
    for stage in site.stages:
        where = f"stages.{stage.id}"
        if not stage.id or not stage.groups:
            yield f"{where}: found no name or no groups; allowed: a name, and 1 group or more"
        if stage.least_ms < LEAST_GREEN_MS:
            yield f"{where}.least_ms: found {stage.least_ms}; allowed: {LEAST_GREEN_MS} or more"
        if not stage.least_ms <= stage.planned_ms <= stage.most_ms:
            yield (
                f"{where}: found {stage.least_ms}, {stage.planned_ms}, {stage.most_ms} as least,"
                " planned and most; allowed: none smaller than the one before"
            )
    missing = [
        (one, two)
        for one, two in zip(names, names[1:] + names[:1], strict=True)
        if (one, two) not in site.change_ms
    ]
    for one, two in missing:
        yield f"change_ms.{one}.{two}: found nothing; allowed: the time of each change of the plan"
    for (one, two), length in site.change_ms.items():
        if one not in names or two not in names or one == two or length < 0:
            yield f"change_ms.{one}.{two}: found {length}; allowed: 0 or more, between two stages"
    for name, length in ((n, getattr(site.times, n)) for n in Times.__slots__):
        least = 1 if "cycles" in name or name in ("longest_wait", "active", "silent") else 0
        if length < least:
            yield f"times.{name}: found {length}; allowed: {least} or more"
    if site.times.emergency_cycles < site.times.cycles:
        yield (
            f"times.emergency_cycles: found {site.times.emergency_cycles}; allowed:"
            f" {site.times.cycles} (cycles) or more"
        )
    if not missing and len(set(names)) == len(names):
        for group, red in sorted(planned_reds(site).items()):
            if red > site.times.longest_wait:
                yield (
                    f"group {group}: found a red of {red} ms in the plan; allowed:"
                    f" {site.times.longest_wait} at most"
                )
