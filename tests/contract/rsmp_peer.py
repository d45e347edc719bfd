"""The RSMP peer for the conformance kit: two emulated sites that connect to the driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from jacquemart.drivers.conformance import Peer, PeerField
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.contract import Driver, Publish
from jacquemart.drivers.rsmp import RsmpDriver
from jacquemart.drivers.rsmp.connection import moment
from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.machine.station import Refused
from jacquemart.drivers.rsmp.site.controller import Controller
from jacquemart.drivers.rsmp.site.fixed_time import FixedTime, two_stages
from jacquemart.drivers.rsmp.site.runner import SiteRunner, Towards
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

SITES = ("north", "south")
POINTS = (
    PointSpec(
        "timeout", low=0.0, high=1_000.0, writable=True, feedback="timeout_state", whole=True,
        address={"command": "M0023/status", "status": "S0034/status"},
    ),
    PointSpec("timeout_state", low=0.0, high=1_000.0, address={"status": "S0034/status"}),
    PointSpec("situation", low=1.0, high=255.0, address={"status": "S0015/status"}),
    PointSpec("groups", low=0.0, high=9.0, address={"status": "S0017/number"}),
)  # fmt: skip


class ScriptedTlc(Tlc):
    """A controller that does on request what a conformance card asks for."""

    arrived = 0
    refusing = swallowing = confusing = spoilt = False
    heard: asyncio.Event

    def read(self, component: str, code: str, name: str) -> Any:
        self.heard.set()
        if self.spoilt and code == "S0017":
            return None
        return super().read(component, code, name)

    def command(
        self, component: str, code: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any] | Refused:
        self.heard.set()
        self.arrived += 1
        if self.refusing:
            return Refused("refused by the book")
        return super().command(component, code, arguments)


class RsmpPeer(Peer):
    driver = RsmpDriver
    call_limit_s = 4.0

    def make_driver(self, link: LinkSpec, publish: Publish) -> Driver:
        self.under_test = RsmpDriver(link, publish)
        return self.under_test

    def make_controller(self) -> Controller:
        return FixedTime(two_stages(4, (20, 20)), 4)

    async def start(self) -> PeerField:
        self.tlcs: dict[str, ScriptedTlc] = {}
        self.towards: dict[str, Towards] = {}
        self.runners: list[SiteRunner] = []
        self.heard = asyncio.Event()
        session = SessionOptions(sxl=("1.2.1",))
        for site in SITES:
            tlc = ScriptedTlc(TlcOptions(site, site), self.make_controller(), moment())
            tlc.heard = self.heard
            towards = Towards(
                tlc, SiteOptions(session), lambda: ("127.0.0.1", self.under_test.port), 0.02
            )
            self._script(towards, tlc)
            self.tlcs[site], self.towards[site] = tlc, towards
            runner = SiteRunner(tlc, [towards])
            self.runners.append(runner)
            runner.start()
        options = {
            "port": 0, "sites": list(SITES), "timeout_ms": 300, "open_ms": 700,
            "security_code_2": "2222",
        }  # fmt: skip
        link = LinkSpec("port-1", "rsmp", "z", options)
        devices = [DeviceSpec(site, "t", "z", link.id) for site in SITES]
        return PeerField(link, [(device, POINTS) for device in devices])

    def _script(self, towards: Towards, tlc: ScriptedTlc) -> None:
        """Let answers be swallowed, or be answers to something else, right before they leave."""
        site = towards.site
        real = site.act

        def act(message: Any, now: Any) -> None:
            kind = message.type
            asked = kind in ("CommandRequest", "StatusRequest")
            if tlc.swallowing and kind == "CommandRequest":
                return
            if tlc.confusing and asked and site.session is not None:
                body = {"ntsOId": "", "xNId": "", "cId": message.body["cId"]}
                stamp = site.session.stamp(now)
                if kind == "StatusRequest":
                    row = {"sCI": "S0091", "n": "user", "s": "0", "q": "recent"}
                    fields = {**body, "sTs": stamp, "sS": [row]}
                    site.session.send("StatusResponse", fields, now)
                else:
                    row = {"cCI": "M0007", "n": "status", "v": "True", "age": "recent"}
                    fields = {**body, "cTS": stamp, "rvs": [row]}
                    site.session.send("CommandResponse", fields, now)
                return
            real(message, now)

        site.act = act  # type: ignore[method-assign]

    async def stop(self) -> None:
        for runner in self.runners:
            await runner.stop()

    async def value(self, device: str, point: str) -> float:
        tlc = self.tlcs[device]
        if point == "situation":
            return float(tlc.situation)
        return 1.0 if point == "groups" else float(tlc.band_timeout)

    async def change(self, device: str, point: str, value: float) -> None:
        if point == "groups":
            raise CannotDo("the number of groups does not change")
        tlc = self.tlcs[device]
        if point == "situation":
            tlc.situation = max(1, int(value))
        elif point == "timeout":
            tlc.band_timeout = int(value)

    async def arrived(self) -> int:
        return sum(tlc.arrived for tlc in self.tlcs.values())

    async def connections(self) -> int:
        await asyncio.sleep(0.05)
        return sum(towards.wire is not None for towards in self.towards.values())

    async def refuse(self, on: bool) -> None:
        for towards in self.towards.values():
            towards.may_connect = not on
            if on:
                towards.cut()

    async def cut(self) -> None:
        for towards in self.towards.values():
            towards.cut()
        await asyncio.sleep(0.05)

    async def hold(self, on: bool) -> None:
        if on:
            self.heard.clear()
        for towards in self.towards.values():
            towards.hold(on)
        if not on:
            await asyncio.sleep(0.01)

    async def held(self) -> None:
        await self.heard.wait()

    async def silence(self, device: str, on: bool) -> None:
        self.towards[device].hold(on)

    async def refuse_writes(self, device: str, on: bool) -> None:
        self.tlcs[device].refusing = on

    async def swallow(self, on: bool) -> None:
        for tlc in self.tlcs.values():
            tlc.swallowing = on

    async def confuse(self, on: bool) -> None:
        for tlc in self.tlcs.values():
            tlc.confusing = on

    async def spoil(self, device: str, point: str, on: bool) -> None:
        self.tlcs[device].spoilt = on

    async def speak(self) -> None:
        tlc = self.tlcs[SITES[0]]
        tlc.situation = tlc.situation % 100 + 1
        with contextlib.suppress(CannotDo):
            self.runners[0].tick()

    def unencodable(self, device: str, point: str) -> float:
        return 70_000.0
