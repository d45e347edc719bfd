"""One misbehaviour at a time: exactly one typed error, then the driver works again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import hostile_modbus as hostile
import pytest
import uvloop
from hostile_modbus import Act, HostileModbus, exception
from modbus_points import driver, levels, numbers

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    NeverSent,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.last_look import LastLook
from jacquemart.runtime.model.quality import Quality

READS = levels(5)
WHERE = "link cab-7, unit 1, holding 0..4"


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
NewLoop = Callable[[], asyncio.AbstractEventLoop]


def with_driver(
    body: Callable[[HostileModbus, ModbusDriver], Awaitable[None]],
    loop: NewLoop = asyncio.new_event_loop,
) -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            await unit.open()
            try:
                await body(server, unit)
            finally:
                await unit.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def works_again(server: HostileModbus, unit: ModbusDriver, error: DriverError | None) -> None:
    """Read a fresh value; if the link was lost, only after it was opened anew."""
    server.unit(1).registers.update(dict(enumerate((11, 22, 33, 44, 55))))
    plan = unit.plan(READS)
    connections = server.connections
    try:
        values = await unit.read(plan)
    except LinkError:
        assert error is None or isinstance(error, (LinkError, OutcomeUnknown))
        await unit.open()
        values = await unit.read(plan)
        assert server.connections == connections + 1
    assert numbers(values) == [11, 22, 33, 44, 55]


READ_FAULTS: list[tuple[Act, type[DriverError], str]] = [
    (hostile.silent, UnitError, "no answer within 150 ms"),
    (hostile.reset, LinkError, "closed by the other end"),
    (hostile.close, LinkError, "closed by the other end"),
    (hostile.close_mid_frame, LinkError, "closed by the other end"),
    (hostile.short, LinkError, "did not end within 150 ms"),
    (hostile.dribble(0.05), LinkError, "did not end within 150 ms"),
    (hostile.late(0.3), UnitError, "no answer within 150 ms"),
    (hostile.garbage, LinkError, "no Modbus header"),
    (hostile.wrong_protocol, LinkError, "no Modbus header"),
    (hostile.wrong_transaction, LinkError, "which was not asked"),
    (hostile.empty_frame, LinkError, "impossible length"),
    (hostile.huge_frame, LinkError, "impossible length"),
    (hostile.short_pdu, RemoteProtocolError, "9 bytes of data"),
    (hostile.only_function, RemoteProtocolError, "no byte count"),
    (hostile.long_pdu, RemoteProtocolError, "12 bytes of data"),
    (hostile.wrong_count, RemoteProtocolError, "12 bytes of data instead of 10"),
    (hostile.wrong_function, RemoteProtocolError, "function 4 instead of 3"),
    (hostile.wrong_exception_function, RemoteProtocolError, "exception to function"),
    (hostile.wrong_unit, RemoteProtocolError, "an answer of unit 129"),
    (exception(10), UnitError, "exception 10 (gateway path unavailable)"),
    (exception(11), UnitError, "exception 11 (gateway target does not answer)"),
]


@LOOPS
@pytest.mark.parametrize(
    ("act", "kind", "says"), READ_FAULTS, ids=[f"{a.__name__}-{s}" for a, _, s in READ_FAULTS]
)
def test_d2_a_broken_read_is_one_error_that_says_where(
    act: Act, kind: type[DriverError], says: str, loop: NewLoop
) -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.play(act)
        with pytest.raises(DriverError) as caught:
            await unit.read(unit.plan(READS))
        assert type(caught.value) is kind
        assert caught.value.where == WHERE
        assert says in caught.value.message
        assert caught.value.retryable
        await works_again(server, unit, caught.value)

    with_driver(body, loop)


@pytest.mark.parametrize("code", [4, 5, 6, 7, 8, 9, 0, 12, 255])
def test_d3_an_exception_to_a_read_is_a_bad_value_with_its_reason(code: int) -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.play(exception(code))
        values = await unit.read(unit.plan(READS))
        assert len(values) == 5
        for value in values:
            assert isinstance(value, Bad)
            assert value.quality is Quality.BAD_DEVICE
            assert value.detail.startswith(f"{WHERE}: exception {code} (")
        assert server.connections == 1
        await works_again(server, unit, None)

    with_driver(body)


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_single_place_that_is_refused_is_a_fault_of_the_configuration(code: int) -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.play(exception(code))
        (value,) = await unit.read(unit.plan(READS[3:4]))
        assert isinstance(value, Bad)
        assert value.quality is Quality.BAD_CONFIG
        assert value.detail.startswith(f"link cab-7, unit 1, holding 3: exception {code} (illegal")
        await works_again(server, unit, None)

    with_driver(body)


WRITE_FAULTS: list[tuple[Act, type[DriverError], str]] = [
    (hostile.silent, OutcomeUnknown, "sent, but no answer within 150 ms"),
    (hostile.late(0.3), OutcomeUnknown, "sent, but no answer within 150 ms"),
    (hostile.reset, OutcomeUnknown, "closed by the other end"),
    (hostile.close, OutcomeUnknown, "closed by the other end"),
    (hostile.close_mid_frame, OutcomeUnknown, "closed by the other end"),
    (hostile.short, OutcomeUnknown, "did not end within 150 ms"),
    (hostile.dribble(0.05), OutcomeUnknown, "did not end within 150 ms"),
    (hostile.garbage, OutcomeUnknown, "no Modbus header"),
    (hostile.wrong_transaction, OutcomeUnknown, "which was not asked"),
    (hostile.huge_frame, OutcomeUnknown, "impossible length"),
    (hostile.short_pdu, RemoteProtocolError, "whether it wrote is unknown"),
    (hostile.long_pdu, RemoteProtocolError, "whether it wrote is unknown"),
    (hostile.wrong_count, RemoteProtocolError, "echo 06 00 03 00 06 instead of 06 00 03 00 07"),
    (hostile.wrong_function, RemoteProtocolError, "function 5 instead of 6"),
    (hostile.wrong_unit, RemoteProtocolError, "an answer of unit 129"),
    (exception(1), DeviceRefused, "exception 1 (illegal function)"),
    (exception(2), DeviceRefused, "exception 2 (illegal data address)"),
    (exception(3), DeviceRefused, "exception 3 (illegal data value)"),
    (exception(4), OutcomeUnknown, "exception 4 (device failure)"),
    (exception(5), OutcomeUnknown, "exception 5 (acknowledge"),
    (exception(6), DeviceBusy, "exception 6 (busy)"),
    (exception(7), DeviceRefused, "exception 7 (negative acknowledge)"),
    (exception(8), OutcomeUnknown, "exception 8 (memory parity error)"),
    (exception(9), OutcomeUnknown, "exception 9 (unassigned code)"),
    (exception(10), UnitError, "exception 10 (gateway path unavailable)"),
    (exception(11), OutcomeUnknown, "exception 11 (gateway target does not answer)"),
]


@LOOPS
@pytest.mark.parametrize(
    ("act", "kind", "says"), WRITE_FAULTS, ids=[f"{a.__name__}-{s}" for a, _, s in WRITE_FAULTS]
)
def test_d2_a_broken_write_is_one_error_that_says_where_and_is_sent_once(
    act: Act, kind: type[DriverError], says: str, loop: NewLoop
) -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        if says.startswith("exception 1 "):
            server.unit(1).functions = frozenset({1, 2, 3, 4})
        else:
            server.play(act)
        (error,) = await unit.write([(READS[3], 7.0)])
        assert error is not None
        assert type(error) is kind
        assert error.where == "dev-1-3/level (link cab-7, unit 1, holding 3)"
        assert says in error.message
        assert [asked for asked in server.asked() if asked[0] == 6] == [(6, 3, 7)]
        await works_again(server, unit, error)

    with_driver(body, loop)


@LOOPS
def test_what_the_last_look_forbids_is_never_sent_and_the_driver_goes_on(loop: NewLoop) -> None:
    class Shut(LastLook):
        looks = 0

        def send(self, fd: int, data: bytes) -> int:
            self.looks += 1
            if self.looks > 1:
                raise NeverSent("the lease ran out before it was sent", lease=True)
            return super().send(fd, data)

    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        unit.last_look = Shut()
        far_apart = [(READS[0], 7.0), (READS[2], 8.0), (READS[4], 9.0)]
        first, *others = await unit.write(far_apart)
        assert first is None
        assert [type(error) for error in others] == [NeverSent, NeverSent]
        assert unit.last_look.looks == 2
        assert [asked for asked in server.asked() if asked[0] == 6] == [(6, 0, 7)]
        await works_again(server, unit, None)

    with_driver(body, loop)


@pytest.mark.parametrize("act", [hostile.twice, hostile.trailing, hostile.dribble(0.004)])
def test_a_good_answer_counts_whatever_comes_behind_it(act: Act) -> None:
    async def body(server: HostileModbus, unit: ModbusDriver) -> None:
        server.unit(1).registers[0] = 9
        server.play(act)
        assert numbers(await unit.read(unit.plan(READS)))[0] == 9
        await asyncio.sleep(0.02)
        await works_again(server, unit, None)
        server.play(act)
        assert await unit.write([(READS[0], 5.0)]) == [None]
        await asyncio.sleep(0.02)
        await works_again(server, unit, None)

    with_driver(body)


def test_nothing_listens_is_a_link_error_and_so_is_everything_until_it_opens() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            plan = unit.plan(READS)
            with pytest.raises(LinkError, match="link cab-7: not open"):
                await unit.read(plan)
        with pytest.raises(LinkError, match=f"link cab-7: 127.0.0.1:{server.port}: "):
            await unit.open()
        with pytest.raises(LinkError):
            await unit.write([(READS[0], 1.0)])
        await unit.close()
        await unit.close()

    asyncio.run(run())


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "no-such-host.invalid"])
def test_a_host_that_does_not_exist_is_a_link_error(host: str) -> None:
    async def run() -> None:
        unit = driver(1, host=host)
        with pytest.raises(LinkError, match="link cab-7"):
            await unit.open()

    asyncio.run(run())


def test_a_host_that_never_takes_the_connection_is_a_link_error_in_time() -> None:
    async def run() -> None:
        with contextlib.ExitStack() as sockets:
            busy = sockets.enter_context(socket.socket())
            busy.bind(("127.0.0.1", 0))
            busy.listen(0)
            for _ in range(4):  # fill its queue, so that the kernel drops what comes next
                waiting = sockets.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(busy.getsockname())
            unit = driver(busy.getsockname()[1], connect_timeout_ms=150)
            with pytest.raises(LinkError, match="no connection within 150 ms"):
                await unit.open()
            with pytest.raises(LinkError, match="not open"):
                await unit.read(unit.plan(READS))

    asyncio.run(run())


def test_an_opening_that_is_cancelled_leaves_nothing_open() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            for pause in (0, 0, 0, 0.001):
                task = asyncio.ensure_future(unit.open())
                await asyncio.sleep(pause)
                if task.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    with pytest.raises(LinkError, match="not open"):
                        await unit.read(unit.plan(READS))
                else:
                    await unit.close()  # it was open before


def test_a_cancellation_in_the_turn_in_which_the_connection_is_made_is_not_forgotten() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            for turns in range(30):
                unit = driver(server.port)
                task = asyncio.ensure_future(unit.open())
                for _ in range(turns):
                    await asyncio.sleep(0)
                if not task.cancel():
                    await unit.close()
                    continue
                with pytest.raises(asyncio.CancelledError):
                    await task
                with pytest.raises(LinkError, match="not open"):
                    await unit.read(unit.plan(READS))

    asyncio.run(run())


def test_a_driver_opens_after_a_cancelled_opening() -> None:
    async def run() -> None:
        async with HostileModbus() as server:
            unit = driver(server.port)
            task = asyncio.ensure_future(unit.open())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await unit.open()
            assert numbers(await unit.read(unit.plan(READS))) == [0] * 5
            await unit.close()

    asyncio.run(run())
