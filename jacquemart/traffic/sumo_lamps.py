"""The lamps of a site, lit in a simulation: what the interlock let out is shown, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.sumo import Simulation
from jacquemart.native.interlock import Cleared
from jacquemart.runtime.model.errors import ConfigError, UsageError

#: The monitor's letters for SUMO's.
_READ: Final = {"O": "d", "r": "R", "u": "r", "G": "G", "g": "g", "y": "y", "o": "f"}


class SumoLamps:
    """Lamps (``outputs.Lamps``) of one signal of a simulation.

    Attributes:
        letters: what SUMO itself says that it shows, a letter for each link; as of the last step.
    """

    def __init__(self, model: Intersection, simulation: Simulation) -> None:
        """Take over a signal.

        Raises:
            ConfigError: the simulation has no such signal, or one with fewer links.
        """
        try:
            self._lamps = simulation.lamps(model.id, [group.links for group in model.groups])
        except UsageError as error:
            raise ConfigError(error.message, where=model.id) from error
        self._groups = [(group.name, tuple(group.links)) for group in model.groups]
        self.letters = ""
        self.lit = False
        """Something of ours was shown; before, SUMO's own program is what is read."""

    def show(self, cleared: Cleared) -> None:
        """Show what the interlock let out, from the next step on."""
        self._lamps.show(cleared)
        self.lit = True

    def saw(self, letters: str) -> None:
        """Take what was shown in the last step."""
        self.letters = letters

    def read(self) -> Mapping[str, str] | None:
        """Return what is shown, a letter a group; "?" if its links differ; None: nothing yet."""
        if not self.letters:
            return None
        return {name: self._one(links) for name, links in self._groups}

    def fail_safe(self, on: bool) -> None:
        """Do nothing: SUMO has no circuit beside the controller, which flashes as well."""

    def _one(self, links: tuple[int, ...]) -> str:
        found = {self.letters[link] for link in links}
        return _READ.get(found.pop(), "?") if len(found) == 1 else "?"
