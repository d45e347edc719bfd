"""Which gateway a command talks to, and the connection to it."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jacquemart.runtime.model.errors import GatewayUnreachable, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.client import AsyncClient, Client

DEFAULT_API = "tcp://127.0.0.1:4747"
ADVICE = "is the city running? start it with `jacquemart run`, or name it with --api"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command has that talks to a city."""
    group = parser.add_argument_group("the city")
    group.add_argument(
        "--api",
        metavar="ADDRESS",
        help="the gateway, e.g. tcp://127.0.0.1:4747 (default: $JACQUEMART_API, then the city "
        "that runs here, then port 4747)",
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=5.0,
        metavar="S",
        help="how long to wait for the answer to a question, in seconds (default: 5)",
    )
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, which every command has."""
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")


def seconds(text: str) -> float:
    """Read a duration in seconds; argparse turns the error into a message."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; allowed: seconds, up to 86400")
    return value


def endpoint(asked: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the gateway's address: as asked, else from the environment, else what runs here.

    Raises:
        UsageError: no address, or several cities run here and none was named.
    """
    address = asked or environ.get("JACQUEMART_API", "")
    if not address:
        from jacquemart.runtime.cluster import runstate

        cities = [state for state in runstate.running() if state.api]
        if len(cities) > 1:
            known = ", ".join(f"{state.city} at {state.api}" for state in cities)
            raise UsageError("several cities run here", advice=f"choose with --api: {known}")
        address = cities[0].api if cities else DEFAULT_API
    _host_and_port(address)
    return address


def connect(args: argparse.Namespace) -> Client:
    """Connect to the gateway that the arguments mean.

    Raises:
        GatewayUnreachable: nobody listens there (known at once), or nobody answers in time.
        UsageError: the address is wrong.
    """
    from jacquemart.runtime.client import Client

    address = endpoint(args.api)
    look(address, args.timeout)
    return Client(address, principal=principal(), timeout_s=args.timeout)


def connect_async(args: argparse.Namespace) -> AsyncClient:
    """Return a client that is not connected yet; see ``connect``."""
    from jacquemart.runtime.client import AsyncClient

    address = endpoint(args.api)
    look(address, args.timeout)
    return AsyncClient(address, principal=principal(), timeout_s=args.timeout)


def look(address: str, timeout_s: float) -> None:
    """Find out at once if nobody listens there; a ZeroMQ socket would try until the time is up.

    Raises:
        GatewayUnreachable: the connection is refused, or the host is unknown.
    """
    import socket

    try:
        socket.create_connection(_host_and_port(address), timeout_s).close()
    except OSError as error:
        what = error.strerror or str(error) or type(error).__name__
        raise GatewayUnreachable(what.lower(), where=address, advice=ADVICE) from error


def principal() -> str:
    """Return who commands: the name of the user who runs this process."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container often has users without names
        return f"uid-{os.getuid()}"


def _host_and_port(address: str) -> tuple[str, int]:
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if scheme != "tcp" or not host or not (port.isascii() and port.isdigit()):
        raise UsageError(
            f"{address!r} is no address of a gateway", advice="e.g. tcp://127.0.0.1:4747"
        )
    if not 0 < int(port) < 65_536:
        raise UsageError(f"{address!r} has no valid port", advice="allowed: 1 to 65535")
    return host, int(port)
