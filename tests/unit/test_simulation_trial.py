"""What a trial looks at when its faults are over: it comes to an end, whatever it finds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.claims_load import ClaimsLoad
from jacquemart.runtime.testing.simulation.trial import HEALED_S, LOOK_S, _as_claimed, _steady

TRIAL = sys.modules[_steady.__module__]
NOBODY = cast("SimulatedCity", None)


class Hurried(asyncio.SelectorEventLoop):
    """Its time passes in sleeps only, and at once."""

    now = 0.0

    def time(self) -> float:
        return self.now


@contextmanager
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hurried]:
    loop = Hurried()

    async def sleep(seconds: float) -> None:
        loop.now += seconds
        assert loop.now < 10 * HEALED_S, "it goes on and on"

    monkeypatch.setattr(TRIAL, "asyncio", SimpleNamespace(
        get_running_loop=asyncio.get_running_loop, gather=asyncio.gather, sleep=sleep,
    ))  # fmt: skip
    yield loop
    loop.close()


def test_what_comes_and_goes_is_found_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def blind(_: Any) -> list[str]:
        nonlocal looks
        looks += 1
        return ["blind: now and then"] if looks % 4 == 0 else []

    monkeypatch.setattr(TRIAL, "_blind", blind)
    with hurried(monkeypatch) as loop:
        assert loop.run_until_complete(_steady(NOBODY, HEALED_S)) == ["blind: now and then"]
        assert loop.now < 2 * HEALED_S + 4 * LOOK_S + LOOK_S


def test_a_held_device_that_never_comes_where_it_is_held_is_a_violation_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = SimpleNamespace(books={})
    cell = SimpleNamespace(service=SimpleNamespace(authority=authority))
    city = SimpleNamespace(
        cell=lambda name: cell,
        scheduler=SimpleNamespace(now_ns=1),
        history=SimpleNamespace(entries=[], of=lambda what: []),
        warden=SimpleNamespace(cells={}),
        clients=[],
    )
    claims = SimpleNamespace(claimed=["lamp-1"])
    monkeypatch.setattr(TRIAL, "_not_as_held", lambda city, claimed: ["claim: lamp-1 is elsewhere"])
    with hurried(monkeypatch) as loop:
        found = loop.run_until_complete(
            _as_claimed(cast("SimulatedCity", city), cast("ClaimsLoad", claims))
        )
    assert found == ["claim: lamp-1 is elsewhere"]
