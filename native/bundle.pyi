"""Typed stub of bundles: messages of one connection that travel as one (docs/protocol.md, BUNDLE).

Whoever takes one does as if its messages had come one after the other, and answers it with a
bundle of the answers that it has at once, perhaps none. The others come alone, as ever.
"""

MOST_IN_ONE: int
"""Messages in one bundle, at most."""

def bundled(frame: bytes) -> bool:
    """Return whether a frame is a bundle, by its first bytes; False for what is no frame."""

def unbundled(frame: bytes) -> list[tuple[bytes, bytes]]:
    """Return the token and the frame of each message in a bundle; of frames nothing is checked.

    Raises:
        frames.MalformedFrame: it is no bundle, or a broken one; the peer's fault.
    """

class Packer:
    """Makes one bundle after the other."""

    @property
    def count(self) -> int:
        """Messages in the one that is being made."""
    def put(self, token: bytes, frame: bytes) -> None:
        """Put a message in it.

        Raises:
            ValueError: it has ``MOST_IN_ONE`` already, or the token is above 64 bytes; the
                caller's bug. What is in it stays.
        """
    def take(self) -> bytes:
        """Return the bundle, and begin the next one."""
