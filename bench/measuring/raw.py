"""The raw limit: libzmq between two processes, in C and without the interpreter lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

import zmq

from jacquemart.native import limit

#: A message of about the size of a COMMAND frame.
FRAME = bytes(64)


class RawPeer:
    """A process with a ROUTER that sends back what it is told to expect."""

    def __init__(self, transport: str = "tcp") -> None:
        """Meet over ``tcp``, on loopback, or ``unix``, as the cells of one host do."""
        self._transport = transport

    def __enter__(self) -> Self:
        """Start it, and connect."""
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), self._transport],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        endpoint = self._process.stdout.readline().strip()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(endpoint)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._socket.close(0)
        self._context.term()
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Return the process."""
        return self._process.pid

    def round_trips(self, count: int) -> list[int]:
        """Return the ns of so many round trips, one after the other."""
        self._expect(count)
        return list(limit.round_trips(self._socket, FRAME, count))

    def per_s(self, count: int, window: int = 256) -> float:
        """Return how many come back in a second, with ``window`` on their way."""
        self._expect(count)
        return count / limit.pipelined(self._socket, FRAME, count, window) * 1e9

    def _expect(self, count: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()


def serve(transport: str) -> None:
    """Be the peer: a count on each line of standard input."""
    socket = zmq.Context().socket(zmq.ROUTER)
    unix = f"ipc://@jacquemart-bench/{os.getpid()}"
    socket.bind("tcp://127.0.0.1:*" if transport == "tcp" else unix)
    print(socket.getsockopt_string(zmq.LAST_ENDPOINT) if transport == "tcp" else unix, flush=True)
    for line in sys.stdin:
        limit.echo(socket, int(line))


if __name__ == "__main__":
    serve(sys.argv[1])
