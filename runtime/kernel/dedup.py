"""One execution for each (principal, id): the window of commands already seen.

The same identity with the same content gives the same outcome; with another content it is
refused. The window is bounded by number; the oldest *finished* entries leave first, an entry
still running never does. What it remembers is kept natively (``native.window``), since it is asked
for each command.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import TypeVar

from jacquemart.native.window import Window

Result = TypeVar("Result")
Key = tuple[str, bytes]


class Seen(Enum):
    """What the window says of a command."""

    NEW = "new"
    RUNNING = "running"
    FINISHED = "finished"
    CONFLICT = "conflict"


_SEEN = (Seen.NEW, Seen.RUNNING, Seen.FINISHED, Seen.CONFLICT)


class DedupWindow(Window[Result]):
    """Bounded memory of commands and their results."""

    def begin(self, key: Key, content: Hashable) -> tuple[Seen, Result | None]:
        """Look a command up and, if it is new, remember that it runs."""
        found, result = self.look(key, content)
        return _SEEN[found], result

    def peek(self, key: Key) -> tuple[Seen, Result | None]:
        """Look a command up, whatever its content; remember nothing."""
        found, result = self.peek_at(key)
        return _SEEN[found], result
