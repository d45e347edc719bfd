"""Make importable by the tests: oracles, the peers that play a field, and the example's parts.

Which tests may run beside each other, when there are several workers, is said in ``side_by_side``.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
for folder in (HERE / "oracles", HERE / "peers"):
    sys.path.insert(0, str(folder))
sys.path.append(str(HERE.parent / "examples" / "dijon"))
pytest_plugins = ["side_by_side"]

# How long one example takes is the machine's matter: what must be fast is held in ``bench``.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# CI holds what is submitted against the same examples each time; new ones are sought by every
# other run, so that a fault that was there before is found by who can look into it.
settings.register_profile("same examples", settings.get_profile("any machine"), derandomize=True)
settings.load_profile(os.environ.get("JACQUEMART_EXAMPLES", "any machine"))

_numbers = itertools.count()


@pytest.fixture(scope="session")
def _states() -> Iterator[Path]:
    """Where the cities of this run keep their journals: never in the home folder."""
    with tempfile.TemporaryDirectory(prefix="jacquemart-states-") as folder:
        yield Path(folder)


def _fresh(states: Path) -> Iterator[None]:
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(states / str(next(_numbers)))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(scope="module", autouse=True)
def _state_of_the_module(_states: Path) -> Iterator[None]:
    """No city finds what a city of another module has left."""
    yield from _fresh(_states)


@pytest.fixture(autouse=True)
def _state_of_the_test(_state_of_the_module: None, _states: Path) -> Iterator[None]:
    """No city finds what a city of another test has left."""
    yield from _fresh(_states)
