"""Streets to drive in without a network of one's own, and traffic for a network that has none.

Endless, as flows: cars from border to border, and lines of buses on the longest of those ways.
How much traffic is what its entries can carry at a glance, and no more is claimed: how loaded the
streets are is measured by whoever compares (``bench/priority.py`` finds capacities by trying).
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jacquemart.drivers.sumo import launch
from jacquemart.drivers.sumo.geometry import read_net
from jacquemart.runtime.model.errors import ConfigError, UsageError

#: Networks that SUMO's own generator draws, by its options.
DRAWN: Final = {
    "crossing": "--grid --grid.x-number 1 --grid.y-number 1 --default.lanenumber 2",
    "pair": "--grid --grid.x-number 2 --grid.y-number 1 --grid.length 250",
    "arterial": "--grid --grid.x-number 5 --grid.y-number 1 --grid.x-length 300"
    " --default.lanenumber 2 --turn-lanes 1",
    "grid": "--grid --grid.x-number 3 --grid.y-number 3 --grid.length 250"
    " --default.lanenumber 2 --turn-lanes 1",
}
#: So many ways of cars and lines of buses there are, at most.
WAYS, LINES = 60, 4
#: Cars an hour on each lane by which one comes in, where nobody says how many.
HOURLY_A_LANE: Final = 180.0
HEADWAY_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of buses: its number, and the edges that it drives."""

    number: int
    edges: tuple[str, ...]


def draw(name: str, folder: Path) -> Path:
    """Let SUMO draw a network.

    Raises:
        UsageError: there is none of this name.
        ConfigError: SUMO is not installed.
    """
    if name not in DRAWN:
        raise UsageError(f"found network {name!r}; allowed: a file, or {', '.join(DRAWN)}")
    return generate(f"{DRAWN[name]} --grid.attach-length 300", folder / f"{name}.net.xml")


def generate(options: str, path: Path) -> Path:
    """Let SUMO draw a network with signals on fixed programs, by options of its generator.

    Raises:
        ConfigError: SUMO is not installed.
    """
    program = launch.program().with_name("netgenerate")
    subprocess.run(
        [program, *options.split(), "--tls.guess", "--tls.guess.threshold", "30",
         "--tls.default-type", "static", "-o", path],
        check=True, capture_output=True, timeout=120,
        env=dict(os.environ, SUMO_HOME=str(program.parents[1])),
    )  # fmt: skip
    return path


def write_traffic(
    network: Path, target: Path, *, seed: int = 1, hourly: float = 0.0, headway_s: float = HEADWAY_S
) -> list[Line]:
    """Write a route file with endless traffic; return the lines of buses in it.

    Args:
        network: a network of SUMO's.
        target: the route file.
        seed: of the ways; the same gives the same file.
        hourly: cars an hour, on all ways together; 0: by the lanes that lead in.
        headway_s: between two buses of a line.

    Raises:
        ConfigError: it is no network, or none that leads from border to border.
    """
    net = read_net(network)
    ways = ways_of(net, seed)
    if not ways:
        raise ConfigError(
            "no way leads from border to border", where=str(network),
            advice="give a configuration with traffic of its own (--sumocfg)",
        )  # fmt: skip
    lines = [
        Line(number, edges)
        for number, edges in enumerate(lines_of([edges for edges, _ in ways]), 1)
    ]
    cars = hourly or HOURLY_A_LANE * sum(edge.getLaneNumber() for edge in _fringe(net)[0])
    whole = sum(weight for _, weight in ways)
    text = ["<routes>", '<vType id="car" vClass="passenger"/>', '<vType id="bus" vClass="bus"/>']
    for at, (edges, weight) in enumerate(ways):
        rate = cars * weight / whole / 3_600.0
        text.append(f'<route id="way.{at}" edges="{_quoted(edges)}"/>')
        text.append(
            f'<flow id="car.{at}" type="car" route="way.{at}" begin="0" end="1e7"'
            f' period="exp({rate:.6f})" departLane="best" departSpeed="max"/>'
        )
    for line in lines:
        begin = 5.0 + headway_s * (line.number - 1) / len(lines)
        text.append(f'<route id="line.{line.number}" edges="{_quoted(line.edges)}"/>')
        text.append(
            f'<flow id="bus.{line.number}" type="bus" route="line.{line.number}"'
            f' begin="{begin:.1f}" end="1e7" period="{headway_s:g}" line="{line.number}"'
            ' departLane="best" departSpeed="max"/>'
        )
    target.write_text("\n".join([*text, "</routes>"]) + "\n", encoding="utf-8")
    return lines


def _fringe(net: Any) -> tuple[list[Any], list[Any]]:
    """Return the edges on which traffic comes in, and those on which it leaves."""
    edges = [one for one in net.getEdges(withInternal=False) if one.allows("passenger")]

    def others(neighbours: dict[Any, list[Any]]) -> bool:
        """Say whether there is more than the way back on the other side of the same road."""
        return any(link.getDirection() != "t" for links in neighbours.values() for link in links)

    return (
        [one for one in edges if not others(one.getIncoming())],
        [one for one in edges if not others(one.getOutgoing())],
    )


def ways_of(net: Any, seed: int) -> list[tuple[tuple[str, ...], float]]:
    """Return ways from border to border, as their edges, each with how many cars take it."""
    rng = random.Random(seed)
    sources, sinks = _fringe(net)
    pairs = [(one, two) for one in sources for two in sinks]
    rng.shuffle(pairs)
    found: dict[tuple[str, ...], float] = {}
    for start, end in pairs[: WAYS * 4]:
        way = net.getShortestPath(start, end, vClass="passenger")[0]
        if way is None or len(way) < 2 or way[0].getFromNode() is way[-1].getToNode():
            continue
        lanes = min(edge.getLaneNumber() for edge in way)
        found[tuple(edge.getID() for edge in way)] = lanes * rng.uniform(0.5, 1.5)
        if len(found) == WAYS:
            break
    return sorted(found.items())


def lines_of(ways: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the ways of lines of buses: the longest, no two with the same beginning."""
    chosen: list[tuple[str, ...]] = []
    for way in sorted(ways, key=lambda one: (-len(one), one)):
        if all(way[0] != other[0] for other in chosen):
            chosen.append(way)
        if len(chosen) == LINES:
            break
    return chosen


def _quoted(edges: Sequence[str]) -> str:
    return " ".join(edges).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
