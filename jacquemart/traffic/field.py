"""The field of a world of traffic, a process of its own: SUMO, its sites, its feed of positions.

    python -m jacquemart.traffic.field FOLDER

It knows nothing of a city: sites connect to a supervisor, whenever there is one, and whoever
connects to the feed is told where the buses are. Says in one line of JSON when it is ready, and
answers ``status`` on its control port. It ends when its standard input does, or on SIGTERM; a
SUMO that ends is one line of JSON on standard error, and exit code 3.

*Time.* The signals live by the clock of the simulation, which is kept to the wall's by ``pace``:
so a machine that pauses makes traffic late, and no signal wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from jacquemart.drivers.avl.gateway import AvlGateway
from jacquemart.drivers.avl.sentence import Duty, Fix
from jacquemart.drivers.sumo import Seen, Simulation, launch
from jacquemart.runtime.model.errors import JacquemartError, LinkError
from jacquemart.traffic.approaches import placed
from jacquemart.traffic.fleet import Fleet
from jacquemart.traffic.pace import Pace
from jacquemart.traffic.site import Site
from jacquemart.traffic.world import World

#: How often, in simulated time, a bus says where it is, and how late it is.
FIX_MS, DUTY_MS = 1_000, 5_000
#: How often the observer tells.
OBSERVED_S: Final = 2
LOST: Final = 3
OBSERVER: Final = Path(__file__).with_name("observer.py")


class Field:
    """A running world without its city."""

    def __init__(self, world: World, simulation: Simulation) -> None:
        """Take over a simulation that has just begun."""
        self.world, self._simulation = world, simulation
        where: Callable[[], tuple[str, int]] = lambda: ("127.0.0.1", world.rsmp_port)  # noqa: E731
        self.sites = [
            Site(world.signals[model.id], model, simulation, where) for model in world.models()
        ]
        self.gateway = AvlGateway(port=world.avl_port)
        self.fleet = Fleet(world.fleet)
        self.observed: dict[str, Any] = {}
        """What the observer said last."""
        self.pace = Pace(simulation.step_ms / 1_000, world.speed, time.monotonic())
        self._lines: dict[str, int] = {}
        self._lost_s: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}
        self._fix_ms = self._duty_ms = simulation.time_ms

    # The loop ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect the sites, and let the feed be heard."""
        await self.gateway.start()
        self.gateway.tell(Duty(bus, 0.0) for bus in self.world.fleet)
        for site in self.sites:
            site.runner.start(ticking=False)
        self.pace = Pace(self._simulation.step_ms / 1_000, self.world.speed, time.monotonic())

    async def run(self) -> None:
        """Step, until cancelled.

        Raises:
            LinkError: SUMO has ended.
        """
        while True:
            await asyncio.sleep(self.pace.wait_s(time.monotonic()))
            self.step()

    async def stop(self) -> None:
        """Disconnect everybody."""
        for site in self.sites:
            await site.runner.stop()
        await self.gateway.stop()

    def step(self) -> None:
        """Simulate one step, and let signals and buses live through it."""
        now = self._simulation.advance()
        letters, occupied = self._simulation.read_back(), self._simulation.occupied()
        for site in self.sites:
            site.step(letters[site.signal], occupied)
        if now >= self._fix_ms:
            self._fix_ms = now - now % FIX_MS + FIX_MS
            self._tell_buses(now)

    def _tell_buses(self, now: int) -> None:
        """Have each bus say where it is; and now and then its duty, line, and what it has lost."""
        self._seen = {one.id: one for one in self._simulation.vehicles()}
        came, gone = self.fleet.come(list(self._seen))
        for bus in gone:
            self.gateway.forget(bus)
        for bus in came:
            way = " ".join(self._simulation.route(self.fleet.on[bus]))
            self._lines[bus] = self.world.lines.get(way, 0)
        news: list[Fix | Duty] = [Duty(bus, 0.0) for bus in gone]
        due = now >= self._duty_ms
        if due:
            self._duty_ms = now + DUTY_MS
        taken_ns = time.time_ns()
        for bus, run in self.fleet.on.items():
            seen = self._seen[run]
            if due or bus in came:
                news.append(self._duty(bus, run))
            lat, lon = placed(seen.x_m, seen.y_m)
            news.append(Fix(bus, taken_ns, "S", lat, lon, seen.speed_mps, seen.heading_deg))
        self.gateway.tell(news)

    def _duty(self, bus: str, run: str) -> Duty:
        lost_s = self._lost_s[bus] = self._simulation.time_loss(run)
        return Duty(bus, 1.0, self._lines[bus], min(36_000.0, round(lost_s)))

    # What is told --------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return everything as of the last step."""
        now = time.monotonic()
        return {
            "time_s": self._simulation.time_ms / 1_000,
            "times_real_time": round(self.pace.held(now), 2),
            "lost_s": round(self.pace.lost_s, 1),
            "signals": {site.id: site.status() for site in self.sites},
            "buses": {
                bus: {
                    "run": run, "line": self._lines.get(bus, 0),
                    "speed_mps": round(self._seen[run].speed_mps, 1),
                    "lost_s": round(self._lost_s.get(bus, 0.0), 1),
                }
                for bus, run in self.fleet.on.items() if run in self._seen
            },
            "unknown_buses": len(self.fleet.unknown),
            "listeners": self.gateway.listeners, "lines_told": self.gateway.sent,
            "observed": self.observed,
        }  # fmt: skip


@contextlib.contextmanager
def _simulated(world: World) -> Iterator[tuple[Simulation, subprocess.Popen[bytes]]]:
    """Run SUMO with its observer for as long as the block lasts."""
    scenario = world.scenario()
    with launch.running(scenario) as sumo:
        command = [sys.executable, str(OBSERVER), str(sumo.port), "2", str(OBSERVED_S)]
        observer = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONSAFEPATH="1"),
        )  # fmt: skip
        try:
            connection = launch.connect(sumo, 1)
            yield Simulation(connection, scenario, sumo.port, frozenset({"bus"})), observer
        finally:
            observer.kill()
            observer.wait()
            if observer.stdout is not None:
                observer.stdout.close()


async def _serve(world: World, simulation: Simulation, observer: subprocess.Popen[bytes]) -> None:
    field = Field(world, simulation)
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    asked = _Control(field)
    control = await asyncio.start_server(asked.serve, "127.0.0.1", 0)
    _on_line(observer.stdout, lambda line: field.observed.update(json.loads(line)))
    _on_line(sys.stdin.buffer, lambda _: None, ending.set)
    await field.start()
    ready = {
        "ready": True, "control": control.sockets[0].getsockname()[1],
        "avl_port": field.gateway.port, "sites": [site.id for site in field.sites],
    }  # fmt: skip
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    running, ended = asyncio.ensure_future(field.run()), asyncio.ensure_future(ending.wait())
    try:
        await asyncio.wait((running, ended), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, ended):
            task.cancel()
        await asyncio.gather(running, ended, return_exceptions=True)
        control.close()
        await asked.stop()
        await field.stop()


def _on_line(
    stream: Any, heard: Callable[[bytes], object], ended: Callable[[], None] = lambda: None
) -> None:
    """Call for each line of a pipe, and when it has ended."""
    loop, fd = asyncio.get_running_loop(), stream.fileno()
    os.set_blocking(fd, False)
    rest = bytearray()

    def ready() -> None:
        try:
            data = os.read(fd, 65_536)
        except BlockingIOError:
            return
        if not data:
            loop.remove_reader(fd)
            ended()
            return
        rest.extend(data)
        *lines, last = bytes(rest).split(b"\n")
        rest[:] = last[:65_536]
        for line in lines:
            heard(line)

    loop.add_reader(fd, ready)


class _Control:
    """Answers a line with a line."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._writers: set[asyncio.StreamWriter] = set()

    async def stop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        while self._writers:  # noqa: ASYNC110 - gone within a turn or two
            await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                known = line.strip() == b"status"
                answer = self._field.status() if known else {"error": "ask for: status"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # it has gone, or sent a line without end
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def main() -> int:
    """Run the field of a world until told to stop; return the exit code."""
    try:
        world = World.load(Path(sys.argv[1]))
        with _simulated(world) as (simulation, observer):
            asyncio.run(_serve(world, simulation, observer))
    except JacquemartError as error:
        told = {"message": error.message, "where": error.where, "advice": error.advice}
        sys.stderr.write(json.dumps(told) + "\n")
        return LOST if isinstance(error, LinkError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
