"""What a device kind says of itself: its points and its commands.

From these declarations come the checks of the city file, the reference of the kind, what the
command line and the clients offer, and the kind's own tests (``jacquemart.runtime.testing``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.ids import valid_id, valid_word

PointType = Literal["number", "flag", "enumeration", "count"]
DERIVED = {"derived": True}
#: The command that makes a parked actor work again; every actor knows it.
UNPARK = "unpark"


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a kind. A template of the kind takes from here whatever it does not say.

    A template may give a narrower range, other periods and an address; it may not give another
    unit, or make writable what is not.

    Attributes:
        name: the point's name; with one ``*`` (``temperature_*``) it declares every point of a
            template whose name matches, and ``required`` then means at least one. A ``*`` in
            ``feedback`` and ``guards`` then stands for the same text.
        about: one sentence for people; ends without a stop.
        type: ``flag`` is 0 or 1, ``enumeration`` 0 … len(words) - 1, ``count`` a whole number.
        unit: of the value; ``low`` and ``high`` are inclusive and in it.
        words: what the values of an enumeration mean.
        writable: clients may set it (and ``DeviceActor.rule`` may still refuse).
        required: every template of the kind must have it.
        derived: the actor computes it (``publish``); it has no address, and no template names
            it. Only of a derived family does a template name the members, also without address.
        feedback: the point that shows what the field really does when this one is written.
        tolerance: how far the feedback may be off.
        settle_ms: how long the field may take to follow.
        pulse: each write acts anew: never sent twice.
        guards: points that are read again right before this one is written.
        poll_ms: how often it is read; 0: only to prove a write.
        stale_after_ms: 0: three periods and two seconds.
        keep: ``every``: no value between two ticks is lost.
        urgent: a change is published at once.
        withheld_unless: the point that says whether the device is on duty; while that is 0,
            unknown or stale, this point has no value, for anybody.
        by_source: judged by when the field took it: a reading older than the one held is dropped,
            and it is stale so long after it was taken.
        protected: nobody writes it, by whatever name: no template may make its place in the
            field writable through another point, of this device or another one.
        volatile: setting it is worth nothing later (a pan): it is never journalled.
        min_on_s: once written as other than 0, it stays so for so long (priorities 1 to 5 pass):
            for motors that must not be switched often.
        min_off_s: the same for 0.
        default: what is written when the last hold goes and nothing was ever set.
    """

    name: str
    about: str
    type: PointType = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    writable: bool = False
    required: bool = True
    derived: bool = False
    feedback: str = ""
    tolerance: float = 0.0
    settle_ms: int = 1_000
    pulse: bool = False
    guards: tuple[str, ...] = ()
    poll_ms: int = 1_000
    stale_after_ms: int = 0
    keep: Literal["last", "every"] = "last"
    urgent: bool = False
    withheld_unless: str = ""
    by_source: bool = False
    protected: bool = False
    volatile: bool = False
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    default: float | None = None

    def matches(self, name: str) -> bool:
        """Return whether this declares the point of a template with that name."""
        return fnmatchcase(name, self.name)

    def spec(self, name: str = "") -> PointSpec:
        """Return the point as a template has it that says nothing more; without an address."""
        low, high = self.limits
        part = self._part(name)
        return PointSpec(
            name=name or self.name,
            unit=self.unit,
            low=low,
            high=high,
            writable=self.writable,
            feedback=self.feedback.replace("*", part),
            tolerance=self.tolerance,
            settle_ms=self.settle_ms,
            poll_ms=0 if self.derived else self.poll_ms,
            stale_after_ms=self.stale_after_ms,
            keep=self.keep,
            urgent=self.urgent,
            address=DERIVED if self.derived else {},
            words=self.words,
            pulse=self.pulse,
            guards=tuple(guard.replace("*", part) for guard in self.guards),
            whole=self.type != "number",
            withheld_unless=self.withheld_unless,
            by_source=self.by_source,
            volatile=self.volatile,
            min_on_s=self.min_on_s,
            min_off_s=self.min_off_s,
            default=self.default,
        )

    @property
    def family(self) -> bool:
        """Return whether this declares all points whose names match."""
        return "*" in self.name

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Return the range that values have, inclusive; None: no limit on that side."""
        if self.type == "flag":
            return 0.0, 1.0
        if self.type == "enumeration":
            return 0.0, float(len(self.words) - 1)
        return self.low, self.high

    def _part(self, name: str) -> str:
        """Return what stands for the ``*`` in the name of a member of the family."""
        if not name or not self.family:
            return "*"
        before, _, after = self.name.partition("*")
        return name[len(before) : len(name) - len(after)]


@dataclass(frozen=True, slots=True)
class Argument:
    """The value that a command of a kind takes.

    Attributes:
        unit: of the value; a sender may name it, and is refused if it names another.
        low: least value allowed; None: no limit.
        high: largest value allowed.
        words: what the values 0, 1, 2 … mean; senders may use them instead of the numbers.
        like: the point whose unit, range and words it has, where each template has its own (the
            presets of a camera).
        whole: only whole numbers.
        optional: the command may come without a value; its handler then sees None.
        text: 0: it is a number; else it is a text of so many characters at most, 1 to 1,024,
            which its handler reads.
    """

    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    like: str = ""
    whole: bool = False
    optional: bool = False
    text: int = 0

    def of_template(self, template: TemplateSpec) -> Argument:
        """Return the argument as it is for the devices of a template."""
        at = template.point_index(self.like)
        if at < 0:
            return self
        point = template.points[at]
        return Argument(
            point.unit, point.low, point.high, point.words, "", point.whole, self.optional
        )

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Return the range allowed, inclusive."""
        return (0.0, float(len(self.words) - 1)) if self.words else (self.low, self.high)


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command of a kind, as ``@command`` declares it.

    Attributes:
        name: the verb.
        method: the name of its handler.
        about: one sentence for people, without a stop; empty: not declared, and its value not
            checked.
        takes: its value; None: it takes none.
        volatile: it is worth nothing later (a camera's pan): never journalled.
        beside: it waits for no command in hand, and none waits for it.
    """

    name: str
    method: str
    about: str = ""
    takes: Argument | None = None
    volatile: bool = False
    beside: bool = False

    def __post_init__(self) -> None:
        """Refuse the verbs of claims, which in a journal would be claims, and ``unpark``.

        Raises:
            UsageError: the author's bug.
        """
        if self.name in CLAIM_VERBS:
            raise UsageError(f"command {self.name!r} is a claim, which every device has")
        if self.name == UNPARK:
            raise UsageError(f"command {self.name!r} is one that every actor has")


def declaration_of(points: Sequence[Point], name: str) -> Point | None:
    """Return what declares a template's point of that name: itself before a family."""
    family = None
    for point in points:
        if point.name == name:
            return point
        if family is None and point.family and point.matches(name):
            family = point
    return family


def check_declarations(kind: str, points: Sequence[Point]) -> None:
    """Refuse declarations that contradict themselves.

    Raises:
        UsageError: says which point of which kind, and why: its author's bug.
    """
    names = [point.name for point in points]
    for point in points:
        wrong = _wrong(point, names)
        if wrong:
            raise UsageError(f"point {point.name!r} {wrong}", where=kind)


def _wrong(point: Point, names: Sequence[str]) -> str:
    low, high = point.limits
    others = [name for name in (point.feedback, *point.guards) if name]
    lost = [name for name in others if name not in names]
    checks = (
        (not valid_id(point.name.replace("*", "x", 1)), "is no id (with one * at most)"),
        (names.count(point.name) > 1, "is declared twice"),
        (not point.about or point.about.endswith("."), "needs one sentence about it, no stop"),
        (point.type == "enumeration" and len(point.words) < 2, "needs two words or more"),
        (point.type != "enumeration" and bool(point.words), "has words but is no enumeration"),
        (len(set(point.words)) < len(point.words), "has a word twice"),
        (not all(map(valid_word, point.words)), "has a word that is not of a-z 0-9 _"),
        (low is not None and high is not None and low > high, "has an empty range"),
        (point.derived and point.writable, "is derived, so nobody can write it"),
        (point.protected and point.writable, "is protected, so nobody can write it"),
        (point.volatile and not point.writable, "is volatile, but nobody can write it"),
        (bool(others or point.pulse) and not point.writable, "is not writable, so it has neither "
         "feedback nor guards nor pulse"),
        (min(point.min_on_s, point.min_off_s) < 0, "has a minimum time below 0"),
        (bool(point.min_on_s or point.min_off_s or point.default is not None) and (
            not point.writable or point.pulse), "is not written and left so, so it has neither "
         "minimum times nor a default"),
        (point.default is not None and not (
            (low is None or low <= point.default) and (high is None or point.default <= high)),
         "has a default outside its range"),
        (bool(point.withheld_unless) and point.withheld_unless not in names, "is withheld unless "
         f"{point.withheld_unless}, which the kind does not declare"),
        (bool(point.withheld_unless) and point.keep == "every", "is withheld, so nothing of it may "
         "be kept for later"),
        (bool(lost), f"names {', '.join(lost)}, which the kind does not declare"),
    )  # fmt: skip
    return next((text for wrong, text in checks if wrong), "")
