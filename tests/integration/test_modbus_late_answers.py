"""Answers that come late, in halves, after nobody waits for them any more, or as any bytes."""

from __future__ import annotations

import asyncio
import contextlib

import hostile_modbus as hostile
import pytest
from hostile_modbus import Act, HostileModbus, Request
from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_points import driver, levels, numbers

from jacquemart.runtime.model.errors import DriverError, LinkError, UnitError


@pytest.mark.parametrize(
    "act",
    [hostile.late(0.4), hostile.late_in_halves(0.33, 0.5), hostile.late_in_halves(0.38, 0.4)],
)
def test_d1_a_late_answer_never_becomes_the_next_ones_value(act: Act) -> None:
    """The pain of many clients: after one late answer, every value is the one before."""

    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=300)
            await unit.open()
            old, new = levels(3), levels(3, start=100)
            server.unit(1).registers.update({0: 1, 1: 2, 2: 3, 100: 7, 101: 8, 102: 9})
            old_plan, new_plan = unit.plan(old), unit.plan(new)
            server.play(act)
            with pytest.raises(UnitError):
                await unit.read(old_plan)
            for _ in range(20):
                assert numbers(await unit.read(new_plan)) == [7, 8, 9]
                await asyncio.sleep(0.01)
                assert numbers(await unit.read(old_plan)) == [1, 2, 3]
            assert unit._exchange.connection.dropped == 1
            assert server.connections == 1
            await unit.close()

    asyncio.run(run())


def test_a_write_is_not_sent_into_a_half_finished_answer() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=300)
            await unit.open()
            points = levels(1)
            server.play(hostile.late_in_halves(0.32, 0.9))
            with pytest.raises(UnitError):
                await unit.read(unit.plan(points))
            await asyncio.sleep(0.05)
            (error,) = await unit.write([(points[0], 5.0)])
            assert type(error) is LinkError
            assert server.asked() == [(3, 0, 1)]
            await unit.open()
            assert await unit.write([(points[0], 5.0)]) == [None]
            await unit.close()

    asyncio.run(run())


def test_a_cancelled_read_leaves_the_driver_usable() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=2_000)
            await unit.open()
            points = levels(3)
            plan = unit.plan(points)
            for pause in (0.0, 0.001, 0.02):
                server.play(hostile.late(0.05))
                task = asyncio.ensure_future(unit.read(plan))
                await asyncio.sleep(pause)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                server.unit(1).registers[0] = 5
                assert numbers(await unit.read(plan)) == [5, 0, 0]
                server.unit(1).registers[0] = 0
                await asyncio.sleep(0.06)
                assert numbers(await unit.read(plan)) == [0, 0, 0]
            assert server.connections == 1
            await unit.close()

    asyncio.run(run())


def test_closing_wakes_up_a_read_that_waits() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=30_000)
            await unit.open()
            server.always = hostile.for_units(1)
            task = asyncio.ensure_future(unit.read(unit.plan(levels(1))))
            await asyncio.sleep(0.02)
            await unit.close()
            with pytest.raises(LinkError, match="closed"):
                await asyncio.wait_for(task, 1.0)

    asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40), st.booleans(), st.booleans())
def test_any_bytes_for_an_answer_end_in_a_value_or_a_typed_error(
    reply: bytes, framed: bool, write: bool
) -> None:
    async def babble(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(request.frame(reply) if framed else reply)

    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, timeout_ms=20)
            await unit.open()
            points = levels(2)
            server.play(babble)
            if write:
                (result,) = await unit.write([(points[0], 1.0)])
                assert result is None or isinstance(result, DriverError)
                assert len(server.requests) == 1
            else:
                with contextlib.suppress(DriverError):
                    assert len(await unit.read(unit.plan(points))) == 2
            server.unit(1).registers.update({0: 7, 1: 8})
            try:
                values = await unit.read(unit.plan(points))
            except LinkError:
                await unit.open()
                values = await unit.read(unit.plan(points))
            assert numbers(values) == [7, 8]
            await unit.close()

    asyncio.run(run())
