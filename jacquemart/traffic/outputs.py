"""What lights the lamps of one intersection, as its site has it: shown, read back, cut off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from jacquemart.actors.signals.model import Intersection
from jacquemart.native.interlock import Cleared
from jacquemart.runtime.model.errors import UsageError

#: The monitor's letters, by the number of the aspect.
LETTERS: Final = "dRrGgyf"
#: Changes that a record keeps; the oldest go first.
MOST_KEPT: Final = 10_000


class Lamps(Protocol):
    """An output that can be read back. ``read`` and ``fail_safe`` may be called by any thread."""

    def show(self, cleared: Cleared) -> None:
        """Show what the interlock let out, from now on."""

    def read(self) -> Mapping[str, str] | None:
        """Return what is shown, a letter a group (``dRrGgyf``); None: it cannot be read."""

    def fail_safe(self, on: bool) -> None:
        """Take the lamps from the controller, so that all flash by a circuit of their own.

        False gives them back. An output that has no such circuit does nothing: the controller
        flashes as well, with its next step.
        """


class RecordedLamps:
    """An output for whoever has no lamps: it notes all that it shows.

    Attributes:
        history: (ms, a byte a group) at every change; ms are those of the interlock's clock.
        shown: a byte a group, now. All are dark before anything was shown.
    """

    def __init__(self, model: Intersection, told: Callable[[int, str], None] | None = None) -> None:
        """Begin dark.

        Args:
            model: whose groups these are.
            told: called at every change with ms and the letters of all groups.
        """
        self._names = [group.name for group in model.groups]
        self._flash = bytes(group.in_flash for group in model.groups)
        self._told = told
        self._wanted = self.shown = bytes(len(self._names))
        self._number = self._at_ms = 0
        self._cut = False
        self.history: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT)

    def show(self, cleared: Cleared) -> None:
        """Show what the interlock let out.

        Raises:
            UsageError: it is none of this intersection's, or older than what is shown; the
                caller's bug, and nothing was changed.
        """
        if not isinstance(cleared, Cleared) or len(cleared.aspects) != len(self._names):
            raise UsageError("found no output of this intersection's interlock")
        if cleared.number <= self._number:
            raise UsageError(f"found output {cleared.number} after {self._number}")
        self._number, self._at_ms, self._wanted = cleared.number, cleared.at_ms, cleared.aspects
        self._light()

    def read(self) -> Mapping[str, str] | None:
        """Return what is shown, a letter a group."""
        shown = self.shown
        return {name: LETTERS[one] for name, one in zip(self._names, shown, strict=True)}

    def fail_safe(self, on: bool) -> None:
        """Flash whatever the controller shows, or show again what it does."""
        self._cut = on
        self._light()

    def _light(self) -> None:
        shown = self._flash if self._cut else self._wanted
        if shown != self.shown or not self.history:
            self.shown = shown
            self.history.append((self._at_ms, shown))
            if self._told is not None:
                self._told(self._at_ms, "".join(LETTERS[one] for one in shown))
