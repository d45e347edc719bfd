"""How a bug is planted, and the list of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, cast

from jacquemart.runtime.kernel.lifecycle import TABLE, Event, Rule, State

Bug = Callable[[], AbstractContextManager[None]]
PLANTED: dict[str, Bug] = {}
"""The bugs by name."""


@contextmanager
def swapped(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Have another attribute for a while; ``make`` gets the real one."""
    real = vars(owner)[name]
    setattr(owner, name, make(real))
    try:
        yield
    finally:
        setattr(owner, name, real)


def bug(owner: Any, name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register a maker of wrong code for an attribute, under the maker's own name."""

    def register(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        PLANTED[make.__name__] = lambda: swapped(owner, name, make)
        return make

    return register


def bugs(
    owner: Any, *names: str
) -> Callable[[Callable[[str, Any], Any]], Callable[[str, Any], Any]]:
    """As ``bug``, for a mistake in several attributes; the maker gets each one's name, too."""

    def register(make: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
        @contextmanager
        def planted() -> Iterator[None]:
            with ExitStack() as stack:
                for name in names:
                    stack.enter_context(swapped(owner, name, partial(make, name)))
                yield

        PLANTED[make.__name__] = planted
        return make

    return register


def rule(
    state: State, event: Event
) -> Callable[[Callable[[], tuple[Rule, ...]]], Callable[[], tuple[Rule, ...]]]:
    """Register wrong rules for a place in the table of a command's life."""

    def register(make: Callable[[], tuple[Rule, ...]]) -> Callable[[], tuple[Rule, ...]]:
        @contextmanager
        def planted() -> Iterator[None]:
            table = cast("dict[tuple[State, Event], tuple[Rule, ...]]", TABLE)
            real = table[state, event]
            table[state, event] = make()
            try:
                yield
            finally:
                table[state, event] = real

        PLANTED[make.__name__] = planted
        return make

    return register
