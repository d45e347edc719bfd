"""Which tests may run beside others, and which have the machine for themselves.

With several workers (pytest-xdist, as ``make test`` starts it) a file of tests is run by one of
them. There are three sorts of files. What **computes** runs beside others that compute, one a
processor. What **waits**, for a city or a field in this process, runs beside others that wait:
beside what computes they were late often enough to be taken for wrong, and two a processor paused
for two seconds now and then. All others are **alone**: those that say how fast something is or that
nobody is late, most of them with cities on Ray. Without workers this does nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Files that are there anyway, and locked.
ROOM, ROOM_OF_WAITING = ROOT / "conftest.py", ROOT / "peers" / "patience.py"
#: Folders that are there anyway: who computes holds one of as many as there are processors.
DESKS = sorted(path for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._")
COMPUTES, WAITS, ALONE = "computes", "waits", "alone"
#: Rooms in which a file is alone if it is not named below.
WARY_ROOMS = ("integration", "faults")
#: Files of other rooms that are alone, too: terminals, whose programs must keep pace.
WARY = frozenset(("test_cli_top",))
#: What takes bytes from a field, and is no less true when it waits longer.
PATIENT = frozenset(
    f"test_{name}"
    for name in (
        *("journal_killed", "journal_storage", "modbus_holes", "modbus_hostile"),
        *("modbus_late_answers", "modbus_peers", "modbus_silent_units", "native_cimport"),
        *("simulation", "sumo_world", "traffic_lockstep"),
    )
)
#: Cities in this process and machines that move, with time enough for whatever they wait for.
WAITING = frozenset(
    f"test_{name}"
    for name in (
        *("bollard_modbus", "bollard_simulated", "building_city", "bulk_columns_are_left"),
        "city_from_open_data",
        *("claims_in_a_city", "claims_on_the_command_line", "claims_survive"),
        *("bad_weather", "clients_concurrent", "commands_asked_later", "commands_cancelled"),
        *("devices_that_leave", "dijon_field", "dijon_field_faults", "dijon_single_devices"),
        *("dijon_vehicles", "every_route_ends", "first_driver", "islanded_zones", "zone_lost"),
        *("gateway_bad_commands", "gateway_bad_frames", "gateway_replaced", "journal_copies"),
        *("journal_disk", "journal_of_a_city", "kinds_guide", "parameters_live"),
        *("simulated_city", "streams_clients", "streams_heal", "survival", "vehicles_in_a_city"),
        *("rsmp_city", "zone_commands"),
        # On Ray, but none says how fast something is.
        *("city_on_ray", "cluster_clean_stop", "cluster_handle", "command_line", "dusk"),
        *("hostile_cabinets", "live_change_of_cells", "upgrade", "vehicles_on_ray"),
    )
)

#: Who imports these lives with clocks, threads or processes that are not its own.
CLOCKED = ("multiprocessing", "signal", "socket", "subprocess", "threading", "time", "zmq")


def sort_of(nodeid: str) -> str:
    """Return which of the three sorts a test is of."""
    file = Path(nodeid.partition("::")[0])
    if file.stem in WAITING:
        return WAITS
    wary = file.parent.name in WARY_ROOMS or file.stem in WARY
    return ALONE if wary and file.stem not in PATIENT else COMPUTES


def can_be_late(nodeid: str) -> bool:
    """Whether a test could fail because the machine paused: by its sort, or by what it imports."""
    if sort_of(nodeid) != COMPUTES:
        return True
    text = (ROOT.parent / nodeid.partition("::")[0]).read_text(encoding="utf-8")
    return bool(re.search(rf"^\s*(?:import|from) (?:{'|'.join(CLOCKED)})\b", text, re.MULTILINE))


def place_of(nodeid: str) -> str:
    """Return with what a test must be in one worker: its file, or all that are alone."""
    return ALONE if sort_of(nodeid) == ALONE else nodeid.partition("::")[0]


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def _desk(worker: str) -> Iterator[None]:
    """Compute at a desk that a worker shares with those that there is no processor for."""
    desks = min(processors(), len(DESKS))
    desk = os.open(DESKS[int(worker.removeprefix("gw")) % desks], os.O_RDONLY)
    try:
        fcntl.flock(desk, fcntl.LOCK_EX)
        yield
    finally:
        os.close(desk)


@contextmanager
def _held(sort: str) -> Iterator[None]:
    """Stay among those of one sort. Who enters holds the door meanwhile, so that it gets its turn.

    Locks of files are all that workers share; they are gone with their process. Each sort has a
    room in which its tests stand, and who enters sees that nobody is in the other one.
    """
    own, other = (ROOM_OF_WAITING, ROOM) if sort == WAITS else (ROOM, ROOM_OF_WAITING)
    with open(__file__, "rb") as door, open(own, "rb") as mine, open(other, "rb") as others:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(others, fcntl.LOCK_EX)
        fcntl.flock(mine, fcntl.LOCK_EX if sort == ALONE else fcntl.LOCK_SH)
        if sort != ALONE:
            fcntl.flock(others, fcntl.LOCK_UN)
            fcntl.flock(door, fcntl.LOCK_UN)
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of what pytest-timeout counts
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test when it may: see above."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    sort = sort_of(item.nodeid)
    desk = _desk(item.config.workerinput["workerid"]) if sort == COMPUTES else nullcontext()
    with desk, _held(sort):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order files for workers: what computes, what waits, who is alone; slow ones first."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> tuple[int, bool]:
        return (COMPUTES, WAITS, ALONE).index(sort_of(item.nodeid)), item.path not in slow

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker a processor, two in any case, and one more: those that wait are idle."""
    return max(2, min(processors(), 8)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what gives files to workers, and all that are alone to one."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place_of(nodeid)

    config.option.loadscopereorder = False  # they are in the order in which we want them
    return Files(config, log)
