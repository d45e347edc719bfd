"""The warden as its starter sees it: started, listened to, let go, and cleaned up after."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from jacquemart.runtime.cluster import private_dir, processes, runstate
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.report import Event
from jacquemart.runtime.model.errors import StartError

log = logging.getLogger("jacquemart.city")

#: How long a warden may take to stop before it is killed; cells have their grace in it.
STOP_S = 25.0
_LOG = "warden.log"


class WardenProcess:
    """One warden. Whatever happens to it, ``stop`` leaves nothing behind."""

    def __init__(self, options: WardenOptions, listen: Callable[[Event], None]) -> None:
        """Start it.

        Args:
            options: what it is told; its private directory is made here.
            listen: gets each event, in a thread of its own; ``{"event": "gone"}`` is the last.

        Raises:
            StartError: there is no place for its files.
        """
        self._listen = listen
        self._stop_once = threading.Lock()
        self._stopped = False
        self._city = ""
        self.private_dir = private_dir.make()
        me = processes.identify(os.getpid())
        options = replace(
            options,
            private_dir=str(self.private_dir),
            starter_pid=me.pid if me else 0,
            starter_started=me.started if me else 0,
        )
        try:
            with open(self.private_dir / _LOG, "wb") as log_file:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "jacquemart.runtime.cluster.warden"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log_file,
                    start_new_session=True,
                )
        except OSError as error:
            private_dir.remove(self.private_dir)
            raise StartError(f"the warden did not start: {error}", where=sys.executable) from error
        self.id = processes.identify(self._process.pid)
        with contextlib.suppress(OSError):  # it is gone already, and says so on stdout
            self._write(options.to_line())
        self._reader = threading.Thread(target=self._read, name="warden-events", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Return the warden's pid, which is also its session's id."""
        return self._process.pid

    def log_tail(self) -> str:
        """Return the last lines that the warden and Ray wrote to stderr."""
        try:
            text = (self.private_dir / _LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-15:])

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Let the city end in order, and make sure that it has; idempotent, thread-safe.

        Blocks until nothing is left: a few seconds, at most ``timeout_s`` and five.
        """
        with self._stop_once:
            if self._stopped:
                return
            with contextlib.suppress(OSError):
                # Said, and not only closed: what this program forked may hold the pipe open.
                self._write(b"stop\n")
            with contextlib.suppress(OSError):
                if self._process.stdin is not None:
                    self._process.stdin.close()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                log.warning("the warden (pid %d) did not stop in time: killed", self.pid)
            self._clean_up()
            self._stopped = True

    def _clean_up(self) -> None:
        """End whatever is left of the warden's session, and remove its files."""
        self._process.kill()
        self._process.wait()
        if self.id is not None:
            left = processes.kill(processes.session_members(self.id), 5.0)
            if left:
                log.error("processes that do not die: %s", sorted(left))
        if threading.current_thread() is not self._reader:
            self._reader.join(5.0)
        if self._city:
            runstate.forget(self._city, self.pid)
        private_dir.remove(self.private_dir)

    def _write(self, line: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                log.warning("the warden said %r", line[:200])
                continue
            self._city = event.get("city", self._city)
            self._listen(event)
        self._listen({"event": "gone"})
