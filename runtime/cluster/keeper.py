"""Keeping the cells of a city: start them, watch them, replace them, tell everybody."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster import processes, resume, runstate
from jacquemart.runtime.cluster.cells import Cells, NameTaken
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.live_change import LiveChange
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.prepare import Running
from jacquemart.runtime.cluster.ray_cell import Arrival
from jacquemart.runtime.cluster.ray_start import RaySession
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.cluster.report import Reporter, describe
from jacquemart.runtime.cluster.watch import (
    CellWatch,
    Instruction,
    Late,
    Recovered,
    Replace,
    Stage,
    Start,
)
from jacquemart.runtime.model.errors import CellUnreachable, JacquemartError, StartError

HEALTH_TURN_S = 1.0
#: How long the loop sleeps while an answer is awaited.
PENDING_TURN_S = 0.03
#: How long a start may take once the city is up.
START_S = 60.0
_RAY = "ray:"


class Keeper:
    """Owns the cells, the register and the watch of a city that has been brought up."""

    def __init__(
        self,
        cells: Cells,
        register: Register,
        session: RaySession,
        options: WardenOptions,
        lifeline: Lifeline,
        report: Reporter,
        history: resume.History,
        running: Running,
    ) -> None:
        """Take over what was opened."""
        self.cells = cells
        self.register = register
        self.watch = CellWatch(report_after=options.report_after, lose_after=options.lose_after)
        self.api = ""
        self.stream = ""
        self._session = session
        self.options = options
        self._lifeline = lifeline
        self.report = report
        self._history = history
        self._state: tuple[Path, runstate.RunState] | None = None
        self._next_health_s = 0.0
        self._began_s: dict[str, float] = {}
        for kind, pid in session.processes().items():
            lifeline.watch(_RAY + kind, pid)
        self.changes = LiveChange(self, running, session.resources())

    # Start -----------------------------------------------------------------------------------

    def begin(self, name: str) -> bool:
        """Begin to start a cell; return False if Ray does not let it have its name yet."""
        try:
            self.cells.begin(name, self.register.next_epoch(_wall_ms()))
        except NameTaken:
            return False
        self._began_s[name] = time.monotonic()
        self.watch.started(name, self._began_s[name])
        self.changes.began(name)
        return True

    def arrived(self, name: str, arrival: Arrival) -> None:
        """Take a cell's address.

        Raises:
            StartError: it runs on another host, or its process is nicer than the warden.
        """
        cell = self.cells.live[name]
        cell.arrival = arrival
        if arrival.host_id != processes.host_id():
            raise StartError(
                "Ray placed it on another host, and the city is not secured: its sockets would be"
                " open to the network, and deadlines would mean another time there",
                where=f"cell {name}",
                advice="use a Ray cluster whose nodes are on this host",
            )
        if self._session.embedded and arrival.niceness > os.nice(0):
            raise StartError(f"Ray gave it niceness {arrival.niceness}", where=f"cell {name}")
        self.register.arrived(arrival.address)
        self.watch.arrived(name, time.monotonic())
        if cell.local_pid and not self._lifeline.watch(name, cell.local_pid):
            raise CellUnreachable("it ended right after its start", where=f"cell {name}")
        if arrival.address.role == "gateway":
            self.api, self.stream = arrival.address.commands, arrival.address.stream
            self.cells.pin_gateway(self.api, self.stream)
            self._publish()
        self.changes.arrived(name)

    def ready(self, path: Path, state: runstate.RunState) -> None:
        """Make the city known to this user's other programs."""
        self._state = (path, state)
        self._publish()

    def _publish(self) -> None:
        if self._state is not None:
            path, state = self._state
            runstate.write(path, replace(state, api=self.api, stream=self.stream))

    def addresses(self) -> list[dict[str, Any]]:
        """Return all cells as plain fields."""
        return [describe(address) for address in self.register.cells.values()]

    # Watch -----------------------------------------------------------------------------------

    def turn(self) -> None:
        """Wait for the next thing to happen, at most a health turn, and act on it.

        Raises:
            Again: the embedded Ray is lost.
        """
        pending = not self.watch.settled or self.changes.busy or bool(self.cells.owing("connect"))
        timeout = PENDING_TURN_S if pending else self._next_health_s - time.monotonic()
        ended = self._lifeline.wait(timeout)
        if self._lifeline.ending:
            return
        self.check_ray(ended)
        for name in ended:
            self.lose(name, "its process ended")
        if pending or self.changes.busy:
            self.changes.turn()
            self._collect()
        if time.monotonic() >= self._next_health_s:
            self._health_turn()
        self._do(self.watch.due(time.monotonic()))

    def check_ray(self, ended: list[str]) -> None:
        """Go on as a new warden if one of Ray's own processes has ended.

        Raises:
            Again: it has.
        """
        lost = [name for name in ended if name.startswith(_RAY)]
        for name in lost:
            ended.remove(name)
        if lost:
            self.report.tell("ray_lost", processes=[name.removeprefix(_RAY) for name in lost])
            history = replace(
                self._history,
                version=self.register.directory().version,
                epoch=self.register.next_epoch(_wall_ms()),
                api=self.api,
                stream=self.stream,
                cells=tuple(c.local_pid for c in self.cells.live.values() if c.local_pid),
            )
            raise resume.Again(history.lost(time.monotonic()), self.register.city)

    def _collect(self) -> None:
        now = time.monotonic()
        changed = False
        for name, answer in self.cells.answers("start").items():
            try:
                if isinstance(answer, Exception):
                    raise answer
                fresh = name not in self.register.cells
                self.arrived(name, answer)
                changed = True
            except JacquemartError as error:
                self.changes.cannot_start(name, error)
                self.lose(name, str(error))
            else:
                self.report.tell(
                    "cell_added" if fresh else "cell_replaced",
                    cell=describe(answer.address),
                    api=self.api,
                    stream=self.stream,
                )
        if changed:
            self.cells.connect(self.register.directory())
        for name, answer in self.cells.answers("connect").items():
            if isinstance(answer, Exception):
                self._do(self.watch.lost(name, str(answer), now))
        for name in self.cells.owing("start"):
            if now - self._began_s[name] > START_S:
                self._do(self.watch.lost(name, f"no start within {START_S:.0f} s", now))

    def _health_turn(self) -> None:
        now = time.monotonic()
        self._next_health_s = now + HEALTH_TURN_S
        if self._session.embedded:
            processes.reap(keep=self._session.processes().values())
        self._ask_other_hosts(now)
        for name, cell in list(self.cells.live.items()):
            if cell.local_pid and self.watch.stage(name) is Stage.RUNNING:
                moved = cell.pulse.moved()
                self._do(self.watch.answered(name) if moved else self.watch.missed(name, now))

    def _ask_other_hosts(self, now: float) -> None:
        """Ask the cells on other hosts, which can only be asked through Ray."""
        others = [name for name in self.cells.running() if not self.cells.live[name].local_pid]
        if not others:
            return
        for name, answer in self.cells.answers("beat").items():
            if isinstance(answer, CellUnreachable):
                self._do(self.watch.lost(name, str(answer), now))
            elif isinstance(answer, Exception):
                self._do(self.watch.missed(name, now))
            elif self.watch.stage(name) is Stage.RUNNING:
                self._do(self.watch.answered(name))
        for name in self.cells.owing("beat"):
            self._do(self.watch.missed(name, now))
        self.cells.call("beat", [name for name in others if name in self.cells.live])

    def lose(self, name: str, reason: str) -> None:
        """Have a cell replaced, if it is one that is watched."""
        self._do(self.watch.lost(name, reason, time.monotonic()))

    def release(self, name: str) -> None:
        """Watch a cell no longer: its end is no loss."""
        self._lifeline.forget(name)
        self.watch.forget(name)

    def _do(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Start(name) if name in self.cells.plan:
                    self.begin(name)
                case Start(name):  # the city has none of that name any more
                    self.release(name)
                case Replace(name, reason, pause_s):
                    self._lifeline.forget(name)
                    self.report.tell("cell_lost", cell=name, reason=reason, pause_s=pause_s)
                    self.cells.end(name)
                    self.changes.lost(name, reason)
                case Late(name, misses):
                    self.report.tell("cell_late", cell=name, misses=misses)
                case Recovered(name):
                    self.report.tell("cell_recovered", cell=name)

    def stop(self, grace_s: float) -> list[str]:
        """Stop all cells; return those that had to be killed. Blocks for the grace and some."""
        return self.cells.stop(grace_s)

    def replace_old(self) -> None:
        """End the cells that the previous image of this warden left; blocks until they are."""
        processes.kill(self._history.cells, 2.0)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
