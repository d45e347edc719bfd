"""A journal's writer in a process of its own, on a disk that is watched and that fails.

The disk is the real one, through a library that is preloaded (``disk_shim.c``): what SQLite and
the runtime write, cut and sync goes through it, in order, and can be made to fail or to be slow.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, Self

HERE = Path(__file__).parent
#: The file in the traced folder to which the writer puts each number when it is acknowledged.
ACKNOWLEDGED = "acknowledged"


def library(folder: Path) -> Path:
    """Compile the shim."""
    made = folder / "disk_shim.so"
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(HERE / "disk_shim.c"),
         "-ldl", "-lpthread"],
        check=True,
        timeout=60,
    )  # fmt: skip
    return made


class Step(NamedTuple):
    """One change of the disk."""

    op: str
    """``w`` write, ``t`` truncate, ``u`` unlink, ``s`` sync."""
    name: str
    offset: int
    data: bytes


def read_trace(path: Path) -> Iterator[Step]:
    """Yield what was done to the disk, in order."""
    content, place = path.read_bytes(), 0
    while place < len(content):
        op, letters, offset, length = struct.unpack_from("<cBQQ", content, place)
        place += 18
        name = content[place : place + letters].decode()
        place += letters
        yield Step(op.decode(), name, offset, content[place : place + length])
        place += length


class Writer:
    """A process that writes a journal as it is told; a context manager."""

    def __init__(self, shim: Path, state: Path, folder: Path) -> None:
        self.trace = folder / "trace"
        control = folder / "control"
        control.write_bytes(bytes(16))
        with open(control, "r+b") as file:
            self._control = mmap.mmap(file.fileno(), 16)
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "journal_writer.py"), str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "SHIM_FOLDER": str(state),
                "SHIM_TRACE": str(self.trace),
                "SHIM_CONTROL": str(control),
            },
        )
        assert self.answer() == "open"

    def ask(self, *words: object) -> str:
        """Tell the writer something, and return what it says."""
        stdin: IO[bytes] | None = self._process.stdin
        assert stdin is not None
        stdin.write(" ".join(map(str, words)).encode() + b"\n")
        stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """Return the writer's next line."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def disk(self, *, syncs: int = 0, writes: int = 0, errno: int = 0, sync_ms: int = 0) -> None:
        """Have so many syncs or writes fail (-1: all), and syncs take a time."""
        self._control[:] = struct.pack("<4i", syncs, writes, errno, sync_ms)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.close()


def apply(disk: dict[str, bytearray], step: Step) -> None:
    """Do a step of a trace to the files of a disk."""
    if step.op == "u":
        disk.pop(step.name, None)
    elif step.op in ("w", "t"):
        data = disk.setdefault(step.name, bytearray())
        end = step.offset + len(step.data) if step.op == "w" else step.offset
        if len(data) < end:
            data.extend(bytes(end - len(data)))
        if step.op == "t":
            del data[end:]
        else:
            data[step.offset : end] = step.data
