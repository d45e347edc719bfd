"""Typed stub of the native prototype."""

from collections.abc import Iterable, Sequence
from typing import Any

class Prototype:
    """Makes many objects that are alike but for a few of their slots.

    A copy has what the instance has in each of its slots at that time, the same objects, but for
    the varying ones; nothing of its class runs (no ``__init__``). So what is shared must be what a
    constructor would share: None, numbers, texts, whatever all of them refer to anyway.
    """

    names: tuple[str, ...]
    """The slots that vary."""

    def __init__(self, instance: object, varying: Sequence[str]) -> None:
        """Copy ``instance``. TypeError for what cannot be copied so: a class with a ``__new__``
        (its own, or of native code), an instance with anything in a ``__dict__``. ValueError for
        a name that is no slot, or comes twice."""
    def make(self, *columns: Iterable[Any]) -> list[Any]:
        """Return one object a row: ``columns`` are the values of the varying slots, one column
        each, in their order, all of one length (ValueError otherwise)."""
