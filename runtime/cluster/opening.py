"""The first steps of a city: Ray is started while the city file is read, then all is placed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jacquemart.runtime.cluster import network, ray_start
from jacquemart.runtime.cluster.cells import Cells
from jacquemart.runtime.cluster.keeper import Keeper
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.placement import place
from jacquemart.runtime.cluster.prepare import Running, cells_of, shards_of
from jacquemart.runtime.cluster.ray_start import RaySession
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.cluster.report import Reporter
from jacquemart.runtime.cluster.resume import History
from jacquemart.runtime.model.city import CitySpec


def open_ray(options: WardenOptions, report: Reporter, token: Path | None) -> RaySession:
    """Start or find Ray.

    Args:
        options: what the warden was told.
        report: where progress goes.
        token: what ``ray_start.prepare_environment`` gave.

    Raises:
        UsageError: the network is none, or none that may be used. StartError: there is no Ray.
    """
    network.parse(options.network, options.ray_address)
    if token is None:
        session = ray_start.attach(options.ray_address)
    else:
        session = ray_start.start_embedded(token, cores(), {})
    report.progress("ray", ray_address=session.address)
    return session


def prepare(
    options: WardenOptions,
    session: RaySession,
    city: CitySpec,
    lifeline: Lifeline,
    report: Reporter,
    history: History,
    home: Path,
) -> Keeper:
    """Place a city and make its cells ready to be started.

    ``home`` is this Ray's part of the private directory.

    Raises:
        StartError: a link cannot be reached from any node.
    """
    found = resources_for(session, city)
    wanted = options.cells or city.cells
    count = wanted or (cores() if session.embedded else max(1, int(found.get("CPU", 1))))
    placement = place(city, count, found)
    report.progress("placed", cells={plan.name: len(plan.shards) for plan in placement.cells})
    plan = cells_of(placement, options)
    cells = Cells(
        city.id,
        list(plan.values()),
        shards_of(placement),
        cells_dir(home),
        cell_class=options.cell_class,
        free_placement=not session.embedded,
        network=network.parse(options.network, options.ray_address),
    )
    if history.api:
        cells.pin_gateway(history.api, history.stream)
    epoch = max(time.time_ns() // 1_000_000, history.epoch + 1)
    register = Register(placement, epoch, version=history.version)
    running = Running(placement, plan)
    return Keeper(cells, register, session, options, lifeline, report, history, running)


def cells_dir(home: Path) -> Path:
    """Return where cells and wardens meet, over all Rays of a warden; made if needed."""
    folder = home.with_name("cells")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def resources_for(session: RaySession, city: CitySpec) -> dict[str, float]:
    """Return what the cluster has for a city, by name."""
    found = session.resources()
    if session.embedded:  # the only node there is: it is meant to reach every link
        found.update({link.node: 1.0 for link in city.links if link.node})
    return found


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
