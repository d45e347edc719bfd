"""A proxy between a publisher and its subscribers that loses messages on command."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import zmq


class StreamProxy:
    """Relays an XPUB at ``upstream`` to subscribers at ``endpoint``, on a thread of its own.

    Attributes:
        drop: decides by topic and frame which messages are lost; None: none is.
        lost: how many were.
    """

    def __init__(self, upstream: str) -> None:
        self.drop: Callable[[bytes, bytes], bool] | None = None
        self.lost = 0
        self.endpoint = ""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._upstream = upstream
        self._stop = threading.Event()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._bound.wait(10.0)

    def follow(self, upstream: str) -> None:
        """Relay from another publisher from now on."""
        self._upstream = upstream

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10.0)
        self._context.term()

    def _run(self) -> None:
        down, up = self._context.socket(zmq.XPUB), self._context.socket(zmq.XSUB)
        down.linger = up.linger = 0
        down.setsockopt(zmq.XPUB_VERBOSER, 1)
        self.endpoint = f"tcp://127.0.0.1:{down.bind_to_random_port('tcp://127.0.0.1')}"
        current = self._upstream
        up.connect(current)
        self._bound.set()
        poller = zmq.Poller()
        poller.register(down, zmq.POLLIN)
        poller.register(up, zmq.POLLIN)
        topics: list[bytes] = []
        while not self._stop.is_set():
            if current != self._upstream:
                up.disconnect(current)
                current = self._upstream
                up.connect(current)
                time.sleep(0.1)
                for topic in topics:
                    up.send(topic)
            for ready, _ in poller.poll(20):
                if ready is down:
                    topic = down.recv()
                    topics.append(topic)
                    up.send(topic)
                else:
                    parts = up.recv_multipart()
                    if self.drop is not None and self.drop(parts[0], parts[-1]):
                        self.lost += 1
                    else:
                        down.send_multipart(parts)
        down.close()
        up.close()
