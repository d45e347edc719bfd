"""Both roles of RSMP back to back, through a pipe that splits, holds and cuts, in virtual time."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from jacquemart.drivers.rsmp.machine.session import Close, Moment, Ready, Send, SessionOptions
from jacquemart.drivers.rsmp.machine.site import Site, SiteOptions
from jacquemart.drivers.rsmp.machine.supervisor import Supervisor
from jacquemart.drivers.rsmp.site.fixed_time import FixedTime, two_stages
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions

WALL_MS = 1_700_000_000_000
GROUPS = ("SG1", "SG2", "SG3", "SG4")
DETECTORS = ("DL1", "DL2")


def ids() -> Callable[[], str]:
    """Return a maker of ids that are UUIDs of version 4 by their form, one after the other."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012x}"


def make_tlc(now: Moment, site: str = "S1") -> Tlc:
    controller = FixedTime(two_stages(len(GROUPS), (20, 20), (30, 15)), len(GROUPS), 2)
    return Tlc(TlcOptions(site, "TC", GROUPS, DETECTORS), controller, now)


def body(data: bytes) -> dict[str, Any]:
    return json.loads(data.rstrip(b"\x0c"))


class Pair:
    """A site and a supervisor; ``now`` is theirs alone."""

    def __init__(
        self,
        core: tuple[str, ...] = ("3.2.2",),
        sxl: str = "1.2.1",
        *,
        site: SiteOptions | None = None,
        expected: Iterable[str] = ("S1",),
        judge: Callable[[dict[str, Any]], None] | None = None,
        tlc: Callable[[Moment], Tlc] = make_tlc,
    ) -> None:
        self.now = Moment(0.0, WALL_MS)
        self.options = SessionOptions(core=core)
        self.tlc = tlc(self.now)
        options = site or SiteOptions(SessionOptions(core=core, sxl=(sxl,)))
        self.site = Site(self.tlc, options, ids())
        self.expected = set(expected)
        self.judge = judge or (lambda _: None)
        self.random = random.Random(7)
        self.split = False
        self.frozen = False
        """Nothing is carried; it waits in the pipe."""
        self.to_site = b""
        self.to_supervisor = b""
        self.told: list[Any] = []
        """What the supervisor's machine told, but for ``Send`` and ``Close``."""
        self.sent: list[tuple[str, dict[str, Any]]] = []
        """Every message that left: ``site`` or ``supervisor``, and what it is."""
        self.closed: list[str] = []
        self.supervisor: Supervisor | None = None

    # The link ------------------------------------------------------------------------------

    def connect(self) -> None:
        self.supervisor = Supervisor(
            self.options,
            lambda found: next((one for one in found if one in self.expected), ""),
            ids(),
            self.now,
        )
        self.site.connected(self.now)
        self.run()

    def cut(self) -> None:
        """Lose the connection, with all that is in the pipe."""
        self.to_site = self.to_supervisor = b""
        self.site.disconnected()
        self.supervisor = None

    @property
    def ready(self) -> bool:
        supervisor = self.supervisor
        return supervisor is not None and supervisor.session.ready and self.site.is_ready

    # Time ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Carry until there is nothing left to carry."""
        for _ in range(5_000):
            self._collect()
            if self.frozen or not (self.to_site or self.to_supervisor):
                return
            to_site, self.to_site = self._piece(self.to_site)
            to_supervisor, self.to_supervisor = self._piece(self.to_supervisor)
            if to_site:
                self.site.receive(to_site, self.now)
            if to_supervisor and self.supervisor is not None:
                self.supervisor.receive(to_supervisor, self.now)
        raise AssertionError("they never stop talking")

    def wait(self, seconds: float, step: float = 0.5) -> None:
        """Let time go by."""
        for _ in range(round(seconds / step)):
            self.now = Moment(self.now.mono + step, self.now.wall_ms + round(step * 1000))
            self.tlc.step(self.now)
            issued, self.tlc.issued = self.tlc.issued, []
            for component, code, _ in issued:
                alarm = self.tlc.alarms.get(component, code)
                assert alarm is not None
                self.site.alarm_changed(alarm, "Issue", self.now)
            self.site.tick(self.now)
            if self.supervisor is not None:
                self.supervisor.tick(self.now)
            self.run()

    def _piece(self, data: bytes) -> tuple[bytes, bytes]:
        size = self.random.randint(0, min(len(data), 200)) if self.split else len(data)
        return data[:size], data[size:]

    def _collect(self) -> None:
        ends = []
        for one in self.site.take():
            if isinstance(one, Send):
                self.to_supervisor += one.data
                self._note("site", one.data)
            elif isinstance(one, Close):
                ends.append(f"site: {one.reason}")
        for one in self.supervisor.take() if self.supervisor is not None else []:
            if isinstance(one, Send):
                self.to_site += one.data
                self._note("supervisor", one.data)
            elif isinstance(one, Close):
                ends.append(f"supervisor: {one.reason}")
            else:
                self.told.append(one)
        if ends:
            self.closed += ends
            if not self.frozen:  # what was said before the end still arrives
                if self.to_site:
                    self.site.receive(self.to_site, self.now)
                if self.to_supervisor and self.supervisor is not None:
                    self.supervisor.receive(self.to_supervisor, self.now)
            self.cut()

    def _note(self, who: str, data: bytes) -> None:
        message = body(data)
        self.sent.append((who, message))
        self.judge(message)

    # Looking -------------------------------------------------------------------------------

    def of(self, kind: type) -> list[Any]:
        """Return what was told of a kind."""
        return [one for one in self.told if isinstance(one, kind)]

    def types(self, who: str) -> list[str]:
        """Return the types of messages that one side has sent."""
        return [message["type"] for sender, message in self.sent if sender == who]

    def last(self, kind: str) -> dict[str, Any]:
        """Return the last message of a type."""
        return next(message for _, message in reversed(self.sent) if message["type"] == kind)


__all__ = ["Pair", "Ready", "body", "ids", "make_tlc"]
