"""The native prototype in plain Python: slots one by one, through their descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MemberDescriptorType
from typing import Any


class OraclePrototype:
    """Same methods as Prototype, for classes whose slots have names of their own."""

    def __init__(self, instance: object, varying: Sequence[str]) -> None:
        self.instance = instance
        self.names = tuple(varying)
        self.slots = {
            name: member
            for kind in reversed(type(instance).__mro__)
            for name, member in vars(kind).items()
            if isinstance(member, MemberDescriptorType)
        }

    def make(self, *columns: Iterable[Any]) -> list[Any]:
        return [self._copy(row) for row in zip(*columns, strict=True)]

    def _copy(self, row: tuple[Any, ...]) -> Any:
        kind = type(self.instance)
        one = kind.__new__(kind)
        own = dict(zip(self.names, row, strict=True))
        for name, member in self.slots.items():
            if name in own:
                member.__set__(one, own[name])
            elif hasattr(self.instance, name):
                member.__set__(one, member.__get__(self.instance, kind))
        return one
