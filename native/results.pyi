"""Typed stub of the results of bulk commands."""

from collections.abc import Iterator, Sequence
from typing import overload

class Names(Sequence[str]):
    """Ids of devices as they stand in a frame; objects are made of them when somebody looks.

    Equals a sequence of the same texts. Cannot be changed.
    """

    @staticmethod
    def of(texts: Sequence[str]) -> Names:
        """Return these; Names are returned as they are.

        Raises TypeError, UnicodeEncodeError: one is no text, or no UTF-8; the caller's bug.
        """
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

class NameWriter:
    """Puts names together."""

    @property
    def count(self) -> int:
        """How many were put in."""

def join(
    id: bytes, devices: Sequence[str], statuses: bytes, values: bytes, dispatched_ns: bytes,
    finished_ns: bytes, exceptions: Sequence[tuple[int, str, str]],
) -> bytes:  # fmt: skip
    """Return the BULK_OUTCOME frame of a result; what it says is the caller's to check.

    Raises TypeError, ValueError, UnicodeEncodeError: what no frame can hold; the caller's bug.
    """

def split(
    frame: bytes,
) -> tuple[bytes, Names, bytes, bytes, bytes, bytes, dict[int, tuple[str, str]]] | None:
    """Return what a BULK_OUTCOME says, in the order of its fields; about 10 ns a device.

    None: it is no sound BULK_OUTCOME, its columns disagree in length, or it is written in a way
    that no city writes it; whoever is asked next says what is wrong, if anything is.
    """
