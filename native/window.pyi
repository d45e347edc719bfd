"""Typed stub of the window of commands."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeAlias, TypeVar

_Result = TypeVar("_Result")
Key: TypeAlias = tuple[str, bytes]

NEW: Final = 0
RUNNING: Final = 1
FINISHED: Final = 2
CONFLICT: Final = 3

class Window(Generic[_Result]):
    """One execution for each identity: what was seen, and what came of it.

    Bounded by number; the oldest *finished* entries leave first, one that runs never does. A key
    takes about 300 bytes with its result. One thread.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        """Remember at most ``capacity`` finished commands. ValueError: below 0."""
    def __len__(self) -> int: ...
    def keys(self) -> list[Key]:
        """Return what is known, those that run and those that ended."""
    def look(self, key: Key, content: Hashable) -> tuple[int, _Result | None]:
        """Look a key up and, if it is new, have it run; return what was found and the result."""
    def peek_at(self, key: Key) -> tuple[int, _Result | None]:
        """Look a key up, whatever its content, and remember nothing; NEW: it is not known."""
    def content_of(self, key: Key) -> Hashable | None:
        """Return the content of a command that runs or has ended; None: it is not known."""
    def wait(self, key: Key, waiter: Callable[[_Result], object]) -> None:
        """Have a repeated command answered when the running one ends. KeyError: none runs."""
    def finish(
        self, key: Key, result: _Result, now_ns: int = 0
    ) -> list[Callable[[_Result], object]]:
        """Store the result, which came at ``now_ns``; return who waits for it."""
    def shorten(self, key: Key, result: _Result) -> None:
        """Put a smaller result in place of the one that a finished command has."""
    def forget(self, key: Key) -> list[Callable[[_Result], object]]:
        """Forget a command that was refused before anything could happen; return who waits."""
    @property
    def most(self) -> int:
        """How many finished commands are remembered. ValueError: set to less than 0."""
    @most.setter
    def most(self, capacity: int) -> None: ...
    @property
    def running(self) -> int:
        """How many commands have begun and have no result yet."""
    @property
    def forgotten_ns(self) -> int:
        """Nothing that finished after that has been forgotten; 0: nothing at all."""
