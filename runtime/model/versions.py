"""Which versions of this software work together, and how that is known.

Four things may change from one version to the next, each with a number of its own: the frames
between cells and with clients (``wire``), what a warden and cells say and leave to each other on
one host (``host``: lines, pulses, ledgers, the way from one image of the warden to the next), and
the files of journals (``journal``). A version can do a span of each. Two versions work together
if their spans have a number in common, which neighbours always do.

Within one number only such changes are made as who does not know them passes over: names are
added to maps and to records, and kinds to the records of a journal; none is taken away, and none
changes its meaning. Frames with fixed positions do not change at all.

Wire version 2 adds one item to a COMMAND, ``first_ns``: it is sent only to who has told that it
speaks version 2, and every other frame is as it was. So the envelope's first item is still 1.
Version 3 adds a kind of frame, BUNDLE, which is likewise sent only to who has told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

from jacquemart.runtime.model.errors import VersionMismatch

T = TypeVar("T")

PACKAGE: Final = "0.1.0"


@dataclass(frozen=True, slots=True)
class Span:
    """All numbers from ``least`` to ``most``."""

    least: int
    most: int

    def meets(self, other: Span) -> bool:
        """Return whether there is a number in both."""
        return self.least <= other.most and other.least <= self.most

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Versions:
    """What one version of this software is, and can do."""

    package: str
    wire: Span
    host: Span
    journal: Span
    """Formats that it can go on with; it writes any of them."""
    ray: str = ""
    """Version of Ray that is installed beside it; empty: not known."""
    python: str = ""


#: Who speaks this wire version reads the mark of a repeated command.
MARKED_REPEATS: Final = 2
#: Who speaks this one takes several requests in one message.
BUNDLES: Final = 3
#: This version.
MINE: Final = Versions(PACKAGE, wire=Span(1, 3), host=Span(1, 1), journal=Span(1, 1))
_KINDS = (("wire", "wire version"), ("host", "host version"))


def agree(one: Versions, other: Versions) -> None:
    """Return if both may run in one city.

    Raises:
        VersionMismatch: they may not; says which speaks what. A version between the two helps.
    """
    for name, what in _KINDS:
        mine: Span = getattr(one, name)
        theirs: Span = getattr(other, name)
        if not mine.meets(theirs):
            raise VersionMismatch(
                f"jacquemart {one.package} speaks {what} {mine}, jacquemart {other.package}"
                f" speaks {theirs}",
                advice="go by a version that speaks both, or stop the city and start it anew",
            )


def journal_format(now: int, one: Versions, other: Versions, *, commit: bool) -> int:
    """Return the format in which journals go on when a city passes from one version to another.

    Args:
        now: the format that they are kept in; 0: the newest of ``one``.
        one: the version that runs.
        other: the version that shall run.
        commit: take the newest that ``other`` knows: then there is no way back to ``one`` if
            that does not know it.

    Returns:
        The most that may be written; 0: the newest of ``other``.

    Raises:
        VersionMismatch: ``other`` cannot go on with what is there.
    """
    there = now or one.journal.most
    if not other.journal.least <= there <= other.journal.most:
        raise VersionMismatch(
            f"the journals have format {there}; jacquemart {other.package} knows {other.journal}",
            advice="commit to the running version first" if there < other.journal.least else
            "the running version was committed to; restore a backup of before, or go on with it",
        )  # fmt: skip
    return 0 if commit or there == other.journal.most else there


def plain(versions: Versions) -> dict[str, Any]:
    """Return versions as plain fields."""
    return asdict(versions)


def versions_of(told: Mapping[str, Any]) -> Versions:
    """Return the versions that ``plain`` was given, maybe by another version.

    Raises:
        ValueError: they are not.
    """
    try:
        wire, host, journal = (
            Span(int(told[name]["least"]), int(told[name]["most"]))
            for name in ("wire", "host", "journal")
        )
        return Versions(
            str(told["package"]), wire, host, journal,
            str(told.get("ray", "")), str(told.get("python", "")),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ValueError(f"no versions: {error}") from error


def known(kind: type[T], told: Mapping[str, Any]) -> T:
    """Return a record out of plain fields, of which a later version may have told more.

    Raises:
        TypeError: one that has no default is missing.
    """
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in told.items() if name in names})
