"""Processors that are kept awake, and hosts on which nobody may do that."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from jacquemart.runtime.cluster.awake import DEVICE, Awake


def open_files() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the one that listed
            continue
    return found


def test_the_bound_is_written_once_and_stands_until_it_is_closed(tmp_path: Path) -> None:
    device = tmp_path / "latency"
    device.touch()
    awake = Awake(device)
    assert not awake.held
    assert str(device) not in open_files()
    assert awake.hold() == awake.hold() == ""
    assert awake.held
    assert str(device) in open_files()
    assert struct.unpack("=i", device.read_bytes()) == (0,)
    awake.close()
    awake.close()
    assert not awake.held
    assert str(device) not in open_files()


def test_a_host_without_it_is_named(tmp_path: Path) -> None:
    awake = Awake(tmp_path / "nothing")
    assert awake.hold() == f"{tmp_path}/nothing: No such file or directory"
    assert not awake.held


def test_a_device_that_takes_no_bound_is_closed_again() -> None:
    awake = Awake(Path("/dev/full"))
    assert awake.hold() == "/dev/full: No space left on device"
    assert not awake.held
    assert "/dev/full" not in open_files()


def test_on_a_host_where_one_may_the_kernel_takes_it() -> None:
    awake = Awake()
    why = awake.hold()
    assert awake.held is (not why)
    if awake.held:
        with DEVICE.open("rb") as device:
            assert struct.unpack("=i", device.read(4)) == (0,)
    else:
        assert str(DEVICE) in why
    awake.close()
