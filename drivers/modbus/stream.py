"""The bytes of one TCP connection cut into answers. No I/O.

*Theory.* Each answer comes behind a header of seven bytes (MODBUS Messaging on TCP/IP V1.0b,
§3.1.3): transaction, protocol (0), length of what follows, unit. TCP keeps the order of bytes
and nothing else: an answer may come in pieces, behind a late one, or after its request was
given up.

*Rules.*

1. The stream keeps what it has not understood yet, across requests: the second half of a late
   answer is never taken for the start of the next.
2. An answer to a request that was given up, or that was answered already, is dropped and
   counted.
3. What cannot be an answer to anything that was asked (another protocol, an impossible length,
   a transaction that was never sent) is a fault: from there on nothing in the stream can be
   trusted, and it must be closed.
"""

from __future__ import annotations

import struct
from collections import deque

_HEADER = struct.Struct(">HHHB")
#: Unit and function code at least; 253 bytes of PDU and the unit at most (§4.1 of the
#: application protocol).
_MIN_LENGTH, _MAX_LENGTH = 2, 254
#: Answers that may still come: given-up requests remembered, and answered ones.
_STALE_KEPT = 64


class AnswerStream:
    """Cut a connection's bytes into answers, one request at a time."""

    __slots__ = ("_carry", "_expected", "_stale", "dropped", "fault")

    def __init__(self) -> None:
        """Start with an empty stream and nothing asked."""
        self._carry = b""
        self._expected = -1
        self._stale: deque[int] = deque(maxlen=_STALE_KEPT)
        self.dropped = 0
        """Late and repeated answers that were thrown away."""
        self.fault = ""
        """Why the stream can no longer be trusted; empty if it can."""

    @property
    def partial(self) -> bool:
        """Return whether the stream stands inside an answer."""
        return bool(self._carry)

    def expect(self, transaction: int) -> None:
        """Say which request is sent now; one that still waits is given up."""
        self.give_up()
        if transaction in self._stale:
            self._stale.remove(transaction)
        self._expected = transaction

    def give_up(self) -> None:
        """Stop waiting; the answer may still come, and will be dropped."""
        if self._expected >= 0:
            self._stale.append(self._expected)
            self._expected = -1

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        """Take bytes; return (unit, PDU) of the awaited answer once it is whole.

        After each call, ``fault`` tells whether the stream must be closed.
        """
        if self.fault:
            return None
        if self._carry:
            data = self._carry + data
        found = None
        at = 0
        while len(data) - at >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(data, at)
            if protocol or not _MIN_LENGTH <= length <= _MAX_LENGTH:
                break
            end = at + 6 + length
            if end > len(data):
                break
            if transaction == self._expected:
                found = (unit, data[at + _HEADER.size : end])
                self.give_up()
            elif transaction in self._stale:
                self.dropped += 1
            else:
                self.fault = f"an answer to transaction {transaction}, which was not asked"
                break
            at = end
        self._carry = data[at:]
        if self._carry and not self.fault:
            self.fault = _impossible(self._carry)
        return found


def _impossible(head: bytes) -> str:
    """Return why bytes cannot be the start of an answer, or nothing."""
    protocol = head[2:4]
    if any(protocol):
        return f"no Modbus header: {head[:8].hex(' ')}"
    length = head[4:6]
    if length[:1] > b"\0" or (len(length) == 2 and not _MIN_LENGTH <= length[1] <= _MAX_LENGTH):
        return f"an answer of impossible length: {head[:8].hex(' ')}"
    return ""
