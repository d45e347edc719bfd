"""Approach detection: positions in; who comes to which stop line, and when, out. Pure.

*Theory.* A magic loop in the street says "a bus is here". Positions say more, and lie more. Each is
judged first (``fix``), then laid onto the declared ways (``plane``): a vehicle is on an approach if
it is near the way, drives along it, and its line comes that way. It stays on that one until it has
passed the stop line, left the way, or nothing is heard; whatever is in doubt ends it, since a
request that is cancelled costs a bus some seconds, and one that is not may cost everybody more.

*Rules.* Total and deterministic; time is given. ``tick`` ends what grew old, with nothing heard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from jacquemart.actors.priority.approach.arrival import STANDS_MPS, Arrival, arrival
from jacquemart.actors.priority.approach.declared import Approach
from jacquemart.actors.priority.approach.fix import Believer, Fix, Verdict, accuracy_of
from jacquemart.actors.priority.approach.plane import Plane, Spot, Way, apart_deg
from jacquemart.actors.priority.approach.told import CheckedIn, CheckedOut, Comes, Gone, Tidings
from jacquemart.runtime.model.errors import ConfigError

#: A position that is older is no ground for a request.
OLD_MS = 10_000
#: Directions that differ by more are not along the way; a slow receiver's says nothing.
ALONG_DEG = 60.0
HEADING_MPS = 1.5
#: Standing for so long where neither stop nor signal is, a vehicle does not come.
STANDS_MS = 45_000
#: Standing in the queue for so long, it is no vehicle that a signal would help.
QUEUES_MS = 180_000
#: So far back, beyond what the receiver may be off, is backwards.
BACK_M = 15.0
#: A vehicle of which nothing was heard for so long is forgotten, and where it was with it.
FORGET_MS = 120_000
#: Vehicles that are remembered; the one that was heard longest ago goes first.
MOST_VEHICLES = 20_000
CELL_M = 250.0

_GONE = {Verdict.JUMPED: Gone.JUMPED, Verdict.JUMPING: Gone.JUMPING}


@dataclass(frozen=True, slots=True)
class _Laid:
    """An approach, laid onto the plane."""

    approach: Approach
    way: Way


@dataclass(slots=True)
class _Track:
    """One vehicle: what is believed of it, and the approach that it is on."""

    believer: Believer = field(default_factory=Believer)
    laid: _Laid | None = None
    along_m: float = 0.0
    furthest_m: float = 0.0
    time_ms: int = 0
    heard_ms: int = 0
    """When anything was heard of it last, believed or not."""
    stood_ms: int = 0
    """Since when it stands; 0: it does not."""
    line: str = ""
    done: str = ""
    """The approach that it has passed or was given up on; it checks in there no more …"""
    done_ms: int = 0
    """… before it was away from it for a while."""


class Detection:
    """Follows all vehicles of a zone on all approaches of it."""

    __slots__ = ("_cells", "_plane", "_tracks", "old_ms")

    def __init__(self, approaches: Sequence[Approach], *, old_ms: int = OLD_MS) -> None:
        """Lay the approaches out.

        Raises:
            ConfigError: two approaches have one id; the operator's fault.
        """
        names = [approach.id for approach in approaches]
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"found approach {name!r} twice; allowed: each once", where=name)
        self.old_ms = old_ms
        first = approaches[0].path[0] if approaches else (0.0, 0.0)
        self._plane = Plane(*first)
        self._cells: dict[tuple[int, int], list[_Laid]] = {}
        self._tracks: dict[str, _Track] = {}
        for approach in approaches:
            laid = _Laid(approach, Way([self._plane.at(*point) for point in approach.path]))
            for cell in _cells_of(laid.way, approach.width_m + 50.0):
                self._cells.setdefault(cell, []).append(laid)

    def seen(self, fix: Fix) -> list[Tidings]:
        """Take a position; return what follows from it."""
        track = self._tracks.get(fix.vehicle)
        if fix.on_duty is not True:  # what it did before is forgotten with it
            self._tracks.pop(fix.vehicle, None)
            return self._gone(fix.vehicle, track, Gone.OFF_DUTY, fix.heard_ms)
        out: list[Tidings] = []
        if track is None:
            if len(self._tracks) >= MOST_VEHICLES:
                oldest = next(iter(self._tracks))
                out += self._gone(oldest, self._tracks.pop(oldest), Gone.FORGOTTEN, fix.heard_ms)
            track = self._tracks[fix.vehicle] = _Track()
        track.heard_ms = max(track.heard_ms, fix.heard_ms)
        verdict = track.believer.judge(fix, self.old_ms)
        if verdict in _GONE:
            return out + self._gone(fix.vehicle, track, _GONE[verdict], fix.heard_ms)
        if verdict is not Verdict.TRUE:
            return out
        track.line = fix.line
        x, y = self._plane.at(fix.lat, fix.lon)
        speed = self._speed(track, fix)
        if track.laid is not None:
            return out + self._follow(track, fix, x, y, speed)
        return out + self._find(track, fix, x, y, speed)

    def tick(self, now_ms: int) -> list[Tidings]:
        """Take note that time has passed; call it every second or so."""
        out: list[Tidings] = []
        for vehicle, track in list(self._tracks.items()):
            if now_ms - track.heard_ms > FORGET_MS:
                del self._tracks[vehicle]
            if track.laid is not None and now_ms - track.time_ms > self.old_ms:
                out += self._gone(vehicle, track, Gone.OLD, now_ms)
        return out

    # Inside --------------------------------------------------------------------------------

    def _speed(self, track: _Track, fix: Fix) -> float:
        """Return the speed that a fix says, and note since when the vehicle stands."""
        speed = fix.speed_mps if math.isfinite(fix.speed_mps) else 0.0
        if speed >= STANDS_MPS:
            track.stood_ms = 0
        elif not track.stood_ms:
            track.stood_ms = fix.heard_ms
        return speed

    def _find(self, track: _Track, fix: Fix, x: float, y: float, speed: float) -> list[Tidings]:
        best: tuple[float, _Laid, Spot] | None = None
        cell = (math.floor(x / CELL_M), math.floor(y / CELL_M))
        away = True
        for laid in self._cells.get(cell, ()):
            spot = laid.way.spot(x, y)
            if not self._on(laid, spot, fix, speed):
                continue
            if laid.approach.id == track.done:
                away = False
                continue
            if laid.approach.lines and fix.line not in laid.approach.lines:
                continue
            if best is None or spot.beside_m < best[0]:
                best = (spot.beside_m, laid, spot)
        if away and fix.heard_ms - track.done_ms > self.old_ms:
            track.done = ""
        if best is None or speed < STANDS_MPS:  # who stands is not on its way yet
            return []
        _, laid, spot = best
        track.laid, track.time_ms = laid, fix.heard_ms
        track.along_m = track.furthest_m = spot.along_m
        comes = self._arrival(track, fix, speed)
        return [CheckedIn(fix.vehicle, fix.line, laid.approach, comes, fix.heard_ms)]

    def _follow(self, track: _Track, fix: Fix, x: float, y: float, speed: float) -> list[Tidings]:
        laid = track.laid
        assert laid is not None
        off = accuracy_of(fix)
        spot = laid.way.spot(x, y, track.along_m, 150.0)
        near_line = laid.way.length_m - track.along_m <= off + 30.0
        gone: Gone | None = None
        if not self._on(laid, spot, fix, speed):
            # Who turns behind the line has passed it; who turns before it has left.
            beyond = (
                spot.along_m > laid.way.length_m and spot.beside_m <= laid.approach.width_m + off
            )
            gone = Gone.PASSED if near_line or beyond else Gone.LEFT
        elif spot.along_m < track.furthest_m - BACK_M - off:
            gone = Gone.BACKWARDS
        elif track.stood_ms and fix.heard_ms - track.stood_ms > self._patience(laid, spot):
            gone = Gone.STANDS
        if gone is not None:
            return self._gone(fix.vehicle, track, gone, fix.heard_ms)
        track.along_m, track.time_ms = spot.along_m, fix.heard_ms
        track.furthest_m = max(track.furthest_m, spot.along_m)
        comes = self._arrival(track, fix, speed)
        return [Comes(fix.vehicle, fix.line, laid.approach, comes, fix.heard_ms)]

    def _on(self, laid: _Laid, spot: Spot, fix: Fix, speed: float) -> bool:
        """Return whether a spot is on the way, before its end, in its direction."""
        room = laid.approach.width_m + accuracy_of(fix) / 2.0
        if spot.beside_m > room or spot.along_m > laid.way.length_m:
            return False
        if speed < HEADING_MPS or not math.isfinite(fix.heading_deg):
            return True
        return apart_deg(fix.heading_deg, spot.bearing) <= ALONG_DEG

    def _patience(self, laid: _Laid, spot: Spot) -> int:
        """Return for how long a vehicle may stand there before nobody waits for it any more."""
        left = laid.way.length_m - spot.along_m
        patience = QUEUES_MS if left <= laid.approach.queue_m else STANDS_MS
        for halt in laid.approach.halts:
            if abs(left - halt.before_m) <= 25.0:
                patience = max(patience, round((halt.dwell_s + 4.0 * halt.spread_s) * 1_000))
        return patience

    def _arrival(self, track: _Track, fix: Fix, speed: float) -> Arrival:
        laid = track.laid
        assert laid is not None
        one = laid.approach
        stood = (fix.heard_ms - track.stood_ms) / 1_000 if track.stood_ms else 0.0
        found = arrival(
            laid.way.length_m - track.along_m, accuracy_of(fix), speed, one.speed_mps, one.halts,
            queue_m=one.queue_m, stood_s=stood, door_open=fix.door_open,
        )  # fmt: skip
        age = max(0, fix.heard_ms - fix.time_ms) / 1_000  # it has driven on since
        return Arrival(
            max(0.0, found.earliest_s - age), max(0.0, found.expected_s - age), found.latest_s
        )

    def _gone(self, vehicle: str, track: _Track | None, why: Gone, now_ms: int) -> list[Tidings]:
        if track is None or track.laid is None:
            return []
        approach = track.laid.approach
        track.laid = None
        if why in (Gone.PASSED, Gone.STANDS, Gone.BACKWARDS):
            track.done, track.done_ms = approach.id, now_ms
        return [CheckedOut(vehicle, approach, why, now_ms)]


def _cells_of(way: Way, room_m: float) -> set[tuple[int, int]]:
    """Return the cells that a way comes near to."""
    cells = set()
    for (x, y), (x2, y2) in pairwise(way.points):
        steps = max(1, math.ceil(math.hypot(x2 - x, y2 - y) / (CELL_M / 4)))
        for step in range(steps + 1):
            cx, cy = x + (x2 - x) * step / steps, y + (y2 - y) * step / steps
            for ex in (-room_m, room_m):
                for ey in (-room_m, room_m):
                    cells.add((math.floor((cx + ex) / CELL_M), math.floor((cy + ey) / CELL_M)))
    return cells
