"""How a warden becomes a new one, without the cells or the starter noticing: when its Ray is lost,
or when another version of this software shall run the city.

The process image is replaced (``execv``): pid, stdin, stdout and children stay, so cells that
watch the warden's pid go on with the field, and the starter's pipe stays whole. The new image
knows the cells again by their lines and pulses, starts another Ray, and hands the cells to
processes of that one, one after the other; until its turn each cell goes on as it was.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jacquemart.runtime.cluster import city_copy
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.errors import StartError, UsageError
from jacquemart.runtime.model.versions import known

log = logging.getLogger("jacquemart.warden")

_FLAG = "--resume"
#: Rays that may be lost within ``WINDOW_S`` before the city is given up.
INTENSITY = 3
WINDOW_S = 120.0


@dataclass(frozen=True, slots=True)
class Left:
    """A cell that runs on while its warden becomes a new one."""

    address: CellAddress
    number: int
    """Names its files; see ``LiveCell``."""


@dataclass(frozen=True, slots=True)
class History:
    """What the new image must know of the old one."""

    number: int = 1
    """Which Ray of this warden it is."""
    version: int = 0
    """Version of the last directory."""
    epoch: int = 0
    """Last epoch given."""
    api: str = ""
    stream: str = ""
    cells: tuple[Left, ...] = ()
    """Cells on this host that go on until each is handed to a fresh process."""
    losses_s: tuple[float, ...] = ()
    """When Rays were lost, on the monotonic clock."""
    city_file: str = ""
    """The city as it was loaded: the operator may have changed, or broken, its file since."""
    came_from: str = ""
    """The interpreter of the version before, for as long as this one has not shown that it can go
    on with the city, which it has when every cell is of it; empty: it is the same."""
    format_before: int = 0
    """``WardenOptions.journal_format`` of then."""
    undone: str = ""
    """Why the other version could not go on with the city, so that this one does."""
    committed: bool = False
    """Whether its cells write journals that the version before cannot read: when one has begun,
    there is no way back by itself."""

    @property
    def pids(self) -> set[int]:
        """Return the pids of the cells that go on."""
        return {left.address.pid for left in self.cells}

    def lost(self, now_s: float) -> History:
        """Return the history with one more Ray lost.

        Raises:
            StartError: too many were lost in too short a time.
        """
        recent = (*(at for at in self.losses_s if now_s - at < WINDOW_S), now_s)
        if len(recent) > INTENSITY:
            raise StartError(f"Ray was lost {len(recent)} times in {WINDOW_S:.0f} s")
        return replace(self, number=self.number + 1, losses_s=recent)

    def upgraded(self, came_from: str, format_before: int, *, committed: bool = False) -> History:
        """Return the history of an image of another version, which may fail."""
        return replace(
            self, number=self.number + 1, came_from=came_from, format_before=format_before,
            undone="", committed=committed,
        )  # fmt: skip

    def back(self, why: str) -> History:
        """Return the history of the version before, which has to go on after all."""
        return replace(self, number=self.number + 1, came_from="", undone=why, committed=False)

    def proven(self) -> History:
        """Return the history of a version that runs the city: there is no way back by itself."""
        return replace(self, came_from="", format_before=0, committed=False)


class Again(Exception):
    """Go on as a new image."""

    def __init__(
        self,
        history: History,
        city: CitySpec | None,
        python: str = "",
        journal_format: int | None = None,
    ) -> None:
        """Carry what the new image must know.

        Args:
            history: what was.
            city: the city that runs; None: it is in ``history.city_file`` already.
            python: the interpreter of the new image; empty: the same.
            journal_format: its ``WardenOptions.journal_format``; None: the same.
        """
        super().__init__()
        self.history = history
        self.city = city
        self.python = python
        self.journal_format = journal_format


def save(options: WardenOptions, again: Again) -> Path:
    """Write what the new image must know into the private directory; return the file."""
    folder, number = Path(options.private_dir), again.history.number
    history = again.history
    if again.city is not None:
        city_file = folder / f"city-{number}.msgpack"
        try:
            city_file.write_bytes(city_copy.pack(again.city))
        except TypeError as error:  # then it is read from its file again
            log.warning("the city is not taken over: %s", error)
            city_file = Path()
        history = replace(history, city_file=str(city_file) if city_file.name else "")
    if again.journal_format is not None:
        options = replace(options, journal_format=again.journal_format)
    path = folder / f"resume-{number}.json"
    content = {"options": asdict(options), "history": asdict(history)}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def load_city(path: str) -> CitySpec:
    """Return the city that ``save`` wrote.

    Raises:
        StartError: the file is not what it wrote.
    """
    try:
        return city_copy.unpack(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise StartError(f"cannot take the city over: {error}", where=path) from error


def become(options: WardenOptions, again: Again, events_fd: int) -> None:
    """Replace this process's image; returns only by raising.

    Raises:
        OSError: the interpreter cannot be executed.
    """
    path = save(options, again)
    os.dup2(events_fd, 1)
    module = "jacquemart.runtime.cluster.warden"
    python = again.python or sys.executable
    os.execv(python, [python, "-P", "-m", module, _FLAG, str(path)])


def arguments(argv: Sequence[str]) -> tuple[WardenOptions, History] | None:
    """Return what the previous image left, or None if there was none.

    Raises:
        UsageError: the arguments or the file are not what ``become`` makes.
    """
    if not argv:
        return None
    if len(argv) != 2 or argv[0] != _FLAG:
        raise UsageError(f"the warden takes no arguments, not {' '.join(argv)}")
    try:
        found = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
        plain = found["history"]
        left = (Left(known(CellAddress, one["address"]), one["number"]) for one in plain["cells"])
        plain.update(cells=tuple(left), losses_s=tuple(plain["losses_s"]))
        history = known(History, plain)
        options = known(WardenOptions, found["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot resume from {argv[1]}: {error}") from error
    return options, history
