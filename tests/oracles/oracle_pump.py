"""The socket pump in plain pyzmq: the oracle of ``native.pump``."""

from __future__ import annotations

import zmq


class PumpTwin:
    """The same calls on one socket, with pyzmq's own multipart functions."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        """Own nothing; the socket stays the caller's."""
        self._socket = socket

    def receive(self, limit: int = 256) -> list[tuple[bytes, ...]]:
        """Take up to ``limit`` waiting messages."""
        messages: list[tuple[bytes, ...]] = []
        while len(messages) < limit:
            try:
                messages.append(tuple(self._socket.recv_multipart(zmq.NOBLOCK)))
            except zmq.Again:
                break
        return messages

    def wait_for_one(self) -> tuple[bytes, ...] | None:
        """Take the next message; None: none came within the socket's RCVTIMEO."""
        try:
            return tuple(self._socket.recv_multipart())
        except zmq.Again:
            return None

    def send(self, *parts: bytes) -> bool:
        """Send one message; False if it does not fit."""
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True
