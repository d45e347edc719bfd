"""The sockets of the data plane and their settings; asserted here, set nowhere else.

Each setting answers a trap that was measured: ROUTER drops silently without MANDATORY, a DEALER
queues for peers that do not exist without IMMEDIATE, half-open connections live for hours
without heartbeats, and close waits for ever without LINGER.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import secrets
import threading
from typing import TypeAlias

import zmq

from jacquemart.runtime.model.errors import ConfigError, StartError
from jacquemart.runtime.wire.limits import CELL_FRAME_LIMIT, CLIENT_FRAME_LIMIT
from jacquemart.runtime.wire.substitute import Kind, SubstituteContext, SubstituteSocket

ZmqSocket: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[ZmqSocket] | SubstituteContext"
Socket: TypeAlias = "ZmqSocket | SubstituteSocket"

HIGH_WATER = 100_000
CLIENT_HIGH_WATER = 1_000
#: A client that has taken nothing of what it was sent for so long is cut off: what waits for it
#: is memory of its gateway. It connects again by itself, and its streams heal.
CLIENT_UNREAD_MS = 5_000


def new_context() -> Context:
    """Return a context; one a process is enough, and it must not cross a fork.

    Its threads take no processor from whoever wakes them (SCHED_BATCH): on a busy one, what a turn
    of a loop sends leaves together after it, instead of with a change of threads for each message.
    """
    context = zmq.Context()
    if _may_be_patient():
        context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_BATCH)
    return context


@functools.cache
def _may_be_patient() -> bool:
    """Whether the kernel lets threads have SCHED_BATCH: libzmq aborts where it does not.

    Nor is it asked for in a process that somebody has given a policy of his own.
    """
    found: list[bool] = []

    def try_it() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        except OSError:
            return
        found.append(True)

    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    thread = threading.Thread(target=try_it, name="jacquemart-policy")
    thread.start()
    thread.join()
    return bool(found)


_KINDS: dict[Kind, int] = {
    "router": zmq.ROUTER, "dealer": zmq.DEALER, "xpub": zmq.XPUB, "xsub": zmq.XSUB,
}  # fmt: skip


def _make(
    context: Context, kind: Kind, *, frame_limit: int, high_water: int, identity: str = "",
    unread_ms: int = 0,
) -> Socket:  # fmt: skip
    """Return a socket with the settings of its kind."""
    if isinstance(context, SubstituteContext):
        return context.make(
            kind, identity=identity.encode(), frame_limit=frame_limit, high_water=high_water
        )
    socket = context.socket(_KINDS[kind])
    _apply_settings(socket, frame_limit=frame_limit, high_water=high_water)
    if kind == "router":
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    elif kind == "dealer":
        socket.setsockopt(zmq.IMMEDIATE, 1)
    if unread_ms:
        # The kernel's TCP_USER_TIMEOUT: it counts while the peer's window stays shut, too.
        socket.setsockopt(zmq.TCP_MAXRT, unread_ms)
    if identity:
        socket.setsockopt(zmq.IDENTITY, identity.encode())
    return socket


def _apply_settings(socket: ZmqSocket, *, frame_limit: int, high_water: int) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, frame_limit)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3_000)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 2_000)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2_000)


def router(
    context: Context,
    *,
    frame_limit: int = CELL_FRAME_LIMIT,
    high_water: int = HIGH_WATER,
    unread_ms: int = 0,
) -> Socket:
    """Return a ROUTER that says when a peer is gone and keeps its first claimant of a name.

    ``unread_ms``: a peer over TCP that takes nothing for so long is cut off; 0: never.
    """
    return _make(
        context, "router", frame_limit=frame_limit, high_water=high_water, unread_ms=unread_ms
    )


def dealer(context: Context, identity: str = "", *, high_water: int = HIGH_WATER) -> Socket:
    """Return a DEALER that never queues for a peer that is not there."""
    return _make(
        context, "dealer", frame_limit=CELL_FRAME_LIMIT, high_water=high_water, identity=identity
    )


def publisher(context: Context, *, high_water: int = HIGH_WATER, unread_ms: int = 0) -> Socket:
    """Return an XPUB. It drops at its high-water mark; sequences make that visible.

    ``unread_ms``: as of ``router``.
    """
    return _make(
        context, "xpub", frame_limit=CLIENT_FRAME_LIMIT, high_water=high_water,
        unread_ms=unread_ms,
    )  # fmt: skip


def subscriber(context: Context, *, high_water: int = HIGH_WATER) -> Socket:
    """Return an XSUB: subscriptions are messages ``\\x01topic`` and ``\\x00topic``."""
    return _make(context, "xsub", frame_limit=CELL_FRAME_LIMIT, high_water=high_water)


def bind(socket: Socket, host: str, port: int = 0) -> str:
    """Bind to tcp ``host:port`` (0: any free port) and return the endpoint.

    Raises:
        StartError: the port is taken or the address is not of this host.
    """
    address = f"[{host}]" if ":" in host else host
    if isinstance(socket, SubstituteSocket):
        return socket.bind(f"tcp://{address}:{port or '*'}")
    try:
        socket.bind(f"tcp://{address}:{port or '*'}")
    except zmq.ZMQError as error:
        raise StartError(
            f"cannot listen there: {error.strerror or error}",
            where=f"tcp://{address}:{port}",
            advice="is another city running? choose other ports in [gateway]",
        ) from error
    endpoint: bytes = socket.getsockopt(zmq.LAST_ENDPOINT)  # type: ignore[assignment]
    return endpoint.rstrip(b"\0").decode()


def bind_for_cells(socket: Socket, host: str, label: str) -> str:
    """Bind where the city's other cells reach it, and return the endpoint.

    On a loopback ``host`` that is an abstract UNIX socket: a round trip takes three quarters of
    one over TCP, it takes no port, and nothing is left of it when the process is gone. ``label``
    is for people (``ss -x``).

    Raises:
        StartError: the address is not of this host.
    """
    if not _is_loopback(host):
        return bind(socket, host)
    if isinstance(socket, SubstituteSocket):
        return socket.bind(f"ipc://@jacquemart/{label[:64]}/*")
    # The kernel takes names of up to 107 bytes.
    endpoint = f"ipc://@jacquemart/{label[:64]}/{secrets.token_hex(8)}"
    socket.bind(endpoint)
    return endpoint


def require_loopback(host: str, where: str) -> None:
    """Refuse any address that others can reach, as long as the city is not secured.

    Raises:
        ConfigError: not a loopback address; the operator's fault.
    """
    if not _is_loopback(host):
        raise ConfigError(
            f"{host!r} is not a loopback address, and the city is not secured",
            where=where,
            advice="use 127.0.0.1; reach it from elsewhere through an authenticated tunnel",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
