"""The line between the warden and a cell of its host: a UNIX socket, so that no Ray is needed.

Ray starts a cell; everything that must go on while Ray is slow, frozen or gone passes here: the
directory, the order to adopt, the order to stop. It outlives both ends: a cell keeps listening
when the warden goes on as a new image, and the new image connects again. Requests are maps
(``call``, ``kind``, …), answers too (``call``, then ``result`` or ``error``), each msgpack behind
a length. One warden at a time is served, its requests in order.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.cluster import control_wire
from jacquemart.runtime.cluster.report import error_fields, error_of
from jacquemart.runtime.model.directory import CellAddress, Directory
from jacquemart.runtime.model.errors import CellUnreachable, FrameError, JacquemartError
from jacquemart.runtime.model.versions import known

log = logging.getLogger("jacquemart.warden")

MESSAGE_LIMIT = 64 * 2**20
#: A cell that does not read for so long is as good as gone; the warden waits for nobody longer.
SEND_S = 0.2
_LENGTH = struct.Struct(">I")
_PEER = struct.Struct("3i")

Handler = Callable[[dict[str, Any]], Any]


class LineServer:
    """A cell's end. Requests are handled in a thread of their own."""

    def __init__(self, path: str, handler: Handler) -> None:
        """Listen at once.

        Args:
            path: where; in a directory that only this user may enter.
            handler: gets each request, returns what msgpack can carry, or raises.
        """
        self._handler = handler
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        os.chmod(path, 0o600)
        self._listener.listen(2)
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(
                target=self._serve, args=(connection,), name="line-calls", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        with connection, contextlib.suppress(OSError, EOFError, FrameError):
            if _PEER.unpack(peer)[1] != os.getuid():
                return
            while True:
                request = control_wire.receive(connection, MESSAGE_LIMIT, None)
                answer: dict[str, Any] = {"call": request.get("call")}
                try:
                    answer["result"] = self._handler(request)
                except Exception as error:  # noqa: BLE001 - whatever it is, the warden is told
                    answer["error"] = error_fields(error)
                connection.settimeout(None)
                control_wire.send(connection, answer)


class Line:
    """The warden's end. Not thread-safe; ``fd`` is readable when there may be answers."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            CellUnreachable: nobody listens.
        """
        self.path = path
        self._next = 0
        self._kinds: dict[int, str] = {}
        self._buffer = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(SEND_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise CellUnreachable(f"its line is dead: {error}", where=str(path)) from error
        self._socket.setblocking(False)

    @property
    def fd(self) -> int:
        """Return what to poll."""
        return self._socket.fileno()

    @property
    def awaits(self) -> bool:
        """Return whether answers may come."""
        return bool(self._kinds) and self._socket.fileno() >= 0

    def owes(self, kind: str) -> bool:
        """Return whether a call of this kind has no answer yet."""
        return kind in self._kinds.values()

    def call(self, kind: str, **fields: Any) -> None:
        """Send a request; ``answers`` gives what comes of it. Blocks for 0.2 s at most.

        A call of the same kind that is under way is forgotten. One that cannot be sent is
        answered with an error.
        """
        self.forget(kind)
        self._next += 1
        self._kinds[self._next] = kind
        try:
            self._socket.settimeout(SEND_S)
            control_wire.send(self._socket, {"call": self._next, "kind": kind, **fields})
            self._socket.setblocking(False)
        except OSError:  # what was sent of it cannot be taken back: the line is of no use
            self._socket.close()

    def forget(self, kind: str) -> None:
        """Expect no answer to calls of this kind any more."""
        self._kinds = {call: known for call, known in self._kinds.items() if known != kind}

    def answers(self) -> list[tuple[str, Any]]:
        """Return the answers that are there, by kind: results, or errors. Never blocks."""
        gone = self._read()
        found: list[tuple[str, Any]] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            answer = msgpack.unpackb(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
            kind = self._kinds.pop(answer["call"], None)
            if kind is not None:
                found.append((kind, _content(answer)))
        if gone:
            lost, self._kinds = self._kinds, {}
            error = CellUnreachable("its line was cut", where=str(self.path))
            found.extend((kind, error) for kind in lost.values())
        return found

    def _read(self) -> bool:
        """Take what is there; return whether the other end is gone."""
        if self._socket.fileno() < 0:
            return True
        while True:
            try:
                part = self._socket.recv(1 << 16)
            except BlockingIOError:
                return False
            except OSError:
                part = b""
            if not part:
                return True
            self._buffer += part

    def close(self) -> None:
        """Hang up, and remove the socket's name; idempotent."""
        self._socket.close()
        self.path.unlink(missing_ok=True)


def _content(answer: Mapping[str, Any]) -> Any:
    if "error" not in answer:
        return answer.get("result")
    error: JacquemartError = error_of(answer["error"])
    return error


def plain_directory(directory: Directory) -> dict[str, Any]:
    """Return a directory as plain values."""
    return {
        "version": directory.version,
        "cells": [asdict(cell) for cell in directory.cells.values()],
        "homes": dict(directory.homes),
        "zones": dict(directory.zones),
    }


def directory_of(plain: Mapping[str, Any]) -> Directory:
    """Return the directory that ``plain_directory`` was given, maybe by another version."""
    cells = [known(CellAddress, cell) for cell in plain["cells"]]
    return Directory(
        plain["version"], {cell.name: cell for cell in cells}, plain["homes"], plain["zones"]
    )
