"""Keys as they are pressed: a terminal without line editing, given back as it was."""

from __future__ import annotations

import os
import termios
import tty
from types import TracebackType
from typing import Any, Self


class Keys:
    """A context in which a terminal hands over every key at once; Ctrl-C still is a signal."""

    def __init__(self, fd: int) -> None:
        """Remember the terminal; if the descriptor is none, nothing is changed or read."""
        self.fd = fd
        self.terminal = os.isatty(fd)
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if self.terminal:
            self._before = termios.tcgetattr(self.fd)
            tty.setcbreak(self.fd)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.terminal:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self._before)

    def read(self) -> str:
        """Return the keys that wait; ``\\x04`` (end of input) if the terminal is gone."""
        try:
            return os.read(self.fd, 64).decode(errors="replace") or "\x04"
        except OSError:
            return "\x04"
