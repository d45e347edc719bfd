"""A city in one process, but for its device cell, which has a process of its own.

So a cell can be frozen (SIGSTOP) or killed for real, while zone, gateway and client go on. Run as
a script, it is that cell: it reads what to do from its standard input, one JSON object a line,
and ends with it. A cell that is fenced off ends with ``FENCED_CODE``, as one on Ray does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.testing import LocalCity

FENCED_CODE = 3


class ProcessHost:
    """What ``CellHost`` is for a cell of this process."""

    on_fenced: Any = None

    def __init__(self, city: Path, config: CellConfig) -> None:
        self.config = config
        self.process = subprocess.Popen(
            [
                *(sys.executable, __file__, str(city), config.name, str(config.epoch)),
                *(config.host, str(config.warden_pid), config.ledger),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()

    def start(self) -> CellAddress:
        return CellAddress(**self._answer())

    def connect(self, directory: Directory) -> None:
        if self.alive and not self.frozen:
            self._ask("connect", asdict(directory))

    def progress(self) -> dict[str, Any]:
        if not self.alive:
            return {"ready": True, "detail": "ended"}
        return self._ask("progress")

    def health(self) -> dict[str, Any]:
        return self._ask("health")

    def stop(self, grace_s: float = 5.0) -> None:
        self.kill()

    frozen = False

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def freeze(self) -> None:
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.frozen = False
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _ask(self, what: str, more: Mapping[str, Any] | None = None) -> Any:
        with self._lock:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps({"do": what, **(more or {})}) + "\n")
            self.process.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


class ProcessCity(LocalCity):
    """Its device cell is a process. ``warden`` is the pid of who would end an old one first."""

    def __init__(
        self, path: Path, *, warden: int = 0, host: str = "127.0.0.1", state: str | Path = ""
    ) -> None:
        super().__init__(path, state=state)
        self.path, self.warden, self.cell_host = path, warden, host

    def _start(self, config: CellConfig) -> CellAddress:
        if config.role != "device":
            return super()._start(config)
        config = replace(
            config, ledger=self._new_ledger(config), warden_pid=self.warden, host=self.cell_host
        )
        host = ProcessHost(self.path, config)
        self.hosts[config.name] = host  # type: ignore[assignment]
        return host.start()

    @property
    def cell(self) -> ProcessHost:
        found: Any = self.hosts["device-1"]
        return found  # type: ignore[no-any-return]

    def take_over(self, host: str) -> ProcessHost:
        """Start a successor at ``host`` beside the cell, as somebody on another host would.

        Returns the old one, which hears nothing of it.
        """
        old = self.cell
        self.cell_host = host
        config = replace(old.config, epoch=old.config.epoch + 1)
        cells = {**self.directory.cells, "device-1": self._start(config)}
        self.directory = replace(self.directory, version=self.directory.version + 1, cells=cells)
        for other in self.hosts.values():
            other.connect(self.directory)
        return old


def _serve(city: Path, name: str, epoch: int, host: str, warden_pid: int, ledger: str) -> None:
    local = LocalCity(city)
    config = replace(
        local._configs(local.placement)[name],
        epoch=epoch, host=host, warden_pid=warden_pid, ledger=ledger,
    )  # fmt: skip
    cell = CellHost(config)
    cell.on_fenced = lambda why, least_epoch: threading.Timer(0.2, os._exit, (FENCED_CODE,)).start()
    _say(asdict(cell.start()))
    for line in sys.stdin:
        asked = json.loads(line)
        what = asked.pop("do")
        if what == "connect":
            cells = {key: CellAddress(**value) for key, value in asked.pop("cells").items()}
            cell.connect(Directory(cells=cells, **asked))
            _say({})
        else:
            _say(cell.progress() if what == "progress" else cell.health())
    os._exit(0)


def _say(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer, default=list), flush=True)


if __name__ == "__main__":
    _serve(
        Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]),
        sys.argv[6],
    )  # fmt: skip
