"""One incarnation of a cell, as its warden knows it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster import processes
from jacquemart.runtime.cluster.blueprint import CellBlueprint
from jacquemart.runtime.cluster.cell_line import Line
from jacquemart.runtime.cluster.pulse import Pulse
from jacquemart.runtime.cluster.ray_cell import Arrival, Places, Warm
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.versions import MINE, Span, Versions, agree, known


@dataclass(eq=False)
class LiveCell:
    """A process, how to reach it, and the calls to it that are under way."""

    blueprint: CellBlueprint
    epoch: int
    folder: Path
    number: int = 0
    """Names its files; its first epoch. A standby has had another one than as a cell."""
    actor: Any = None
    """Ray's handle; None: not made yet, or started by another image of the warden."""
    arrival: Arrival | None = None
    warm: Warm | None = None
    line: Line | None = None
    node: str = ""
    """Ray's node that it is asked to be on; ``SOMEWHERE``: Ray chooses; empty: the warden's."""
    making: dict[str, Future[tuple[Any, Any, str]]] = field(default_factory=dict)
    """Actors that Ray is asked to make, and the call that follows, by kind of call."""
    calls: dict[str, Any] = field(default_factory=dict)
    """Ray's object references by kind of call; at most one of a kind."""
    heard: dict[str, Any] = field(default_factory=dict)
    """Answers that came over the line and were not looked at yet."""
    pulse: Pulse = field(init=False)
    again: bool = False
    """Whether it was started by another image of the warden."""

    def __post_init__(self) -> None:
        """Make the files that the process will look for."""
        self.number = self.number or self.epoch
        self.pulse = Pulse(self.folder / f"pulse-{self.number}", again=self.again)

    @property
    def places(self) -> Places:
        """Return where the process meets the warden."""
        return Places(str(self.pulse.path), str(self._line_path))

    @property
    def _line_path(self) -> Path:
        return self.folder / f"line-{self.number}"

    @property
    def local_pid(self) -> int:
        """Return the pid if the cell is on this host, else 0."""
        told = self.arrival or self.warm
        if told is None or told.host_id != processes.host_id():
            return 0
        return told.address.pid if isinstance(told, Arrival) else told.pid

    def connect_line(self) -> None:
        """Connect to a process of this host that has told that it runs.

        Raises:
            CellUnreachable: it has ended meanwhile. VersionMismatch: it speaks another language.
        """
        if self.arrival is not None:
            told = self.arrival.address
            wire = Span(told.wire_least, told.wire_most)
            agree(MINE, Versions(told.version or "of before", wire, MINE.host, MINE.journal))
        if self.local_pid and self.line is None:
            self.line = Line(self._line_path)

    def owes(self, kind: str) -> bool:
        """Return whether a call of this kind is under way."""
        line = self.line
        return (
            kind in self.calls
            or kind in self.making
            or kind in self.heard
            or (line is not None and line.owes("adopt" if kind == "start" else kind))
        )

    def hear(self) -> None:
        """Take what has come over the line."""
        if self.line is None:
            return
        for kind, answer in self.line.answers():
            if kind == "adopt":
                self.heard["start"] = self._adopted(answer)
            else:
                self.heard[kind] = answer

    def _adopted(self, answer: Any) -> Arrival | Exception:
        """Return what the order to adopt gives, as the start of a cell does."""
        if isinstance(answer, Exception):
            return answer
        assert self.warm is not None
        warm = self.warm
        return Arrival(known(CellAddress, answer), warm.niceness, warm.host_id, warm.node)

    def close(self) -> None:
        """Let go of its files."""
        self.pulse.close()
        if self.line is not None:
            self.line.close()
            self.line = None
