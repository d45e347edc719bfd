"""The pending calls of a connection in plain Python: what ``native.calls`` must equal."""

from __future__ import annotations

from collections.abc import Callable

Answer = Callable[[bytes | None], None]


class OracleCalls:
    """Requests with a token each, and exactly one end for each."""

    def __init__(
        self, send: Callable[[bytes, bytes], bool], on_error: Callable[[BaseException], object]
    ) -> None:
        """Send with ``send``, which says whether it went."""
        self._send = send
        self._on_error = on_error
        self._pending: dict[bytes, tuple[int, Answer]] = {}
        self._next = 0
        self.planned = 0
        """How often a look at what expires was planned."""
        self._sweeping = False

    @property
    def waiting(self) -> int:
        """Return how many calls have no end."""
        return len(self._pending)

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        """Send a request; False: nothing was sent."""
        self._next += 1
        token = self._next.to_bytes(8, "little")
        if not self._send(token, frame):
            return False
        self._pending[token] = expires_ns, answer
        if not self._sweeping:
            self._plan()
        return True

    def message(self, parts: tuple[bytes, ...]) -> None:
        """Take what has come; whatever is raised is told."""
        if len(parts) != 2 or parts[0] not in self._pending:
            return
        self._tell(self._pending.pop(parts[0])[1], parts[1])

    def sweep(self, now_ns: int) -> None:
        """End what expires now."""
        self._sweeping = False
        late = [token for token, (expires, _) in self._pending.items() if expires <= now_ns]
        if len(late) < len(self._pending):
            self._plan()
        for token in late:
            if token in self._pending:
                self._tell(self._pending.pop(token)[1], None)

    def end_all(self) -> None:
        """End all."""
        pending, self._pending = self._pending, {}
        for _, answer in pending.values():
            self._tell(answer, None)

    def _plan(self) -> None:
        self._sweeping = True
        self.planned += 1

    def _tell(self, answer: Answer, frame: bytes | None) -> None:
        try:
            answer(frame)
        except Exception as error:  # noqa: BLE001 - as the native one
            self._on_error(error)
