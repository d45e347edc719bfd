"""Messages between an operator's program and the warden: msgpack behind a length, with limits.

A request is a map: ``verb`` (``city``, ``plan``, ``apply``, ``restart``, ``moves``), ``path`` and
``folder`` (the city file as the operator named it, and where that was), ``plan`` (for ``apply``:
what the shown plan was identified by), ``python`` and ``commit`` (for ``restart``: the interpreter
of another version, and ``yes`` if journals may have its newest format). ``moves`` waits for the
hand-over of cells that is under way, or tells the last one's end. Answers are maps with one key:
``progress`` any number of times, then ``result`` or ``error`` once.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.model.errors import FrameError

REQUEST_LIMIT = 64 * 1024
ANSWER_LIMIT = 64 * 2**20
_LENGTH = struct.Struct(">I")
_VERBS = ("city", "plan", "apply", "restart", "moves")
#: Those that are about no city file.
_PLAIN = ("city", "restart", "moves")
_FIELDS = ("verb", "path", "folder", "plan", "python", "commit")


def send(to: socket.socket, message: dict[str, Any]) -> None:
    """Send a message whole; blocks for as long as the socket's time-out.

    Raises:
        OSError: the other end is gone, or does not read.
    """
    content = msgpack.packb(message, datetime=True)
    to.sendall(_LENGTH.pack(len(content)) + content)


def receive(source: socket.socket, limit: int, timeout_s: float | None) -> dict[str, Any]:
    """Return the next message.

    Args:
        source: a connected socket.
        limit: bytes that the message may have.
        timeout_s: seconds in which it must be there whole; None: for ever.

    Raises:
        FrameError: it is too long, or no map.
        EOFError: the other end is gone. TimeoutError: time is up.
    """
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size, until_s))
    if length > limit:
        raise FrameError(f"a message of {length:,} bytes; allowed: {limit:,}", where="control")
    content = _exactly(source, length, until_s)
    try:
        found = msgpack.unpackb(content, timestamp=3, max_ext_len=16)
    except (msgpack.UnpackException, ValueError, RecursionError) as error:
        raise FrameError(f"no msgpack: {error}", where="control") from error
    if not isinstance(found, dict):
        raise FrameError("a message is a map", where="control")
    return found


def _exactly(source: socket.socket, length: int, until_s: float | None) -> bytes:
    content = bytearray()
    while len(content) < length:
        if until_s is not None:
            left = until_s - time.monotonic()
            if left <= 0:
                raise TimeoutError
            source.settimeout(left)
        else:
            source.settimeout(None)
        part = source.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def check_request(found: dict[str, Any]) -> dict[str, str]:
    """Return a request whose fields are what they must be.

    Raises:
        FrameError: they are not.
    """
    if set(found) - set(_FIELDS):
        raise FrameError(f"a request has {', '.join(_FIELDS)}, and nothing else")
    request = {name: found.get(name, "") for name in _FIELDS}
    if not all(isinstance(value, str) and "\0" not in value for value in request.values()):
        raise FrameError(f"{', '.join(_FIELDS)} are texts without a NUL")
    if request["verb"] not in _VERBS:
        raise FrameError(f"unknown verb {request['verb'][:40]!r}; known: {', '.join(_VERBS)}")
    if request["verb"] not in _PLAIN and not (
        request["path"] and request["folder"].startswith("/")
    ):
        raise FrameError("path and folder (from the root) must be given")
    return request
