"""Refused blocks: only the culprit suffers, and it costs no request a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hostile_modbus import HostileModbus, exception
from modbus_points import bound, driver, levels, numbers, point

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.model.errors import DeviceBusy, DeviceRefused, UnitError
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality


def with_driver(
    body: Callable[[HostileModbus, ModbusDriver], Awaitable[None]], **options: object
) -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port, **options)
            await unit.open()
            try:
                await body(server, unit)
            finally:
                await unit.close()

    asyncio.run(run())


async def cost(server: HostileModbus, reading: Awaitable[Sequence[float | Bad]]) -> int:
    """Return how many requests a read took."""
    before = len(server.requests)
    await reading
    return len(server.requests) - before


def holes(values: Sequence[float | Bad]) -> list[int]:
    """Return where the configuration is at fault; nothing else may be wrong."""
    found = [at for at, value in enumerate(values) if isinstance(value, Bad)]
    assert all(
        isinstance(value, float) or value.quality is Quality.BAD_CONFIG for value in values
    ), values
    return found


def test_one_missing_register_costs_its_own_value_once() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        memory = server.unit(1)
        memory.places = set(range(100)) - {37}
        memory.registers.update({place: place for place in range(100)})
        plan = unit.plan(levels(100))
        values = await unit.read(plan)
        assert holes(values) == [37]
        bad = values[37]
        assert isinstance(bad, Bad)
        assert bad.detail == ("link cab-7, unit 1, holding 37: exception 2 (illegal data address)")
        assert numbers([*values[:37], *values[38:]]) == [n for n in range(100) if n != 37]
        assert await cost(server, unit.read(plan)) == 2
        assert [asked[1:] for asked in server.asked()[-2:]] == [(0, 37), (38, 62)]

    with_driver(body)


def test_a_hole_between_the_points_is_no_fault_of_theirs() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).places = {*range(10), *range(15, 25)}
        plan = unit.plan([*levels(10), *levels(10, start=15)])
        numbers(await unit.read(plan))
        assert await cost(server, unit.read(plan)) == 2

    with_driver(body)


def test_a_unit_that_dislikes_long_reads_gets_short_ones() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).longest = 30
        plan = unit.plan(levels(100))
        numbers(await unit.read(plan))
        assert await cost(server, unit.read(plan)) == 4
        numbers(await unit.read(plan))

    with_driver(body)


def test_a_filled_hole_is_seen_after_some_polls_and_joins_its_block() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        memory = server.unit(1)
        memory.places = set(range(20)) - {4, 9}
        plan = unit.plan(levels(20))
        assert holes(await unit.read(plan)) == [4, 9]
        memory.places = None
        for _ in range(20):
            values = await unit.read(plan)
        assert holes(values) == []
        assert await cost(server, unit.read(plan)) == 1

    with_driver(body, hole_retry_polls=5)


def test_a_hole_that_stays_costs_one_request_in_a_while() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).places = set(range(20)) - {19}
        plan = unit.plan(levels(20))
        await unit.read(plan)
        costs = [await cost(server, unit.read(plan)) for _ in range(20)]
        assert sum(costs) == 20 + 20 // 5
        assert holes(await unit.read(plan)) == [19]

    with_driver(body, hole_retry_polls=5)


def test_a_table_that_does_not_exist_is_searched_a_bit_a_call_and_then_left_alone() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).functions = frozenset({3})
        plan = unit.plan([*levels(100, table="input"), *levels(3)])
        for _ in range(12):
            assert await cost(server, unit.read(plan)) <= 64 + 10
        values = await unit.read(plan)
        assert holes(values) == list(range(100))
        assert await cost(server, unit.read(plan)) == 1

    with_driver(body)


def test_coils_are_split_like_registers() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).places = set(range(200)) - {0, 100, 199}
        plan = unit.plan(levels(200, table="coil"))
        assert holes(await unit.read(plan)) == [0, 100, 199]
        assert await cost(server, unit.read(plan)) == 2

    with_driver(body)


def writes(points: Sequence[BoundPoint]) -> list[tuple[BoundPoint, float]]:
    return [(one, float(10 + at)) for at, one in enumerate(points)]


def test_neighbours_are_written_in_one_request() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        points = levels(54)
        assert await unit.write(writes(points)) == [None] * 54
        assert server.asked() == [(16, 0, 54)]
        assert numbers(await unit.read(unit.plan(points))) == [10.0 + n for n in range(54)]

    with_driver(body)


def test_of_a_refused_block_write_only_the_culprit_fails() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).places = set(range(54)) - {17}
        results = await unit.write(writes(levels(54)))
        assert [at for at, result in enumerate(results) if result is not None] == [17]
        refused = results[17]
        assert type(refused) is DeviceRefused
        assert refused.where == "dev-1-17/level (link cab-7, unit 1, holding 17)"
        expected = {n: 10 + n for n in range(54) if n != 17}
        assert server.unit(1).registers == expected
        successes = [request for request in server.requests if request.reply[0] < 0x80]
        places = [place for request in successes for place in _written(request.pdu)]
        assert sorted(places) == sorted(expected), "a value was written twice"

    with_driver(body)


def _written(pdu: bytes) -> range:
    start = int.from_bytes(pdu[1:3], "big")
    return range(start, start + (int.from_bytes(pdu[3:5], "big") if pdu[0] > 6 else 1))


def test_a_unit_without_block_writes_gets_single_ones_from_then_on() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).functions = frozenset({3, 5, 6})
        assert await unit.write(writes(levels(3))) == [None] * 3
        assert await unit.write(writes(levels(3))) == [None] * 3
        assert [asked[0] for asked in server.asked()] == [16, 6, 6, 6, 6, 6, 6]
        wide = bound(point("power", table="holding", address=9, format="f32"))
        (error,) = await unit.write([(wide, 1.5)])
        assert type(error) is DeviceRefused

    with_driver(body)


def test_a_unit_without_single_writes_gets_blocks_of_one() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).functions = frozenset({3, 16})
        first, second = levels(2)
        assert await unit.write([(first, 1.0)]) == [None]
        assert await unit.write([(second, 2.0)]) == [None]
        assert [asked[0] for asked in server.asked()] == [6, 16, 16]

    with_driver(body)


def test_a_pulse_is_never_sent_again_in_another_form() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        pulse = bound(point("raise", table="coil", address=3, pulse=True))
        for code in range(1, 12):
            server.requests.clear()
            server.play(exception(code))
            (error,) = await unit.write([(pulse, 1.0)])
            assert error is not None
            assert len(server.requests) == 1

    with_driver(body)


def test_single_writes_on_request() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        assert await unit.write(writes(levels(3))) == [None] * 3
        assert [asked[0] for asked in server.asked()] == [6, 6, 6]

    with_driver(body, write_multiple=False)


def test_a_busy_or_unreachable_unit_is_left_alone_for_the_rest_of_the_call() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        for code, kind in ((6, DeviceBusy), (10, UnitError)):
            server.requests.clear()
            server.play(exception(code))
            apart = levels(3, step=5)
            results = await unit.write([*writes(apart), *writes(levels(1, unit=2))])
            assert [type(result) for result in results] == [kind, kind, kind, type(None)]
            assert [request.unit for request in server.requests] == [1, 2]

    with_driver(body)


def test_a_value_that_does_not_fit_is_refused_here_and_the_others_are_sent() -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        values = [1.0, -1.0, 65536.0, float("nan"), float("inf"), 65535.0]
        points = levels(6)
        results = await unit.write(list(zip(points, values, strict=True)))
        kinds = [type(result) for result in results]
        assert kinds == [type(None), *[DeviceRefused] * 4, type(None)]
        assert results[2] is not None
        assert results[2].message == "not sent: 65536.0 does not fit u16"
        assert server.unit(1).registers == {0: 1, 5: 65535}
        read_only = levels(1, table="input")
        (error,) = await unit.write([(read_only[0], 1.0)])
        assert type(error) is DeviceRefused

    with_driver(body)
