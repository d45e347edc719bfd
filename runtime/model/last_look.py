"""The last look before bytes leave: may this write still be sent, now?"""

from __future__ import annotations

import os


class LastLook:
    """Asked by a driver right before what it writes leaves; this one, of nobody, says yes.

    *Theory.* A process may be frozen between any two steps, and what it sends when it wakes may
    undo what a successor has done since. The nearer to the system call the clock is asked, the
    less can come between.
    """

    __slots__ = ()

    def check(self) -> None:
        """Ask now. For drivers whose bytes leave by a library's hand; any thread may.

        Raises:
            NeverSent: lease or deadline is over. Return or raise it for each value that was not
                sent.
        """

    def send(self, fd: int, data: bytes) -> int:
        """Send on a connected, non-blocking socket, and ask in the same moment.

        Returns how many bytes the kernel took. Never waits.

        Raises:
            NeverSent: as ``check``.
            OSError: the kernel took nothing; ``BlockingIOError``: its buffer is full.
        """
        return os.write(fd, data)
