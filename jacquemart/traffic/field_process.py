"""The field of a world as a process of its own: started, asked how it is, stopped."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from jacquemart.runtime.model.errors import JacquemartError, LinkError, StartError
from jacquemart.traffic import field

#: A large network takes so long to be read.
START_WITHIN_S: Final = 150.0
ANSWER_WITHIN_S: Final = 20.0
END_WITHIN_S: Final = 15.0


class FieldProcess:
    """A running field. It ends with this object, and with this process however that ends.

    Attributes:
        ready: what it said when it was: ``control`` and ``avl_port``, and the ids of its ``sites``.
    """

    def __init__(self, folder: Path) -> None:
        """Start the field of a world, and wait until it is ready.

        Raises:
            StartError: it ended, or took too long; says what it said.
            LinkError: SUMO ended.
        """
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        # A group of its own: Ctrl-C in a terminal is for whoever shows it, who then ends this.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jacquemart.traffic.field", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            start_new_session=True,
        )  # fmt: skip
        self._control: socket.socket | None = None
        self._answers: IO[bytes] | None = None
        try:
            self.ready: dict[str, Any] = json.loads(self._first_line())
            self._control = socket.create_connection(
                ("127.0.0.1", self.ready["control"]), ANSWER_WITHIN_S
            )
            self._answers = self._control.makefile("rb")
        except BaseException:
            self.stop()
            raise

    def status(self) -> dict[str, Any]:
        """Return what the field says of itself.

        Raises:
            LinkError: it has ended, or does not answer; says what it said last.
        """
        if self._control is None or self._answers is None:
            raise LinkError("the field was stopped", where="field")
        try:
            self._control.sendall(b"status\n")
            line = self._answers.readline()
        except OSError as error:
            if self.process.poll() is None and isinstance(error, TimeoutError):
                raise LinkError(f"no answer within {ANSWER_WITHIN_S:g} s", where="field") from error
            line = b""
        if not line:
            raise self.ended()
        told: dict[str, Any] = json.loads(line)
        return told

    def ended(self) -> JacquemartError:
        """Return why the field has ended."""
        try:
            code = self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            return LinkError("it closed its connection, and goes on", where="field")
        self._said.seek(0)
        lines = self._said.read(100_000).decode(errors="replace").strip().splitlines()
        kind = LinkError if code == field.LOST else StartError
        for line in reversed(lines):
            try:
                told = json.loads(line)
                return kind(str(told["message"]), where=told["where"], advice=told["advice"])
            except (ValueError, KeyError, TypeError):
                continue
        return kind(f"the field ended with {code}: {' '.join(lines[-3:])[:500]}", where="field")

    def stop(self) -> int:
        """End the field and all that it started; return its exit code. Idempotent."""
        for one in (self._answers, self._control, self.process.stdin):
            if one is not None:
                one.close()
        self._answers = self._control = None
        try:
            code = self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._said.close()
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

    def _first_line(self) -> bytes:
        assert self.process.stdout is not None
        until = time.monotonic() + START_WITHIN_S
        while not select.select([self.process.stdout], [], [], 0.2)[0]:
            if time.monotonic() > until:
                raise StartError(f"the field was not ready in {START_WITHIN_S:g} s", where="field")
        line = self.process.stdout.readline()
        if not line:
            raise self.ended()
        return line
