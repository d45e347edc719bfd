"""The signals of a SUMO network file: programs, links, and who must give way to whom. Pure parser.

SUMO 1.x network format (``net.xml``): ``tlLogic``, ``connection`` with ``tl`` and ``linkIndex``,
and the ``request`` matrices of junctions, in which the rightmost character of ``response`` and
``foes`` is link 0. Anything with a document type is refused, so no entity is ever expanded.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from jacquemart.runtime.model.errors import ConfigError

#: Bytes of a network, unpacked: far above the largest city's.
MOST_BYTES: Final = 1 << 30
MOST_DEPTH: Final = 32
MOST_LINKS: Final = 512
_CHUNK: Final = 1 << 20
_INTERNAL = re.compile(r":.+_([0-9]{1,6})_([0-9]{1,6})")


@dataclass(slots=True)
class Program:
    """One program of a signal: (duration in ms, state letters) for each phase.

    A phase of a program that detectors lengthen lasts as long as its ``duration`` says, but no
    less than its ``minDur`` and no longer than its ``maxDur``.
    """

    id: str
    offset_ms: int
    phases: list[tuple[int, str]] = field(default_factory=list)
    actuated: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """One way over a junction: which request of the junction it is, and the lane it leads into."""

    junction: str
    request: int
    into: str


@dataclass(slots=True)
class Link:
    """One link of a signal: all ways that one letter of its state stands for.

    ``crossing_m`` is the length of the longest crossing for walkers among them; 0: there is none.
    """

    ways: list[Way] = field(default_factory=list)
    crossing_m: float = 0.0

    @property
    def mixed(self) -> bool:
        """Return whether it is for walkers and for vehicles."""
        walks = [way.into.startswith(":") for way in self.ways]
        return any(walks) and not all(walks)


@dataclass(slots=True)
class Signal:
    """One signal of the network."""

    id: str
    programs: list[Program] = field(default_factory=list)
    links: dict[int, Link] = field(default_factory=dict)


@dataclass(slots=True)
class Network:
    """What was read: signals by id, and for each junction its links' (response, foes) as bits.

    ``rail`` has the junctions that are signals or crossings of railways.
    """

    signals: dict[str, Signal] = field(default_factory=dict)
    requests: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)
    rail: set[str] = field(default_factory=set)


class _Reader:
    """Takes the elements of the file as they come."""

    def __init__(self) -> None:
        self.network = Network()
        self._depth = 0
        self._program: Program | None = None
        self._junction = ""
        self._inner: dict[str, list[str]] = {}
        self._lengths: dict[str, float] = {}
        self._crossings: list[tuple[Link, str, str]] = []

    def start(self, name: str, has: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"elements nested deeper than {MOST_DEPTH}")
        if name == "tlLogic":
            signal = self.network.signals.setdefault(has["id"], Signal(has["id"]))
            self._program = Program(
                has.get("programID", "0"), _ms(has.get("offset", "0")),
                actuated=has.get("type", "static") != "static",
            )  # fmt: skip
            signal.programs.append(self._program)
        elif name == "phase" and self._program is not None:
            if len(has["state"]) > MOST_LINKS:
                raise ValueError(f"a state of {len(has['state'])} links, at most {MOST_LINKS}")
            self._program.phases.append((_lasts(has), has["state"]))
        elif name == "lane" and has["id"].startswith(":") and "_c" in has["id"]:
            self._lengths[has["id"]] = float(has["length"])
        elif name == "junction":
            self._junction = has["id"]
            self._inner[self._junction] = has.get("intLanes", "").split()
            if has.get("type", "").startswith("rail_"):
                self.network.rail.add(self._junction)
        elif name == "request" and self._junction:
            bits = int(has["response"], 2), int(has["foes"], 2)
            self.network.requests.setdefault(self._junction, {})[int(has["index"])] = bits
        elif name == "connection" and "tl" in has and "linkIndex" in has:
            self._connect(has)

    def end(self, name: str) -> None:
        self._depth -= 1
        if name == "tlLogic":
            self._program = None
        elif name == "junction":
            self._junction = ""

    def _connect(self, has: Mapping[str, str]) -> None:
        signal = self.network.signals.setdefault(has["tl"], Signal(has["tl"]))
        at = int(has["linkIndex"])
        if at == -1:  # SUMO's word for a way that the signal does not control
            return
        if not 0 <= at < MOST_LINKS:
            raise ValueError(f"link {at}, allowed: 0 to {MOST_LINKS - 1}")
        into = f"{has['to']}_{has['toLane']}"
        link = signal.links.setdefault(at, Link())
        via = _INTERNAL.fullmatch(has.get("via", ""))
        if via is not None:
            if has["from"].startswith(":"):
                return  # the second half of a way, which is there as a whole
            junction = has["via"][1:].rsplit("_", 2)[0]
            way = Way(junction, int(via[1]) + int(via[2]), into)
            link.ways.append(way)
            if "linkIndex2" in has and 0 <= int(has["linkIndex2"]) < MOST_LINKS:
                signal.links.setdefault(int(has["linkIndex2"]), Link()).ways.append(way)
        elif has["to"].startswith(":"):
            self._crossings.append((link, has["to"][1:].rsplit("_", 1)[0], into))
        else:
            raise ValueError(f"a connection of signal {has['tl']} without a way over its junction")

    def finish(self) -> Network:
        for link, junction, lane in self._crossings:
            inner = self._inner.get(junction, [])
            if lane not in inner:
                raise ValueError(f"crossing {lane} is not among the lanes of its junction")
            link.ways.append(Way(junction, inner.index(lane), lane))
            link.crossing_m = max(link.crossing_m, self._lengths.get(lane, 1.0))
        return self.network


def _lasts(has: Mapping[str, str]) -> int:
    """Return how long a phase lasts."""
    least, most = has.get("minDur"), has.get("maxDur")
    given = has.get("duration") or most or least
    if given is None:
        raise KeyError("duration")
    length = _ms(given)
    if least is not None:
        length = max(length, _ms(least))
    return length if most is None else min(length, _ms(most))


def _ms(text: str) -> int:
    seconds = float(text)
    if not -1e7 < seconds < 1e7:
        raise ValueError(f"a time of {text} s")
    return round(seconds * 1_000)


def _refuse(*_: Any) -> None:
    raise ValueError("a document type: networks have none, and entities are not expanded")


def read_network(path: str | Path) -> Network:
    """Read the signals of a network file, plain or gzipped.

    Raises:
        ConfigError: it cannot be read, is no network, or is larger than any; whose file it is
            must mend it.
    """
    try:
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if packed else io.BufferedReader(raw) as content:
                return _parse(content)
    except (OSError, EOFError, ValueError, KeyError, expat.ExpatError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            f"no SUMO network: {why}", where=str(path), advice="a .net.xml or .net.xml.gz of SUMO"
        ) from error


def _parse(content: Any) -> Network:
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    read = 0
    while chunk := content.read(_CHUNK):
        read += len(chunk)
        if read > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return reader.finish()
