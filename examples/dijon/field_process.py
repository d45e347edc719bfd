"""Start the field as a process of its own, and ask it for its account. Standard library only.

with FieldProcess.start(inventory, "--seed", "7") as field:
    print(field.ask("stats"))
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FIELD = Path(__file__).resolve().parent / "field"


class FieldStartError(RuntimeError):
    """The field ended or said nothing before it was ready; the message is what it said."""


class FieldProcess:
    """A running field. It ends with this object, and with this process however that ends."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any]) -> None:
        """Take over a process that has said that it is ready."""
        self.process = process
        self.ready = ready
        self._socket = socket.create_connection(("127.0.0.1", ready["control"]), timeout=30.0)
        self._lines = self._socket.makefile("rb")

    @classmethod
    def start(
        cls, inventory: Path, *options: str, python: str = sys.executable, timeout_s: float = 30.0
    ) -> FieldProcess:
        """Start the field on an inventory and wait until all its addresses answer.

        Raises:
            FieldStartError: an address is taken, the inventory is wrong, or it took too long.
        """
        command = [python, str(FIELD), "--inventory", str(inventory), *options]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], timeout_s)
        line = process.stdout.readline() if readable else b""
        if not line:
            process.kill()
            _, said = process.communicate()
            raise FieldStartError(said.decode(errors="replace").strip() or "the field said nothing")
        return cls(process, json.loads(line))

    def ask(self, command: str) -> dict[str, Any]:
        """Send one line to the control port and return the document that answers it.

        Raises:
            ConnectionError: the field has ended.
            ValueError: the field refused the command; the message says why.
        """
        self._socket.sendall(command.encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the field has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def stop(self, timeout_s: float = 10.0) -> int:
        """End the field by closing its standard input; return its exit code."""
        self._lines.close()
        self._socket.close()
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        deadline = time.monotonic() + timeout_s
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(max(1.0, deadline - time.monotonic()))
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
