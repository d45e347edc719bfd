"""What the monitor of a site latched, kept in a file, so that no restart resets it; only a person.

The first line is the fault. A person who has looked at the junction adds who resets it
(``jacquemart rsmp-site --reset WHO``); the site that runs, or the next that begins, takes note and
removes the file. To delete the file resets nothing that runs: it is written again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_RESET: Final = "reset by "


class Latch:
    """One file; it is there as long as something is latched."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self.path = path

    def fault(self) -> str:
        """Return what is latched; empty: nothing. A file that cannot be read is a fault, too."""
        return "" if self.reset_by() else self._lines()[0]

    def keep(self, fault: str) -> None:
        """Write a fault down.

        Raises:
            OSError: it cannot be written; what is latched in memory stays so.
        """
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(" ".join(fault.split()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def ask_reset(self, who: str) -> str:
        """Write down who resets it; return the fault, or an empty text if nothing is latched.

        Raises:
            OSError: it cannot be written.
        """
        fault = self.fault()
        if fault:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{_RESET}{' '.join(who.split())}\n")
        return fault

    def reset_by(self) -> str:
        """Return who has asked for a reset; empty: nobody has."""
        asked = [line for line in self._lines()[1:] if line.startswith(_RESET)]
        return asked[-1].removeprefix(_RESET) if asked else ""

    def clear(self) -> None:
        """Forget the fault.

        Raises:
            OSError: the file cannot be removed.
        """
        self.path.unlink(missing_ok=True)

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return [""]
        except OSError as error:
            return [f"what was latched cannot be read: {error}"]
        return text.splitlines() or ["something was latched, and not written down"]
