"""A street with signals and buses: the city file, and RSMP sites that write down what they hear."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Any, Self

from jacquemart.drivers.rsmp.connection import moment
from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.site.controller import PriorityRequest
from jacquemart.drivers.rsmp.site.fixed_time import FixedTime, two_stages
from jacquemart.drivers.rsmp.site.runner import SiteRunner, Towards
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions

LAT, LON = 47.32, 5.04
#: Degrees of latitude that are a metre.
A_METRE = 1.0 / 111_195.08
#: From stop line to stop line.
APART_M = 400.0
#: So far before its stop line an approach begins.
LONG_M = 300.0
SLOTS = 3

_FEED = """
[links.feed]
driver = "simulated"
zone = "street"
[links.desk]
driver = "simulated"
zone = "street"
[templates.broker]
kind = "jacquemart.actors.priority.broker:PriorityBroker"
driver = "simulated"
points = { enabled = { poll_ms = 100, address = { initial = 1 } } }
[[device]]
id = "broker"
template = "broker"
link = "desk"
"""
_PARTS = ("status", "latitude", "longitude", "speed", "heading", "line", "delay")
_RSMP = """
mode = { address = { command = "M0001/status", status = "mode" } }
mode_state = { poll_ms = 1000, address = { status = "mode" } }
local = { poll_ms = 500, address = { status = "local" } }
plan = { address = { command = "M0002/timeplan", status = "S0014/status" } }
plan_state = { poll_ms = 1000, address = { status = "S0014/status" } }
state = { poll_ms = 500, address = { status = "state" } }
status = { poll_ms = 500, address = { status = "aggregated" } }
"""
_SIMULATED = """
mode = { address = {} }
mode_state = { address = {} }
local = { poll_ms = 100, address = {} }
plan = { address = { initial = 1 } }
plan_state = { address = { initial = 1 } }
state = { poll_ms = 500, address = { initial = 1 } }
status = { poll_ms = 500, address = { initial = 32 } }
"""


def place(metres: float) -> tuple[float, float]:
    """Return a place on the street, which runs north."""
    return LAT + metres * A_METRE, LON


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def city_text(
    ports: Sequence[int], buses: int, *, driver: str = "rsmp", bus_points: str = "",
    slots: int = SLOTS, name: str = "town", more: str = "",
) -> str:  # fmt: skip
    """Return a city of signals ``K1`` …, each on a link of its own, and of buses ``bus-1`` …"""
    text = f'[city]\nid = "{name}"\n[zones.street]\n' + _FEED
    points = bus_points or "".join(
        f"{part} = {{ poll_ms = 100, address = {{}} }}\n" for part in _PARTS
    )
    text += '[templates.bus]\nkind = "bus"\ndriver = "simulated"\n'
    text += 'options = { broker = "broker" }\n[templates.bus.points]\n' + points
    text += '[templates.engine]\nkind = "service_vehicle"\ndriver = "simulated"\n'
    text += 'options = { broker = "broker" }\n[templates.engine.points]\n'
    text += "".join(f"{part} = {{ poll_ms = 100, address = {{}} }}\n" for part in _PARTS[:5])
    text += f'[templates.signal]\nkind = "signal_controller"\ndriver = "{driver}"\n'
    text += "[templates.signal.points]\n" + (_RSMP if driver == "rsmp" else _SIMULATED)
    for slot in range(1, slots + 1):
        ask = f'command = "M0022", with = {{ signalGroupId = "SG#" }}, item = {slot}'
        rsmp = driver == "rsmp"
        address = f'{{ {ask}, status = "priority" }}' if rsmp else "{}"
        state = f'{{ status = "request", item = {slot} }}' if rsmp else "{}"
        text += f"priority_{slot} = {{ address = {address} }}\n"
        text += f"request_{slot} = {{ poll_ms = 1000, address = {state} }}\n"
    for number in range(1, buses + 1):
        text += f'[[device]]\nid = "bus-{number}"\ntemplate = "bus"\nlink = "feed"\n'
    text += '[[device]]\nid = "engine-1"\ntemplate = "engine"\nlink = "feed"\n'
    for at, port in enumerate(ports, 1):
        text += f'[links.signal-{at}]\ndriver = "{driver}"\nzone = "street"\n'
        if driver == "rsmp":
            text += f'port = {port}\nsecurity_code_2 = "2222"\ntimeout_ms = 2000\n'
        text += f'[[device]]\nid = "K{at}"\ntemplate = "signal"\nlink = "signal-{at}"\n'
        line = at * APART_M
        text += f'[approaches.north-{at}]\nsignal = "K{at}"\ngroup = 2\n'
        text += f"path = [{list(place(line - LONG_M))}, {list(place(line))}]\n"
    return text + more


class Heard(FixedTime):
    """A fixed-time controller that writes down which requests it was sent."""

    heard: list[tuple[float, PriorityRequest]]

    def request_priority(self, request: PriorityRequest) -> str:
        self.heard.append((asyncio.get_running_loop().time(), request))
        return super().request_priority(request)


class Sites:
    """RSMP sites ``K1`` …, on a thread of their own."""

    def __init__(self, ports: Sequence[int], reconnect_s: float = 0.2) -> None:
        self.controllers: dict[str, Heard] = {}
        self.tlcs: dict[str, Tlc] = {}
        self.towards: dict[str, Towards] = {}
        self._ports, self._reconnect_s = ports, reconnect_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runners: list[SiteRunner] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            for runner in self._runners:
                await runner.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(20.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20.0)
        self._loop.close()

    def do(self, act: Any) -> Any:
        """Do something on the sites' thread."""

        async def doing() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result(20.0)

    def _start(self) -> None:
        for at, port in enumerate(self._ports, 1):
            name = f"K{at}"
            controller = Heard(two_stages(4, (20, 20)), 4)
            controller.heard = []
            tlc = Tlc(TlcOptions(name, name), controller, moment())
            session = SessionOptions(sxl=("1.2.1",))
            towards = Towards(
                tlc, SiteOptions(session), lambda port=port: ("127.0.0.1", port),  # type: ignore[misc]
                self._reconnect_s,
            )  # fmt: skip
            self.controllers[name], self.tlcs[name] = controller, tlc
            self.towards[name] = towards
            runner = SiteRunner(tlc, [towards])
            self._runners.append(runner)
            runner.start()

    def verbs(self, site: str) -> list[str]:
        """Return what a site was asked, in order, without updates."""
        heard = self.do(lambda: list(self.controllers[site].heard))
        return [one.what for _, one in heard if one.what != "update"]

    def heard(self, site: str) -> list[PriorityRequest]:
        """Return all requests that a site was sent."""
        return self.do(lambda: [one for _, one in self.controllers[site].heard])  # type: ignore[no-any-return]

    def open(self, site: str) -> list[str]:
        """Return the ids of the requests that have not ended at a site."""

        def look() -> list[str]:
            found = self.controllers[site].priorities()
            return [one.id for one in found if one.phase in ("received", "queued", "activated")]

        return self.do(look)  # type: ignore[no-any-return]


class Street:
    """Buses that a test drives: each is where it is told to be, and a feed says so."""

    def __init__(self, field: Any) -> None:
        self._field = field
        self._at: dict[str, float] = {}

    def put(self, bus: str, metres: float, *, speed: float = 8.0, late: float = 200.0) -> None:
        """Put a bus onto the street, late, driving north."""
        lat, lon = place(metres)
        values = {"status": 1.0, "speed": speed, "heading": 0.0, "latitude": lat, "longitude": lon}
        if bus.startswith("bus"):
            values |= {"line": 5.0, "delay": late}
        for point, value in values.items():
            self._field.set(f"{bus}/{point}", value)
        self._at[bus] = metres

    def drive(self, bus: str, by_m: float) -> None:
        """Let a bus drive on."""
        self._at[bus] += by_m
        self._field.set(f"{bus}/latitude", place(self._at[bus])[0])

    def say(self, bus: str, point: str, value: float) -> None:
        """Let the feed say something of a bus."""
        self._field.set(f"{bus}/{point}", value)


class Events:
    """The events of a city, as they come."""

    def __init__(self, client: Any) -> None:
        self.all: list[Any] = []
        self._stream = client.subscribe("events")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            for event in self._stream:
                self.all.append(event)
        except Exception:  # noqa: BLE001 - the city has ended
            return

    def named(self, name: str, **detail: Any) -> list[Any]:
        """Return the events of a name whose details are as given."""
        return [
            one
            for one in list(self.all)
            if getattr(one, "name", "") == name
            and all(one.detail.get(key) == value for key, value in detail.items())
        ]
