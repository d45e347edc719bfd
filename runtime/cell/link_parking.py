"""Whether a link shall be opened anew, or not at all: what its devices' troubles ask of it."""

from __future__ import annotations

from jacquemart.runtime.model.errors import LinkError

#: How often a parked link looks whether it may work again.
PARKED_LOOK_S = 0.5


class LinkParking:
    """What the link's task looks at between two calls of its driver."""

    def __init__(self) -> None:
        """Let it work."""
        self.parked = ""
        """Why the link is not opened; empty: it is."""
        self._anew = ""

    def reopen(self, why: str) -> None:
        """Have the link opened anew, once."""
        self._anew = why

    def park(self, why: str) -> None:
        """Have it closed until ``unpark``."""
        self.parked = why

    def unpark(self) -> None:
        """Let it work again."""
        self.parked = ""

    def check(self) -> None:
        """Raise if the link must not go on as it is.

        Raises:
            LinkError: it shall be opened anew, or is parked.
        """
        why = self.parked or self._anew
        if why:
            self._anew = ""
            raise LinkError(f"parked: {why}" if self.parked else f"opened anew: {why}")
