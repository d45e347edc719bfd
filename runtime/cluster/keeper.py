"""Keeping the cells of a city: start them, watch them, replace them, tell everybody."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster import processes, resume, runstate
from jacquemart.runtime.cluster.cells import ANY, Cells
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.live_change import LiveChange
from jacquemart.runtime.cluster.moves import TRIES, MoveJob, Moves
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.other_hosts import OtherHosts
from jacquemart.runtime.cluster.prepare import Running
from jacquemart.runtime.cluster.ray_cell import Arrival
from jacquemart.runtime.cluster.ray_probe import RayProbe
from jacquemart.runtime.cluster.ray_start import RaySession
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.cluster.report import Reporter, describe
from jacquemart.runtime.cluster.standbys import PREFIX, Standbys
from jacquemart.runtime.cluster.watch import (
    CellWatch,
    FrozenWatch,
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
#: How often the stamps of processes are looked at.
LOOK_S = 0.1
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
        self._frozen = FrozenWatch(silent_s=options.freeze_s)
        self._others = OtherHosts(self, options.freeze_s)
        self.lifeline = lifeline
        self.report = report
        self.history = history
        self._state: tuple[Path, runstate.RunState] | None = None
        self._next_health_s = self._next_look_s = 0.0
        self._began_s: dict[str, float] = {}
        for kind, pid in session.processes().items():
            lifeline.watch(_RAY + kind, pid)
        for pid in session.agents():
            lifeline.watch(f"{_RAY}agent {pid}", pid, session.end_raylet)
        self._probe = RayProbe(session.processes, session.asks())
        self.changes = LiveChange(self, running, session.resources())
        self.moves = Moves(self)
        wanted = wants_standby(options, cells)
        self.standbys = Standbys(self, wanted, self.moves.warm, self.moves.failed)

    # Start -----------------------------------------------------------------------------------

    @property
    def embedded(self) -> bool:
        """Return whether Ray is the city's own."""
        return self._session.embedded

    def next_epoch(self) -> int:
        """Return a new epoch."""
        return self.register.next_epoch(time.time_ns() // 1_000_000)

    def begin(self, name: str) -> None:
        """Begin to start a cell: the warm standby adopts, or Ray starts a new process."""
        epoch = self.next_epoch()
        if self.cells.adopt_spare(name, epoch):
            self.lifeline.forget(PREFIX + ANY)
            self.lifeline.forget(PREFIX + name)
            self.standbys.used()
        else:
            self.cells.begin(name, epoch)
        self._began_s[name] = time.monotonic()
        self.watch.started(name, self._began_s[name])
        self.changes.began(name)

    def arrived(self, name: str, arrival: Arrival) -> None:
        """Take a cell's address.

        Raises:
            StartError: it runs on another host, or its process is nicer than the warden.
        """
        cell = self.cells.live[name]
        cell.arrival = arrival
        if arrival.host_id != processes.host_id() and not self.options.network:
            raise StartError(
                "Ray placed it on another host, and the city is not secured: its sockets would be"
                " open to the network",
                where=f"cell {name}",
                advice="use a Ray cluster whose nodes are on this host, or allow a private network"
                " (--network)",
            )
        if self._session.embedded and arrival.niceness > os.nice(0):
            raise StartError(f"Ray gave it niceness {arrival.niceness}", where=f"cell {name}")
        cell.connect_line()
        self.register.arrived(arrival.address)
        self.watch.arrived(name, time.monotonic())
        if cell.local_pid and not self.lifeline.watch(name, cell.local_pid):
            raise CellUnreachable("it ended right after its start", where=f"cell {name}")
        if arrival.address.role == "gateway":
            self.api, self.stream = arrival.address.commands, arrival.address.stream
            self.cells.pin_gateway(self.api, self.stream)
            self._publish()

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
        pending = self._awaits()
        now = time.monotonic()
        timeout = PENDING_TURN_S if pending else min(self._next_look_s, self._next_health_s) - now
        ended = self.lifeline.wait(timeout, self.cells.lines())
        if self.lifeline.ending:
            return
        self.check_ray(ended)
        for name in ended:
            if name.startswith(PREFIX):
                self.standbys.lose(name.removeprefix(PREFIX), "its process ended")
            else:
                self.lose(name, "its process ended")
        self._look()
        self._others.turn(time.monotonic())
        if pending or self._awaits():
            self.changes.turn()
            self._collect()
        if time.monotonic() >= self._next_health_s:
            self._health_turn()
        self.act(self.watch.due(time.monotonic()))

    def _awaits(self) -> bool:
        """Return whether there are answers to look for, or there is something to do soon."""
        return (
            not self.watch.settled
            or self.changes.busy
            or self.moves.busy
            or self.standbys.making
            or bool(self.cells.owing("connect"))
        )

    def _look(self) -> None:
        """Look at the stamps of all processes, and give up those that are frozen."""
        now = time.monotonic()
        if now < self._next_look_s:
            return
        self._next_look_s = now + LOOK_S
        counts = self.standbys.stamps()
        pids = {PREFIX + key: one.local_pid for key, one in self.cells.spares.items()}
        for name, cell in self.cells.live.items():
            if cell.local_pid and self.watch.stage(name) is Stage.RUNNING:
                counts[name], pids[name] = cell.pulse.process(), cell.local_pid
        for name, seconds in self._frozen.look(now, counts).items():
            busy = processes.wants_to_run(pids[name])
            if not self._frozen.frozen(seconds, wants_to_run=busy):
                continue
            reason = f"its process has been frozen for {seconds:.1f} s"
            if name.startswith(PREFIX):
                self.standbys.lose(name.removeprefix(PREFIX), reason)
            else:
                self.lose(name, reason)

    def check_ray(self, ended: list[str]) -> None:
        """Restore Ray if one of its own processes has ended, or is frozen.

        A GCS is started again where it was, since its tables are on disk. Without its raylet
        this process is no part of Ray any more, and goes on as a new image.

        Raises:
            Again: Ray has to be started anew.
        """
        lost = [name.removeprefix(_RAY) for name in ended if name.startswith(_RAY)]
        ended[:] = [name for name in ended if not name.startswith(_RAY)]
        if not lost:
            return
        self.report.tell("ray_lost", processes=lost)
        if lost == ["gcs_server"] and self._session.restart_gcs():
            self.lifeline.watch(f"{_RAY}gcs_server", self._session.processes()["gcs_server"])
            self._probe.renewed("gcs_server")
            self.report.tell("ray_restored", processes=lost)
            return
        history = self.left().lost(time.monotonic())
        if self.moves.upgrading:  # its client hears of the new image what became of that
            history = replace(history, undone="Ray was lost before the upgrade began")
        raise resume.Again(history, self.register.city)

    def left(self) -> resume.History:
        """Return what a new image of this warden must know to go on with the cells."""
        running = [one for one in self.cells.live.values() if one.local_pid and one.arrival]
        return replace(
            self.history,
            version=self.register.directory().version,
            epoch=self.next_epoch(),
            api=self.api,
            stream=self.stream,
            cells=tuple(
                resume.Left(one.arrival.address, one.number) for one in running if one.arrival
            ),
        )

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
                self.report.tell(
                    "cell_added" if fresh else "cell_replaced",
                    cell=describe(answer.address),
                    api=self.api,
                    stream=self.stream,
                )
                # after that: whoever is told that all cells have moved knows where they are
                self.changes.arrived(name)
                self.moves.arrived(name)
            except JacquemartError as error:
                self.changes.cannot_start(name, error)
                self.lose(name, str(error))
        if changed:
            self.cells.connect(self.register.directory())
        for name, answer in self.cells.answers("connect").items():
            if isinstance(answer, Exception):
                self.act(self.watch.lost(name, str(answer), now))
        settled = self.watch.settled and not self.changes.busy
        self.standbys.turn(settled=settled and not self.moves.busy)
        self.moves.turn(settled=self.watch.settled)
        for name in self.cells.owing("start"):
            if now - self._began_s[name] > START_S:
                self.act(self.watch.lost(name, f"no start within {START_S:.0f} s", now))

    def _health_turn(self) -> None:
        now = time.monotonic()
        self._next_health_s = now + HEALTH_TURN_S
        settled = self.watch.settled and not self.changes.busy and not self.moves.busy
        self.standbys.turn(settled=settled)
        if self._session.embedded:
            processes.reap(keep=self._session.processes().values())
        for kind, (pid, why) in self._probe.frozen(now).items():
            self.report.tell("warning", message=f"Ray's {kind} is frozen: {why}")
            processes.kill([pid], 2.0)
            self.check_ray([_RAY + kind])  # at once: without a raylet Ray would end this process
        self._others.ask_ray(now)
        for name, cell in list(self.cells.live.items()):
            if cell.local_pid and self.watch.stage(name) is Stage.RUNNING:
                moved = cell.pulse.moved()
                self.act(self.watch.answered(name) if moved else self.watch.missed(name, now))

    def lose(self, name: str, reason: str) -> None:
        """Have a cell replaced, if it is one that is watched."""
        self.act(self.watch.lost(name, reason, time.monotonic()))

    def hand(self, name: str, *, lost: bool = False) -> None:
        """End what is left of a cell that has stopped in order, and start its successor.

        ``lost``: as of ``Cells.end``.
        """
        self.lifeline.forget(name)
        self.cells.end(name, lost=lost)
        self.begin(name)

    def release(self, name: str) -> None:
        """Watch a cell no longer: its end is no loss."""
        self.lifeline.forget(name)
        self.watch.forget(name)

    def act(self, instructions: list[Instruction]) -> None:
        """Do what the watch says."""
        for instruction in instructions:
            match instruction:
                case Start(name) if name in self.cells.plan:
                    self.begin(name)
                case Start(name):  # the city has none of that name any more
                    self.release(name)
                case Replace(name, reason, pause_s):
                    self.lifeline.forget(name)
                    self.report.tell("cell_lost", cell=name, reason=reason, pause_s=pause_s)
                    self.cells.end(name, lost=True)
                    self.changes.lost(name, reason)
                    self.moves.lost(name, reason)
                    if pause_s > 0 or not self.cells.has_spare(name):
                        self.register.gone(name)
                        self.cells.connect(self.register.directory())
                case Late(name, misses):
                    self.report.tell("cell_late", cell=name, misses=misses)
                case Recovered(name):
                    self.report.tell("cell_recovered", cell=name)

    def stop(self, grace_s: float) -> list[str]:
        """Stop all cells; return those that had to be killed. Blocks for the grace and some."""
        self._probe.close()
        return self.cells.stop(grace_s)

    def take_over(self) -> None:
        """Know the cells that the previous image of this warden left; end those that nobody wants.

        They go on as they are; ``move_all`` hands them to processes of the new Ray later.
        """
        now = time.monotonic()
        for left in self.history.cells:
            name, pid = left.address.name, left.address.pid
            try:
                if name not in self.cells.plan:
                    raise CellUnreachable("the city has no such cell", where=name)
                self.cells.take_over(name, left.address, left.number)
                if not self.lifeline.watch(name, pid):
                    raise CellUnreachable("it has ended", where=name)
            except (CellUnreachable, OSError):
                self.cells.end(name)
                processes.kill([pid], 2.0)
                continue
            self.register.arrived(left.address)
            self.watch.started(name, now)
            self.watch.arrived(name, now)
            if left.address.role == "gateway":
                self.api, self.stream = left.address.commands, left.address.stream

    def move_all(self) -> None:
        """Hand all cells to fresh processes, one after the other.

        Of another version than before, only while it can make them.
        """
        tries = TRIES if self.history.came_from else 0
        if self.history.committed:
            self.history = self.history.proven()
        self.moves.offer(MoveJob(tell=lambda _: None, end=lambda _: None, tries=tries))


def wants_standby(options: WardenOptions, cells: Cells) -> bool:
    """Return whether a city has a standby: as it was told, or if it has several device cells."""
    devices = sum(blueprint.role == "device" for blueprint in cells.plan.values())
    return options.standby > 0 or (options.standby < 0 and devices > 1)
