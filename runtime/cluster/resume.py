"""How a warden becomes a new one when its Ray is lost, without the cells or the starter noticing.

The process image is replaced (``execv``): pid, stdin, stdout and children stay, so cells that
watch the warden's pid go on with the field, and the starter's pipe stays whole. The new image
starts another Ray, ends the old cells and starts new ones with higher epochs.
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
from jacquemart.runtime.cluster.options import WardenOptions, parse
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.errors import StartError, UsageError

log = logging.getLogger("jacquemart.warden")

_FLAG = "--resume"
#: Rays that may be lost within ``WINDOW_S`` before the city is given up.
INTENSITY = 3
WINDOW_S = 120.0


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
    cells: tuple[int, ...] = ()
    """Pids of cells on this host that may go on until they are replaced."""
    losses_s: tuple[float, ...] = ()
    """When Rays were lost, on the monotonic clock."""
    city_file: str = ""
    """The city as it was loaded: the operator may have changed, or broken, its file since."""

    def lost(self, now_s: float) -> History:
        """Return the history with one more Ray lost.

        Raises:
            StartError: too many were lost in too short a time.
        """
        recent = (*(at for at in self.losses_s if now_s - at < WINDOW_S), now_s)
        if len(recent) > INTENSITY:
            raise StartError(f"Ray was lost {len(recent)} times in {WINDOW_S:.0f} s")
        return replace(self, number=self.number + 1, losses_s=recent)


class Again(Exception):
    """Ray is lost: go on as a new image."""

    def __init__(self, history: History, city: CitySpec) -> None:
        """Carry what the new image must know."""
        super().__init__()
        self.history = history
        self.city = city


def save(options: WardenOptions, again: Again) -> Path:
    """Write what the new image must know into the private directory; return the file."""
    folder, number = Path(options.private_dir), again.history.number
    city_file = folder / f"city-{number}.msgpack"
    try:
        city_file.write_bytes(city_copy.pack(again.city))
    except TypeError as error:  # then it is read from its file again
        log.warning("the city is not taken over: %s", error)
        city_file = Path()
    path = folder / f"resume-{number}.json"
    history = replace(again.history, city_file=str(city_file) if city_file.name else "")
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
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, _FLAG, str(path)])


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
        plain.update(cells=tuple(plain["cells"]), losses_s=tuple(plain["losses_s"]))
        history = History(**plain)
        options = parse(json.dumps(found["options"]).encode())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot resume from {argv[1]}: {error}") from error
    return options, history
