"""A site with real signals and its supervisor, through a pipe that breaks, in virtual time."""

from __future__ import annotations

from typing import Any

from rsmp_pair import Pair, ids
from signal_samples import crossing
from site_street import unsafe

from jacquemart.actors.signals.model import LONGEST_WAIT_MS
from jacquemart.drivers.rsmp.machine.session import Moment, SessionOptions
from jacquemart.drivers.rsmp.machine.site import Site, SiteOptions
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions
from jacquemart.traffic.outputs import RecordedLamps
from jacquemart.traffic.site_controller import SiteController

GROUPS = ("main", "side", "turn", "walk")
GREEN = (3, 4)


class SignalLink(Pair):
    """``signals`` behind ``tlc``; stepped and watched ten times a second."""

    def __init__(self) -> None:
        self.model = crossing()
        self.histories: list[RecordedLamps] = []
        """The lamps of each process of the site, one after the other."""
        super().__init__(tlc=self.make)
        self.connect()
        self.run_on(20)

    def make(self, now: Moment) -> Tlc:
        self.lamps = RecordedLamps(self.model)
        self.histories.append(self.lamps)
        self.signals = SiteController(self.model, self.lamps)
        return Tlc(TlcOptions("S1", "TC", GROUPS), self.signals, now)

    def reborn(self) -> None:
        """Lose the site's process, and start it anew."""
        self.cut()
        self.tlc = self.make(self.now)
        self.site = Site(self.tlc, SiteOptions(SessionOptions(sxl=("1.2.1",))), ids())

    def run_on(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.signals.watch.look(round((self.now.mono + 0.1) * 1_000))
            self.wait(0.1, 0.1)

    def until(self, what: Any, seconds: float = 200.0) -> float:
        """Run on until something is true; return how long that took, in s."""
        begun = self.now.mono
        while not what():
            assert self.now.mono - begun < seconds, "it never came"
            self.run_on(0.1)
        return self.now.mono - begun

    def ask(self, name: str, what: str = "new", group: str = "", eta: int = 12) -> None:
        assert self.supervisor is not None
        ask = {"requestId": name, "type": what, "level": "6"}
        ask |= {"signalGroupId": group} if group else {}
        ask |= {"eta": str(eta)} if what != "cancel" else {}
        self.supervisor.command("TC", "M0022", ask, self.now, 5.0)
        self.run()

    def phase(self, name: str) -> str:
        return next((one.phase for one in self.signals.priorities() if one.id == name), "")

    def told_phases(self, name: str) -> list[str]:
        """Return the phases of a request that the site has sent to the supervisor."""
        found: list[str] = []
        for who, message in self.sent:
            if who == "site" and message["type"] in ("StatusUpdate", "StatusResponse"):
                for status in message["sS"]:
                    if status["sCI"] == "S0033":
                        found += [row["s"] for row in status["s"] if row["r"] == name]
        return [one for at, one in enumerate(found) if at == 0 or one != found[at - 1]]

    def hold_main(self, name: str = "bus", eta: int = 12) -> None:
        """Come to where main's green is held for a bus beyond its planned end, at 35 s."""
        self.until(lambda: self.signals.stage == 1 and 27 < self.signals.cycle_s < 28)
        self.ask(name, group="main", eta=eta)
        self.until(lambda: self.signals.cycle_s > 36)
        assert self.signals.stage == 1
        assert self.phase(name) == "activated"
        assert self.signals.signals.view().granted == "priority"

    def never_unsafe(self) -> None:
        """Judge all that the lamps showed: conflicts, times, greens held and reds waited."""
        for lamps in self.histories:
            assert unsafe(self.model, lamps.history) == []
        assert self.signals.watch.fault == ""
        for group, own in enumerate(self.model.groups):
            assert self._longest(group, goes=True) <= own.max_green_ms, own.name
            assert self._longest(group, goes=False) <= LONGEST_WAIT_MS, own.name

    def _longest(self, group: int, *, goes: bool) -> int:
        """Return for how long a group has had green, or none while signals ran, at the most."""
        worst, begun = 0, None
        for at_ms, shown in [*self.lamps.history, (round(self.now.mono * 1_000), b"")]:
            runs = bool(shown) and not {0, 6} >= set(shown)
            here = runs and (shown[group] in GREEN) is goes
            if begun is not None and not here:
                worst = max(worst, at_ms - begun)
            begun = (at_ms if begun is None else begun) if here else None
        return worst
