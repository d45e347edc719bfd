"""Typed stub of eager work."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")

class EagerTask(asyncio.Task[Any]):
    """A task whose coroutine has begun before its loop knows of it.

    It is the current task from the first step on. Its loop gets to know it when the work waits, or
    when more is asked of it than who it is and how often it is to be cancelled.
    """

class Begun(Generic[_Result]):
    """Work whose first step is done, and which waits; awaited, it gives the work's result."""

    @property
    def task(self) -> EagerTask:
        """The task that the work is."""
    def go_on(self, body: Coroutine[Any, Any, Any]) -> None:
        """Have the task go on with ``body``, whose first wait is that for this; once.

        ``body`` begins at once, too. When the task is cancelled before it has had a turn, the work
        hears it where it waits.

        Raises:
            RuntimeError: it goes on already, or ``body`` did not wait; the caller's bug.
        """
    def __await__(self) -> Generator[Any, None, _Result]: ...

def begin_now(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _Result]
) -> _Result | Begun[_Result]:
    """Do the first step of a coroutine, as a task of its own, in a context of its own.

    Returns what it returns, if it never waits, or what waits: ``go_on`` with that. To be called on
    the loop's thread, in a task or outside. Raises what it raises.
    """
