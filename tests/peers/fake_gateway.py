"""A gateway that speaks the real wire and answers what a test put into it.

One thread owns a ROUTER and an XPUB on free ports of loopback. ``answers`` maps a query's verb to
its value, to a function of the query's arguments, or to an error that is sent instead;
``on_command`` and ``on_bulk`` make outcomes. What came in is kept for the test to look at.
"""

from __future__ import annotations

import math
import queue
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import zmq

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.wire import messages

MS = 1_000_000


class FakeGateway:
    """Use it with ``with``; ``api`` is its address."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "hello": self._hello,
            "topics": ["r/north/0/", "z/north/", "e/north/", "c/"],
        }
        self.on_command: Callable[[frames.Command], frames.OutcomeFrame] = applied
        self.on_bulk: Callable[[messages.Bulk], messages.BulkResult] | None = None
        self.queries: list[tuple[str, dict[str, Any]]] = []
        self.commands: list[frames.Command] = []
        self.bulks: list[messages.Bulk] = []
        self.subscriptions: list[bytes] = []
        self.silent = False
        """Whether requests are taken and never answered."""
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._stream = self._context.socket(zmq.XPUB)
        self._endpoints = []
        for socket in (self._router, self._stream):
            socket.setsockopt(zmq.LINGER, 0)
            port = socket.bind_to_random_port("tcp://127.0.0.1")
            self._endpoints.append(f"tcp://127.0.0.1:{port}")
        self._to_send: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-gateway", daemon=True)

    @property
    def api(self) -> str:
        """Return the address for ``--api``."""
        return self._endpoints[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5.0)
        self._router.close()
        self._stream.close()
        self._context.term()

    def publish(self, topic: str, frame: bytes) -> None:
        """Send a stream message; thread-safe."""
        self._to_send.put((topic.encode(), frame))

    def await_subscription(self, topic: str, timeout_s: float = 5.0) -> None:
        """Wait until somebody subscribes to a topic."""
        give_up = time.monotonic() + timeout_s
        while b"\x01" + topic.encode() not in self.subscriptions:
            assert time.monotonic() < give_up, f"nobody subscribed to {topic}"
            time.sleep(0.005)

    def _hello(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "protocol": 1,
            "city": "testville",
            "name": "Testville",
            "boot_ns": boot_ns(),
            "wall_ns": time.time_ns(),
            "stream": self._endpoints[1],
            "epoch": 1,
            "devices": 3,
            "zones": [["north", "North"]],
        }

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._stream, zmq.POLLIN)
        while not self._ended.is_set():
            ready = dict(poller.poll(5))
            if self._stream in ready:
                self.subscriptions.append(self._stream.recv())
            if self._router in ready:
                peer, token, frame = self._router.recv_multipart()
                answer = self._answer(frame)
                if not self.silent:
                    self._router.send_multipart((peer, token, answer))
            while not self._to_send.empty():
                self._stream.send_multipart(self._to_send.get())

    def _answer(self, frame: bytes) -> bytes:
        kind = messages.kind_of(frame)
        try:
            if kind == frames.COMMAND:
                command = frames.decode_command(frame)
                self.commands.append(command)
                return frames.encode_outcome(self.on_command(command))
            if kind == frames.BULK:
                bulk = messages.decode_bulk(frame)
                self.bulks.append(bulk)
                assert self.on_bulk is not None
                return messages.encode_bulk_result(self.on_bulk(bulk))
            asked = messages.decode_query(frame)
            self.queries.append((asked.verb, dict(asked.args)))
            answer = self.answers[asked.verb]
            if callable(answer):
                answer = answer(asked.args)
            if isinstance(answer, JacquemartError):
                raise answer
            return messages.reply(answer)
        except JacquemartError as error:
            return messages.error_of(error)
        except Exception as error:  # noqa: BLE001 - the test's mistake: seen by the client, not a hang
            return messages.error("internal", f"{type(error).__name__}: {error}")


def applied(command: frames.Command) -> frames.OutcomeFrame:
    """Return the outcome of a command that went well and took 1,041 ms."""
    return outcome(command, Status.APPLIED, value=float(command.value or 0.0))


def outcome(
    command: frames.Command,
    status: Status,
    reason: str = "ok",
    detail: str = "",
    value: float | None = None,
) -> frames.OutcomeFrame:
    """Return an outcome with plausible stages."""
    at = command.deadline_ns - 10_000 * MS
    return frames.OutcomeFrame(
        command.id, command.device, command.point, status, reason, detail, value,
        at, at + MS // 2, at + 14 * MS, at + 1_041 * MS,
    )  # fmt: skip


def bulk_result(
    bulk: messages.Bulk, ended: list[tuple[str, Status, str, str, float]]
) -> messages.BulkResult:
    """Return the result of a bulk command: device, status, reason, detail, value (or NaN)."""
    count = len(ended)
    return messages.BulkResult(
        bulk.id,
        [row[0] for row in ended],
        bytes(row[1] for row in ended),
        struct.pack(f"<{count}d", *(row[4] for row in ended)),
        bytes(8 * count),
        bytes(8 * count),
        {at: (row[2], row[3]) for at, row in enumerate(ended) if row[1] is not Status.APPLIED},
    )


NAN = math.nan
