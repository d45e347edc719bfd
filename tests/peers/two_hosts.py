"""Two hosts and a field between them, in network namespaces, each host with a node of one Ray.

``near`` and ``far`` are the hosts, ``field`` is a third place that both reach on their own ways,
and the router between them: ``cut`` makes it forward nothing, so that the hosts lose each other and
nobody else. The far host also lives in a time namespace, so its boot-time clock is another one.
``kill`` ends every process of the far host at once; ``hollow`` has its ports answered besides, by
one that says nothing. Needs root, ip(8) and unshare(1).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

NETWORK = "10.78.0.0/16"
NEAR, FAR, FIELD = "10.78.1.1", "10.78.2.1", "10.78.9.9"
#: So many seconds is the boot-time clock of the far host ahead.
AHEAD_S = 86_400
_HOLLOW = """
import select, socket, sys
made = [socket.create_server((sys.argv[1], int(port))) for port in sys.argv[2:]]
print(len(made), flush=True)
while True:
    for one in select.select(made, [], [])[0]:
        one.accept()[0].close()
"""
_RAY_HOST = Path(__file__).with_name("ray_host.py")


def why_not() -> str:
    """Return why there can be no two hosts on this machine; empty if there can."""
    if os.geteuid() != 0:
        return "not root"
    for tool in ("ip", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is missing"
    shifted = ("unshare", "--net", "--time", "--boottime", "9", "--fork", "true")
    if subprocess.run(shifted, capture_output=True, check=False).returncode != 0:
        return "no permission to make namespaces of network and time"
    name = f"jacquemart-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode == 0:
        pair = ("ip", "-n", name, "link", "add", "road0", "type", "veth", "peer", "name", "road1")
        made = subprocess.run(pair, capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else "no permission to make pairs of network devices"


class TwoHosts:
    """Use it with ``with``; then ``address`` is Ray's."""

    def __init__(self) -> None:
        self.near, self.far, self.field = (
            f"jacquemart-{name}-{os.getpid()}" for name in ("near", "far", "field")
        )
        self.address = ""
        self._folder = tempfile.TemporaryDirectory(prefix="jm-", dir="/tmp")  # short: for sockets
        self._hosts: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        try:
            self._connect()
            self.address = self._start(self.near, NEAR)
            self.start_far()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _kill(self.far)
        _kill(self.near)
        for host in self._hosts:
            host.communicate(timeout=10.0)
        for name in (self.near, self.far, self.field):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self._folder.cleanup()

    def start_far(self) -> None:
        """Start the far host's node, also after ``kill``; return when Ray knows it."""
        shifted = ("unshare", "--time", "--boottime", str(AHEAD_S), "--fork")
        assert self._start(self.far, FAR, self.address, before=shifted) == self.address

    def _start(self, name: str, *words: str, before: Sequence[str] = ()) -> str:
        address, *cluster = words
        host = subprocess.Popen(
            [
                *("ip", "netns", "exec", name, *before),
                *(sys.executable, str(_RAY_HOST), address, f"{self._folder.name}/r", *cluster),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._hosts.append(host)
        assert host.stdout is not None
        found = host.stdout.readline().strip()
        if not found:
            raise RuntimeError(f"no Ray node at {address}")
        return found

    # Faults ----------------------------------------------------------------------------------

    def pids_of_far(self) -> list[int]:
        """Return every process of the far host."""
        return _pids(self.far)

    def kill(self) -> None:
        """End every process of the far host at once, as a power cut does."""
        _kill(self.far)

    def hollow(self) -> None:
        """End every process of the far host, and have all connections to it accepted and closed.

        Who asks whether somebody listens there takes it for alive; Ray finds out in 12 s or so.
        """
        network = Path(f"/proc/{self.pids_of_far()[0]}/net")
        tables = (network / name for name in ("tcp", "tcp6"))
        rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
        ports = {str(int(row[1].rpartition(":")[2], 16)) for row in rows if row[3] == "0A"}
        self.kill()
        host = subprocess.Popen(
            ["ip", "netns", "exec", self.far, sys.executable, "-c", _HOLLOW, FAR, *ports],
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self._hosts.append(host)
        assert host.stdout is not None
        host.stdout.readline()

    def cut(self, *, whole: bool = False) -> None:
        """Let the hosts lose each other, but not the field; ``whole`` makes them meet again."""
        self._forward("to-near", whole)
        self._forward("to-far", whole)

    def deafen(self) -> None:
        """Let the far host hear nothing of the near one, and yet be heard (N2)."""
        self._forward("to-near", False)
        self._forward("to-far", True)

    def _forward(self, device: str, on: bool) -> None:
        """Let the router forward what comes in by a device, or drop it without a word."""
        switch = f"echo {int(on)} > /proc/sys/net/ipv4/conf/{device}/forwarding"
        _ip("netns", "exec", self.field, "sh", "-c", switch)

    # What runs where ---------------------------------------------------------------------------

    def _connect(self) -> None:
        for name in (self.near, self.far, self.field):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.field, "addr", "add", f"{FIELD}/32", "dev", "lo")
        for name, address, end in ((self.near, NEAR, "to-near"), (self.far, FAR, "to-far")):
            router = address.rpartition(".")[0] + ".254"
            _ip(
                "-n", name, "link", "add", "road", "type", "veth",
                "peer", "name", end, "netns", self.field,
            )  # fmt: skip
            for where, device, at in ((name, "road", address), (self.field, end, router)):
                _ip("-n", where, "addr", "add", f"{at}/24", "dev", device)
                _ip("-n", where, "link", "set", device, "up")
            _ip("-n", name, "route", "add", "default", "via", router)
        self.cut(whole=True)


def _kill(name: str) -> None:
    """End all processes of a namespace, and those that they start meanwhile."""
    while pids := _pids(name):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _pids(name: str) -> list[int]:
    """Return the processes of a namespace, by the kernel and not by ancestry."""
    found = subprocess.run(
        ["ip", "netns", "pids", name], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
