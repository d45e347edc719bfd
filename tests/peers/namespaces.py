"""Two network namespaces of a test's own, with a line between them that loses real packets.

The line is a TUN device in each, and a thread that carries packets from one to the other, or does
not. So loss, one-way loss and partition need no packet filter, come from a seed, and no packet
ever leaves the two namespaces. Needs root and ip(8).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import select
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
HERE, THERE = "10.77.0.1", "10.77.0.2"


def why_not() -> str:
    """Return why there can be no namespaces on this machine; empty if there can."""
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("ip") is None:
        return "ip(8) is missing"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    name = f"jacquemart-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else "no permission to make a namespace"


def inside(name: str, action: Callable[[], T]) -> T:
    """Do something in a namespace: whatever threads and sockets it makes are there, too."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with open(f"/run/netns/{name}", "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(action())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class Line:
    """The two namespaces and the line; use it with ``with``.

    Attributes:
        lose_there: share of packets lost on the way from ``here`` to ``there``; 1: all.
        lose_back: of those on the way back.
    """

    def __init__(self, seed: int = 0) -> None:
        self.here, self.there = (f"jacquemart-{end}-{os.getpid()}" for end in "ab")
        self.lose_there = self.lose_back = 0.0
        self.lost = self.carried = 0
        self._dice = random.Random(seed)
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        try:
            tuns = []
            for name, address, peer in ((self.here, HERE, THERE), (self.there, THERE, HERE)):
                _ip("netns", "add", name)
                tuns.append(inside(name, _open_tun))
                _ip("-n", name, "addr", "add", f"{address}/32", "peer", peer, "dev", "line")
                _ip("-n", name, "link", "set", "line", "up")
                _ip("-n", name, "link", "set", "lo", "up")
        except BaseException:
            self._remove()
            raise
        self._tuns = tuns
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        for fd in self._tuns:
            os.close(fd)
        self._remove()

    def _remove(self) -> None:
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def _carry(self) -> None:
        here, there = self._tuns
        while not self._stop.is_set():
            ready, _, _ = select.select([here, there], [], [], 0.1)
            for fd in ready:
                packet = os.read(fd, 65_536)
                share = self.lose_there if fd == here else self.lose_back
                if self._dice.random() < share:
                    self.lost += 1
                    continue
                self.carried += 1
                os.write(there if fd == here else here, packet)


def _open_tun() -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"line", _IFF_TUN | _IFF_NO_PI))
    return fd


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
