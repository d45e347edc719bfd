"""Columns of texts and numbers that cost bytes and not objects: for what a cell only looks up."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload


class Texts(Sequence[str]):
    """Texts, mostly different, as one block of UTF-8. Immutable; made anew at each look."""

    __slots__ = ("_block", "_ends")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Take the texts over."""
        parts = [text.encode(errors="surrogatepass") for text in texts]
        self._block = b"".join(parts)
        ends = array("Q" if len(self._block) > 0xFFFF_FFFF else "I", [0])
        at = 0
        for part in parts:
            at += len(part)
            ends.append(at)
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return one text, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self._block[self._ends[at] : self._ends[at + 1]].decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        block = self._block
        if block.isascii():  # as most are: then a byte is a sign, and one text is cut into pieces
            whole = block.decode("ascii")
            return iter([whole[start:end] for start, end in pairwise(self._ends)])
        return (
            block[start:end].decode(errors="surrogatepass") for start, end in pairwise(self._ends)
        )


class Words(Sequence[str]):
    """Texts, mostly the same few. Immutable; the same text is the same object at each look."""

    __slots__ = ("_numbers", "words")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Take the texts over."""
        known: dict[str, int] = {}
        numbers = [known.setdefault(text, len(known)) for text in texts]
        self.words = tuple(known)
        size = len(known)
        self._numbers = array("B" if size <= 0x100 else "H" if size <= 0x10000 else "I", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return one text, or some."""
        if isinstance(index, slice):
            return [self.words[number] for number in self._numbers[index]]
        return self.words[self._numbers[index]]

    def __iter__(self) -> Iterator[str]:
        return map(self.words.__getitem__, self._numbers)


def whole_numbers(numbers: Iterable[int]) -> Sequence[int]:
    """Return whole numbers in the smallest column that holds them."""
    given = list(numbers)
    low, high = min(given, default=0), max(given, default=0)
    for code, bits in (("B", 8), ("H", 16), ("I", 32)):
        if low >= 0 and high < 1 << bits:
            return array(code, given)
    return array("q", given) if low >= -(1 << 63) and high < 1 << 63 else given
