"""What a warden is told when it is started: one JSON object, the first line of its stdin."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields

from jacquemart.runtime.cluster.processes import ProcessId
from jacquemart.runtime.model.errors import UsageError

_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class WardenOptions:
    """How to run a city. Durations are seconds; counts of misses are health turns (1 s)."""

    city: str
    """Path of the city file."""
    private_dir: str
    ray_address: str = ""
    """Empty: start a Ray of our own."""
    network: str = ""
    """A private network, ``10.0.0.0/24``, over which cells of several hosts meet, unencrypted and
    unauthenticated. Empty: all cells are on this host."""
    gateway_port: int = -1
    """-1: as the city file says; 0: any free port. The same for ``stream_port``."""
    stream_port: int = -1
    cells: int = 0
    """Device cells; 0: as the city file says, or one a core."""
    timeout_s: float = 120.0
    grace_s: float = 3.0
    """How long a cell may end what is in hand when the city stops."""
    report_after: int = 3
    lose_after: int = 10
    state: str | None = None
    """Folder of the city's journals, as the zone cell sees it. None: this user's default, see
    ``store.folder``; empty: nothing survives the city."""
    freeze_s: float = 0.8
    """A cell whose process has been frozen for so long is replaced; 0: never for that."""
    standby: int = -1
    """1: a warm standby; 0: none; -1: one if there are several device cells."""
    awake: bool = False
    """Whether the processors of the warden's host shall not sleep while the city runs."""
    journal_format: int = 0
    """The newest format that journals are written in, so that the version before can go on with
    them; 0: the newest of this version."""
    starter_pid: int = 0
    starter_started: int = 0
    cell_class: str = "jacquemart.runtime.cell.host:CellHost"
    """``module:Class`` of a cell's host; a seam for tests."""
    loader: str = "jacquemart.runtime.city:load_city"
    """``module:function`` that loads the city; a seam for tests."""

    @property
    def starter(self) -> ProcessId | None:
        """Return who started the warden, or None if it was not told."""
        return ProcessId(self.starter_pid, self.starter_started) if self.starter_pid else None

    def to_line(self) -> bytes:
        """Return the line to write to the warden's stdin."""
        return json.dumps(asdict(self)).encode() + b"\n"


def parse(line: bytes) -> WardenOptions:
    """Return the options that a line carries.

    Raises:
        UsageError: it is not what ``to_line`` makes.
    """
    try:
        found = json.loads(line)
        known = {one.name for one in fields(WardenOptions)}
        if not isinstance(found, dict) or not known.issuperset(found):
            raise ValueError("unknown options")
        return WardenOptions(**found)
    except (ValueError, TypeError) as error:
        raise UsageError(f"the warden's first line is not its options: {error}") from error


def read(fd: int) -> WardenOptions:
    """Read the options from a pipe, and no byte behind them.

    Raises:
        UsageError: the pipe ends before a whole line, or the line is wrong.
    """
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte or len(line) >= _LONGEST_LINE:
            raise UsageError("the warden got no options on its stdin")
        line += byte
    return parse(line)
