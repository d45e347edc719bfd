"""The warden: a small process that starts Ray and the cells of a city, and keeps them alive.

``python -m jacquemart.runtime.cluster.warden`` reads its options as the first line of stdin and
tells events on stdout (``report``). The city lives for as long as stdin is open and the starter
lives. The warden is no child of Ray; in its own session, a Ctrl-C at the starter's terminal does
not reach it, or the cells, before the starter has decided what to do.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jacquemart.runtime.cluster import options as warden_options
from jacquemart.runtime.cluster import private_dir, processes, ray_start, resume, runstate
from jacquemart.runtime.cluster.awake import Awake
from jacquemart.runtime.cluster.city_load import CityLoad
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.report import Reporter
from jacquemart.runtime.cluster.resume import Again, History
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.versions import PACKAGE

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.control import Control
    from jacquemart.runtime.cluster.keeper import Keeper
    from jacquemart.runtime.cluster.ray_start import RaySession

log = logging.getLogger("jacquemart.warden")

#: How long what is left of the city has to die once it was killed.
LAST_KILL_S = 3.0


class Warden:
    """One city, from its start to its end."""

    def __init__(
        self, options: WardenOptions, lifeline: Lifeline, report: Reporter, history: History
    ) -> None:
        """Hold what there is before Ray and the city are."""
        self._options = options
        self._lifeline = lifeline
        self._report = report
        self._history = history
        self._session: RaySession | None = None
        self._keeper: Keeper | None = None
        self._state_file: Path | None = None
        self._control: Control | None = None
        self._awake = Awake()

    def run(self) -> int:
        """Run the city until it shall end; return the exit status.

        Raises:
            Again: the embedded Ray is lost, and a new image shall go on.
        """
        status = 0
        try:
            keeper = self._open()
            while not self._lifeline.ending:
                keeper.turn()
        except Again:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            # While Ray starts, SIGTERM is Ray's, which raises SystemExit.
            if isinstance(error, Exception) and not self._lifeline.ending:
                history = self._keeper.history if self._keeper is not None else self._history
                if history.came_from:
                    raise self._back(history.came_from, error) from error
                log.exception("the city ends")
                self._report.error(error)
                status = 1
        self._end()
        return status

    def _open(self) -> Keeper:
        options, lifeline, report = self._options, self._lifeline, self._report
        load = CityLoad(options, report, self._history.city_file)
        home = Path(options.private_dir) / str(self._history.number)
        home.mkdir(mode=0o700)
        token = ray_start.prepare_environment(home, options.ray_address)
        if token is not None and processes.adopt_orphans():
            # What the Ray before this one left, its cells excepted.
            left = set(processes.descendants(os.getpid())) - self._history.pids
            processes.kill(left, LAST_KILL_S)
            processes.reap()
        # These import Ray, so not before its environment is set.
        from jacquemart.runtime.cluster import bring_up, opening
        from jacquemart.runtime.cluster.control import Control

        load.check()
        self._session = session = opening.open_ray(options, report, token)
        lifeline.take_signals()
        load.check()
        city = load.result()
        state = replace(
            runstate.state_of(city.id, session.address, session.token_path),
            api=self._history.api,
            stream=self._history.stream,
        )
        self._state_file = runstate.claim(state)
        keeper = self._keeper = opening.prepare(
            options, session, city, lifeline, report, self._history, home
        )
        keeper.take_over()
        bring_up.BringUp(keeper, lifeline, report, home, options.timeout_s).run()
        if self._history.number > 1:
            keeper.move_all()
        self._control = control = Control(
            Path(options.private_dir),
            options,
            keeper.changes,
            keeper.moves,
            lambda city: opening.resources_for(session, city),
            keeper.cells.store,
            lifeline.wake,
        )
        keeper.ready(self._state_file, replace(state, control=str(control.path)))
        if options.awake and (why := self._awake.hold()):
            report.tell("warning", message=f"processors go to sleep when they are idle: {why}")
        if self._history.number > 1:
            for number in range(1, self._history.number):
                private_dir.remove(home.with_name(str(number)))
        report.tell(
            "ready",
            city=city.id,
            api=keeper.api,
            stream=keeper.stream,
            ray_address=session.address,
            token_path=session.token_path,
            ready_s=report.seconds,
            version=PACKAGE,
            cells=keeper.addresses(),
            control=str(control.path),
        )
        return keeper

    def _back(self, came_from: str, error: Exception) -> Again:
        """Return what lets the version before go on, since this one cannot; its cells still do."""
        log.error("back to %s: %s", came_from, error, exc_info=error)
        self._report.tell("warning", message=f"version {PACKAGE} cannot run the city: {error}")
        history = self._keeper.left() if self._keeper is not None else self._history
        return Again(history.back(f"{PACKAGE}: {error}"), None, came_from, history.format_before)

    def _end(self) -> None:
        began = time.monotonic()
        self._awake.close()
        self._report.progress("stopping", reason=self._lifeline.ending)
        if self._control is not None:
            self._control.close()
        if self._keeper is not None:
            try:
                killed = self._keeper.stop(self._options.grace_s)
                if killed:
                    self._report.tell("warning", message=f"killed: {', '.join(killed)}")
            except Exception:
                log.exception("the cells did not stop in order")  # and are killed below
        embedded = self._session is None or self._session.embedded
        if self._session is not None:
            self._session.stop()
        if embedded:
            left = processes.kill(processes.descendants(os.getpid()), LAST_KILL_S)
            if left:
                log.error("processes that do not die: %s", sorted(left))
        if self._state_file is not None:
            runstate.remove(self._state_file, os.getpid())
        private_dir.remove(Path(self._options.private_dir))
        self._report.tell("stopped", seconds=round(time.monotonic() - began, 3))


def main() -> int:
    """Run a warden on this process's stdin and stdout."""
    # Whatever prints, prints to stderr: stdout is the starter's.
    events = os.dup(1)
    os.dup2(2, 1)
    # Ray puts the directory in which it is asked first into the path of all cells: a checkout that
    # the operator happens to stand in would be what they run, and not what is installed.
    os.chdir("/")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # where it is, into its log: for whoever looks for a hang
    report = Reporter(events)
    options, history = resume.arguments(sys.argv[1:]) or (warden_options.read(0), History())
    private_dir.claim(Path(options.private_dir))
    with contextlib.suppress(StartError):
        private_dir.sweep()
    lifeline = Lifeline(0, options.starter)
    try:
        return Warden(options, lifeline, report, history).run()
    except Again as again:
        try:
            resume.become(options, again, events)
        except OSError as error:
            if not again.python:
                raise
            history = again.history.back(f"{again.python}: {error}")
            options = replace(options, journal_format=again.history.format_before)
            resume.become(options, Again(history, again.city), events)
        return 1  # not reached: become returns only by raising


if __name__ == "__main__":
    # The ends of Ray and of the interpreter are slow, and have nothing left to do.
    os._exit(main())
