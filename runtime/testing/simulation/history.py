"""The history of a simulation: what was asked, answered, written and broken, in order."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One thing that happened."""

    at_ns: int
    what: str
    """``issued``, ``answered``, ``fault``, ``cell_started``, ``cell_died``, ``broken`` …"""
    who: str
    facts: tuple[Any, ...]


class History:
    """Entries in the order in which they happened, and their hash."""

    def __init__(self) -> None:
        """Begin."""
        self.entries: list[Entry] = []

    def note(self, at_ns: int, what: str, who: str, *facts: Any) -> None:
        """Write one entry; facts are plain values (bytes are written in hexadecimal)."""
        plain = tuple(fact.hex() if isinstance(fact, bytes) else fact for fact in facts)
        self.entries.append(Entry(at_ns, what, who, plain))

    def of(self, what: str) -> list[Entry]:
        """Return the entries of a kind."""
        return [entry for entry in self.entries if entry.what == what]

    def digest(self, *more: Any) -> str:
        """Return the SHA-256 of all entries in canonical JSON, and of what else is given."""
        made = hashlib.sha256()
        for entry in self.entries:
            made.update(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        made.update(json.dumps(more, separators=(",", ":")).encode())
        return made.hexdigest()

    def text(self, last: int = 40) -> str:
        """Return the last entries, one a line, for people."""
        start = self.entries[0].at_ns if self.entries else 0
        return "\n".join(
            f"{(entry.at_ns - start) / 1e9:9.4f} s  {entry.what:<12} {entry.who:<12} "
            + " ".join(map(str, entry.facts))
            for entry in self.entries[-last:]
        )
