"""The lamps of one signal of a simulation: what an interlock let out, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from jacquemart.drivers.sumo.ended import ended
from jacquemart.native.interlock import Cleared
from jacquemart.runtime.model.errors import UsageError

#: SUMO's letters for the interlock's aspects: dark, red, red-yellow, green, yielding green,
#: yellow, flashing.
LETTERS: Final = "OruGgyo"


def letters(groups: Sequence[Sequence[int]], aspects: bytes, count: int) -> str:
    """Return what SUMO is to show, one letter for each of ``count`` links; red where no group is.

    Args:
        groups: of each group of the interlock, which links show what it shows.
        aspects: of the groups, as the interlock let them out.
        count: the number of links that SUMO itself says the signal has.
    """
    state = ["r"] * count
    for links, aspect in zip(groups, aspects, strict=True):
        for link in links:
            if link < count:
                state[link] = LETTERS[aspect]
    return "".join(state)


class Lamps:
    """Shows a signal's groups on the links of SUMO that they stand for.

    A state of the wrong length, for which SUMO would end, cannot be made: it is written into a
    copy of the right length. Links of no group stay red.
    """

    __slots__ = ("_groups", "_last", "_links", "_number", "_traci", "signal")

    def __init__(
        self, traci: Any, signal: str, links: int, groups: Sequence[Sequence[int]]
    ) -> None:
        """Take over a signal.

        Args:
            traci: the connection to its simulation.
            signal: its name.
            links: how many links SUMO says that it has.
            groups: of each group of the interlock, which links show what it shows.

        Raises:
            UsageError: a link that the signal has not, or one in two groups; the caller's bug.
        """
        taken = [link for group in groups for link in group]
        if len(set(taken)) != len(taken):
            raise UsageError("a link is in two groups; allowed: one", where=signal)
        for link in taken:
            if not 0 <= link < links:
                raise UsageError(f"found link {link}; allowed: 0 to {links - 1}", where=signal)
        self.signal = signal
        self._traci, self._links = traci, links
        self._groups = [tuple(group) for group in groups]
        self._last = ""
        self._number = 0

    def show(self, cleared: Cleared) -> None:
        """Show what was let out, from now on.

        Raises:
            UsageError: it is none of this signal's, or older than what is shown; the caller's
                bug, and nothing was changed.
            LinkError: SUMO has ended.
        """
        if not isinstance(cleared, Cleared) or len(cleared.aspects) != len(self._groups):
            raise UsageError("found no output of this signal's interlock", where=self.signal)
        if cleared.number <= self._number:
            raise UsageError(
                f"found output {cleared.number} after {self._number}; allowed: newer ones",
                where=self.signal,
            )
        self._number = cleared.number
        told = letters(self._groups, cleared.aspects, self._links)
        if told != self._last:
            with ended():
                self._traci.trafficlight.setRedYellowGreenState(self.signal, told)
            self._last = told
