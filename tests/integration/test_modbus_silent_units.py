"""Silent units and silent links: who is down, what it costs, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import hostile_modbus as hostile
import pytest
from hostile_modbus import HostileModbus
from modbus_points import driver, levels, numbers

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DriverError,
    LinkError,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality


def both(one: Sequence[BoundPoint], other: Sequence[BoundPoint]) -> list[BoundPoint]:
    return [*one, *other]


async def attempt(unit: ModbusDriver, plan: object) -> DriverError | None:
    try:
        await unit.read(plan)  # type: ignore[arg-type]
    except DriverError as error:
        return error
    return None


def test_one_silent_unit_costs_one_time_out_and_the_others_keep_their_values() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=80, unit_retry_ms=60_000)
            await unit.open()
            server.always = hostile.for_units(2)
            dead = both(levels(3, unit=2), levels(3, unit=2, table="input"))
            plan = unit.plan(both(dead, levels(3, unit=1)))
            for _ in range(10):
                values = await unit.read(plan)
                assert numbers(values[6:]) == [0, 0, 0]
                for value in values[:6]:
                    assert isinstance(value, Bad)
                    assert value.quality is Quality.BAD_UNIT
                    assert value.detail.startswith("link cab-7, unit 2, ")
            assert sum(request.unit == 2 for request in server.requests) == 2
            assert server.connections == 1
            with pytest.raises(UnitError, match=r"unit 2, holding 0\.\.2: not asked now"):
                await unit.read(unit.plan(dead))
            await unit.close()

    asyncio.run(run())


def test_a_unit_that_comes_back_is_noticed_after_its_pause() -> None:
    async def run() -> None:
        now_s = 0.0
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=60)
            unit._exchange._clock_s = lambda: now_s
            await unit.open()
            plan = unit.plan(both(levels(1, unit=1), levels(1, unit=2)))
            server.always = hostile.for_units(2)
            for _ in range(3):
                assert isinstance((await unit.read(plan))[1], Bad)
            server.always = hostile.for_units()
            now_s = 4.9
            assert isinstance((await unit.read(plan))[1], Bad)
            now_s = 5.1
            numbers(await unit.read(plan))
            await unit.close()

    asyncio.run(run())


def test_a_write_to_a_unit_that_is_down_is_tried_and_wakes_its_polls() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=60, unit_retry_ms=60_000)
            await unit.open()
            points = levels(2, unit=2)
            plan = unit.plan(both(points, levels(1, unit=1)))
            server.always = hostile.for_units(2)
            for _ in range(3):
                await unit.read(plan)
            first, second = await unit.write([(points[0], 5.0)]) + await unit.write(
                [(points[1], 5.0)]
            )
            assert type(first) is type(second) is OutcomeUnknown
            server.always = hostile.for_units()
            assert numbers(await unit.read(plan)) == [5, 5, 0]
            await unit.close()

    asyncio.run(run())


def test_after_a_lost_write_nothing_more_is_sent_to_that_unit_in_the_call() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=60)
            await unit.open()
            server.always = hostile.for_units(2)
            dead, alive = levels(2, unit=2, step=5), levels(1, unit=1)
            results = await unit.write([(point, 9.0) for point in both(dead, alive)])
            assert [type(result) for result in results] == [OutcomeUnknown, UnitError, type(None)]
            assert server.asked() == [(6, 0, 9), (6, 0, 9)]
            await unit.close()

    asyncio.run(run())


def test_what_was_not_sent_before_the_link_broke_is_known_to_be_unsent() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            await unit.open()
            server.play(hostile.answer, hostile.reset)
            results = await unit.write([(point, 9.0) for point in levels(4, step=5)])
            kinds = [type(result) for result in results]
            assert kinds == [type(None), OutcomeUnknown, LinkError, LinkError]
            assert [register for _, register, _ in server.asked()] == [0, 5]
            await unit.close()

    asyncio.run(run())


def test_a_link_whose_units_all_fall_silent_is_given_up_and_stays_so_until_one_answers() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=60, unit_retry_ms=0, link_down_after=3)
            await unit.open()
            plan = unit.plan(levels(1))
            numbers(await unit.read(plan))
            server.always = hostile.for_units(1)
            kinds = [type(await attempt(unit, plan)) for _ in range(4)]
            assert kinds == [UnitError, UnitError, LinkError, LinkError]
            for _ in range(2):
                with pytest.raises(LinkError, match="connected, but unit 1 did not answer"):
                    await unit.open()
            server.always = hostile.for_units(1, act=hostile.exception(4))
            await unit.open()
            server.always = hostile.for_units()
            numbers(await unit.read(plan))
            await unit.close()

    asyncio.run(run())


def test_a_dead_branch_behind_a_living_gateway_never_brings_the_link_down() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=30, unit_retry_ms=0)
            await unit.open()
            plans = [unit.plan(levels(1, unit=number)) for number in range(1, 9)]
            server.always = hostile.for_units(1, 2, 3, 4, 5, 6)
            for _ in range(3):
                errors = [await attempt(unit, plan) for plan in plans]
                assert [type(error) for error in errors] == [UnitError] * 6 + [type(None)] * 2
            assert server.connections == 1
            await unit.close()

    asyncio.run(run())


def test_a_call_ends_in_time_however_many_units_are_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three time-outs a call; the living unit is the last, and still gets its turn."""
    monkeypatch.setattr("jacquemart.drivers.modbus.options.SILENT_MS_A_CALL", 95)

    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=30, unit_retry_ms=0)
            await unit.open()
            server.always = hostile.for_units(*range(1, 30))
            points = [point for number in range(1, 31) for point in levels(1, unit=number)]
            plan = unit.plan(points)
            values = await unit.read(plan)
            assert len(server.requests) == 3
            assert all(isinstance(value, Bad) for value in values)
            results = await unit.write([(point, 1.0) for point in points[3:7]])
            kinds = [type(result) for result in results]
            assert kinds == [OutcomeUnknown] * 3 + [DeviceBusy]
            for _ in range(8):
                values = await unit.read(plan)
            assert values[29] == 0
            await unit.close()

    asyncio.run(run())


def test_a_unit_that_always_breaks_the_protocol_costs_the_others_nothing() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            await unit.open()
            server.always = hostile.for_units(2, act=hostile.wrong_function)
            plan = unit.plan(both(levels(2, unit=2), levels(2, unit=1)))
            for _ in range(5):
                values = await unit.read(plan)
                assert numbers(values[2:]) == [0, 0]
                for value in values[:2]:
                    assert isinstance(value, Bad)
                    assert value.quality is Quality.BAD_VALUE
            with pytest.raises(RemoteProtocolError):
                await unit.read(unit.plan(levels(2, unit=2)))
            assert server.connections == 1
            await unit.close()

    asyncio.run(run())
