"""The control port: one command a line, one JSON document a line in return.

    account [CABINET]       what every lamp was told and does (see ``account``)
    stats                   requests served, connections, memory, processor time
    kill CABINET [silent]   dead: refuse connections, or accept and never answer
    silence CABINET         the same as ``kill CABINET silent``
    mute CABINET            take the next write, then be silent
    reset CABINET           reset its connections, once
    behave CABINET KIND     hostile in one way (see ``behaviours``)
    hostile SHARE [KIND …]  make a share of the sound cabinets hostile, in turn
    revive CABINET|all      sound again; who is connected is reset, as by a reboot
    door CABINET open|shut  open or shut its door
    lamp LAMP CONDITION     break or repair a lamp: ok, dead, stuck or lying
    building ID …           fire, doors, detectors, power of a building (see ``buildings``)
    bollard ID …            loop, fault, drive, power of a bollard (see ``bollards``)
    bollards                what all bollards together were told
    stop                    end the field

An error is ``{"error": "…"}``; the connection goes on.
"""

from __future__ import annotations

import asyncio
import inspect
import resource
import time
from collections.abc import Awaitable, Callable

from field.account import account
from field.bollards import Bollards
from field.buildings import Buildings
from field.city import City
from field.errors import FieldError
from field.faults import HOSTILE_KINDS
from field.lines import Answer, Lines


class Control:
    """Serves the control port of one city."""

    def __init__(
        self, city: City, buildings: Buildings, bollards: Bollards, stop: Callable[[], None]
    ) -> None:
        """Control all that the field has; ``stop`` ends it."""
        self._city = city
        self._buildings = buildings
        self._bollards = bollards
        self._stop = stop
        self._server: asyncio.Server | None = None
        self._commands: dict[str, Callable[..., Awaitable[Answer]]] = {
            name.removeprefix("_do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    async def listen(self, port: int) -> int:
        """Open the port (0: any) on loopback, and return it.

        Raises:
            FieldError: it is taken.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Lines(self._obey), "127.0.0.1", port)
        except OSError as error:
            raise FieldError(f"127.0.0.1:{port} (control): {error.strerror or error}") from error
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def close(self) -> None:
        """Close the port; who is connected is left to the end of the loop."""
        if self._server is not None:
            self._server.close()

    async def _obey(self, words: list[str]) -> Answer:
        if not words:
            return {"error": "empty line"}
        command = self._commands.get(words[0])
        if command is None:
            return {"error": f"unknown command {words[0][:40]}; known: {' '.join(self._commands)}"}
        try:
            inspect.signature(command).bind(*words[1:])
        except TypeError as error:
            return {"error": f"{words[0]}: {error}"}
        try:
            return await command(*words[1:])
        except FieldError as error:
            return {"error": str(error)}

    async def _do_account(self, cabinet: str = "") -> Answer:
        city = self._city
        stations = [city.station(cabinet)] if cabinet else list(city.stations.values())
        return account(stations, city.clock(), city.wall)

    async def _do_stats(self) -> Answer:
        tally = self._city.tally
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": tally.requests,
            "connections": tally.connections,
            "accepted": tally.accepted,
            "bad_frames": tally.bad_frames,
            "uptime_s": round(self._city.clock() - self._city.began, 3),
            "cpu_s": round(time.process_time(), 3),
            "peak_rss_kb": used.ru_maxrss,
        }

    async def _do_kill(self, cabinet: str, how: str = "refuse") -> Answer:
        self._city.kill(cabinet, how)
        return {"ok": True}

    async def _do_silence(self, cabinet: str) -> Answer:
        self._city.kill(cabinet, "silent")
        return {"ok": True}

    async def _do_mute(self, cabinet: str) -> Answer:
        self._city.mute(cabinet)
        return {"ok": True}

    async def _do_reset(self, cabinet: str) -> Answer:
        self._city.station(cabinet).reset()
        return {"ok": True}

    async def _do_behave(self, cabinet: str, kind: str) -> Answer:
        self._city.turn_hostile(cabinet, kind)
        return {"ok": True}

    async def _do_hostile(self, share: str, *kinds: str) -> Answer:
        try:
            wanted = float(share)
        except ValueError:
            return {"error": f"hostile: {share[:40]} is not a share"}
        return {"ok": True, "hostile": self._city.spread_hostile(wanted, kinds or HOSTILE_KINDS)}

    async def _do_revive(self, cabinet: str) -> Answer:
        for id in list(self._city.stations) if cabinet == "all" else [cabinet]:
            await self._city.revive(id)
        return {"ok": True}

    async def _do_door(self, cabinet: str, state: str) -> Answer:
        if state not in ("open", "shut"):
            return {"error": f"door: {state[:40]}, allowed open or shut"}
        self._city.station(cabinet).cabinet.door_open = state == "open"
        return {"ok": True}

    async def _do_lamp(self, lamp: str, condition: str) -> Answer:
        self._city.break_lamp(lamp, condition)
        return {"ok": True}

    async def _do_bollard(self, bollard: str, *words: str) -> Answer:
        return await self._bollards.obey(bollard, words)

    async def _do_bollards(self) -> Answer:
        return dict(self._bollards.totals())

    async def _do_building(self, building: str, *words: str) -> Answer:
        return await self._buildings.obey(building, words)

    async def _do_stop(self) -> Answer:
        self._stop()
        return {"ok": True}
