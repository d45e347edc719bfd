"""Typed stub of the wording."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")

class Wording(Generic[_T]):
    """Says commands, and reads outcomes, for one client of a gateway."""

    def __init__(
        self, *, outcome_type: type[_T], stages_type: type[Any], statuses: Mapping[int, Any],
        unknown: Any, early_ns: int, longest_s: float,
    ) -> None:  # fmt: skip
        """Speak to a gateway.

        Args:
            outcome_type, stages_type: named tuples of the fields of an OUTCOME, in its order, with
                the four stages as the last.
            statuses: by their codes; ``unknown`` is that of any other.
            early_ns: what is added to a moment on our boot-time clock, so that it is no later on
                the gateway's.
            longest_s: how far away a deadline may be.

        Raises:
            TypeError: what is to be filled is no such tuple.
        """
    def command(
        self, principal: str, subject: str, verb: str, value: object, within_s: float, unit: str,
        priority: int,
    ) -> bytes | None:  # fmt: skip
        """Return a COMMAND with an identity of its own, to be sent now.

        None: an argument is wrong or unusual, for somebody else to look at; nothing has happened.
        """
    def outcome(self, frame: bytes) -> _T | None:
        """Return what an OUTCOME says; None: the frame is none, or broken."""
