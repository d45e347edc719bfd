"""Starting SUMO: what it is to simulate, its process, and the first connections to it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from jacquemart.runtime.model.errors import ConfigError, StartError, UsageError

#: A large network takes so long to be read.
START_WITHIN_S: Final = 120.0
#: Steps that traffic models are made for (SUMO's documentation of ``--step-length``).
SHORTEST_STEP_MS: Final = 100
LONGEST_STEP_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """What SUMO simulates.

    Attributes:
        network: a network (``.net.xml``, also gzipped), or
        config: a configuration (``.sumocfg``) that names one; exactly one of the two.
        additional: further files, in order: routes, vehicle types, detectors.
        seed: of all chance in it; the same again gives the same traffic.
        step_ms: simulated time of a step, 100 to 1,000.
        begin_s: where simulated time begins; None: where the configuration says.
        clients: how many connections step it together; it waits for all of them.

    Raises:
        UsageError: a value is out of its range; the caller's bug, a retry cannot help.
    """

    network: Path | None = None
    config: Path | None = None
    additional: tuple[Path, ...] = ()
    seed: int = 1
    step_ms: int = 1_000
    begin_s: float | None = None
    clients: int = 1

    def __post_init__(self) -> None:
        if (self.network is None) == (self.config is None):
            raise UsageError("found both or neither; allowed: network or config", where="Scenario")
        if not SHORTEST_STEP_MS <= self.step_ms <= LONGEST_STEP_MS:
            raise UsageError(
                f"found {self.step_ms}; allowed: {SHORTEST_STEP_MS} to {LONGEST_STEP_MS} ms",
                where="Scenario.step_ms",
            )
        if not 1 <= self.clients <= 8:
            raise UsageError(f"found {self.clients}; allowed: 1 to 8", where="Scenario.clients")

    def arguments(self, port: int) -> list[str]:
        """Return the options that SUMO is started with."""
        options = ["--remote-port", str(port), "--num-clients", str(self.clients)]
        options += ["--step-length", f"{self.step_ms / 1e3:g}", "--seed", str(self.seed)]
        options += ["--no-step-log", "true", "--no-warnings", "true", "--duration-log.disable"]
        options += ["true", "--time-to-teleport", "-1", "--collision.action", "warn"]
        if self.config is not None:
            options += ["--configuration-file", str(self.config)]
        else:
            options += ["--net-file", str(self.network)]
        if self.begin_s is not None:
            options += ["--begin", f"{self.begin_s:g}"]
        if self.additional:
            # Files of a configuration are replaced by those of the command line, so they go along.
            named = [*_additional_of(self.config), *(str(path) for path in self.additional)]
            options += ["--additional-files", ",".join(named)]
        return options


def _additional_of(config: Path | None) -> list[str]:
    """Return the additional files that a configuration names already."""
    if config is None:
        return []
    from sumolib import xml

    found: list[str] = []
    for one in xml.parse(str(config), ["additional-files", "a"]):
        found += [str(config.parent / name) for name in one.value.split(",") if name]
    return found


def program() -> Path:
    """Return where SUMO is.

    Raises:
        ConfigError: it is not installed; the operator's fault.
    """
    # Not imported: that would point the whole process, pyproj too, to SUMO's projection data.
    for name in ("sumo", "traci", "sumolib"):
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ConfigError(
                f"SUMO is not installed ({name} is missing)",
                advice="pip install 'jacquemart[traffic]'",
            )
        if name == "sumo":
            home = Path(found.origin).parent
    return home / "bin" / "sumo"


@dataclass(frozen=True, slots=True)
class Running:
    """A SUMO that runs: where it listens, its process, and what it says."""

    port: int
    process: subprocess.Popen[bytes]
    said: IO[bytes]

    def ended(self) -> StartError:
        """Return what it said when it ended by itself; wait for that."""
        code = self.process.wait()
        self.said.seek(0)
        lines = self.said.read(100_000).decode(errors="replace").strip().splitlines()
        return StartError(
            f"SUMO ended with {code}: {' '.join(lines[:4])[:500]}", where="sumo",
            advice="a file of the scenario is wrong, or a client did not come",
        )  # fmt: skip


@contextlib.contextmanager
def running(scenario: Scenario) -> Iterator[Running]:
    """Run SUMO for as long as the block lasts.

    Raises:
        ConfigError: it is not installed, or a file of the scenario is not there.
    """
    binary = program()
    for path in (scenario.network, scenario.config, *scenario.additional):
        if path is not None and not path.is_file():
            raise ConfigError("there is no such file", where=str(path))
    home = binary.parents[1]
    environment = dict(os.environ, SUMO_HOME=str(home), PROJ_DATA=str(home / "data" / "proj"))
    port = free_port()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(binary), *scenario.arguments(port)], env=environment,
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
        try:
            sumo = Running(port, process, said)
            _wait(sumo)
            yield sumo
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that nobody has now, for who (as SUMO) cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(sumo: Running) -> None:
    """Wait until SUMO listens. Most of its files it reads after that."""
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until:
        if sumo.process.poll() is not None:
            raise sumo.ended()
        if _listens(sumo.port):
            return
        time.sleep(0.02)
    raise StartError(f"SUMO did not listen within {START_WITHIN_S:g} s", where="sumo")


def _listens(port: int) -> bool:
    """Look whether somebody listens, without connecting: SUMO counts every connection."""
    wanted = f"{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table, contextlib.ExitStack() as stack:
        tables = [table]
        if os.path.exists("/proc/net/tcp6"):
            tables.append(stack.enter_context(open("/proc/net/tcp6", encoding="ascii")))
        for lines in tables:
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[1].rpartition(":")[2] == wanted:
                    return True
    return False


def connect(sumo: Running, order: int) -> Any:
    """Return a connection of TraCI, the ``order``-th of those that step SUMO together (from 1).

    SUMO answers nobody before all of them are there. If one does not come, it is ended.

    Raises:
        StartError: a file of the scenario is wrong, or not all clients came in time; says what
            SUMO says.
    """
    import traci

    patience = threading.Timer(START_WITHIN_S, sumo.process.kill)
    patience.start()
    try:
        connection = traci.connect(sumo.port, numRetries=20, host="127.0.0.1", proc=sumo.process)
        connection.setOrder(order)
    except (traci.exceptions.TraCIException, traci.exceptions.FatalTraCIError, OSError) as error:
        raise sumo.ended() from error
    finally:
        patience.cancel()
    return connection
