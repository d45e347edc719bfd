"""A small Dijon and its field for tests: 10 cabinets, 540 lamps, a hundredth of all else."""

from __future__ import annotations

import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from field_process import FieldProcess
from generate import generate
from parts import NETWORKS
from parts import host_of as address

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "dijon"
SOUND = (
    *("--dead-lamps", "0", "--stuck-lamps", "0"),
    *("--dead-cabinets", "0", "--mute-cabinets", "0"),
)


def host_of(cabinet: int) -> str:
    """Return the address of a cabinet (from 0)."""
    return address(NETWORKS["lighting"], cabinet)


def free_port() -> int:
    """Return a port that is free at the first cabinet's address."""
    with socket.socket() as probe:
        probe.bind((host_of(0), 0))
        return int(probe.getsockname()[1])


def city_files(folder: Path, *, id: str = "dijon", name: str = "city.toml") -> Path:
    """Copy a city file of the example, with what it includes; return the copy."""
    for part in ("templates", "simulated"):
        shutil.copytree(EXAMPLE / part, folder / part, dirs_exist_ok=True)
    shutil.copy(EXAMPLE / "inventories.toml", folder)
    text = (EXAMPLE / name).read_text(encoding="utf-8")
    (folder / name).write_text(text.replace('id = "dijon"', f'id = "{id}"', 1), encoding="utf-8")
    return folder / name


def small_city(folder: Path, *, lamps: int = 540, cabinets: int = 10) -> int:
    """Write the inventory; return the port of its cabinets."""
    port = free_port()
    generate(folder, scale=0.01, lamps=lamps, cabinets=cabinets, port=port)
    return port


@contextmanager
def running_field(
    folder: Path, *options: str, lamps: int = 540, cabinets: int = 10
) -> Iterator[tuple[FieldProcess, int]]:
    """Run a field on a small city; give it and the port of its cabinets."""
    port = small_city(folder, lamps=lamps, cabinets=cabinets)
    with FieldProcess.start(folder, *options) as field:
        yield field, port


def frame(transaction: int, unit: int, pdu: str, *, protocol: int = 0) -> bytes:
    """Return a request as it goes over the wire."""
    body = bytes.fromhex(pdu)
    return struct.pack(">HHHB", transaction, protocol, len(body) + 1, unit) + body


def receive(sock: socket.socket, size: int) -> bytes:
    """Return so many bytes, or fewer if the other side ends."""
    got = b""
    while len(got) < size:
        more = sock.recv(size - len(got))
        if not more:
            break
        got += more
    return got
