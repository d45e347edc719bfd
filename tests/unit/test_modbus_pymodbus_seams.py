"""The places of pymodbus that the driver stands on; a new release must not move them unseen."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket

import pymodbus
import pytest
from hostile_modbus import HostileModbus
from modbus_points import driver, levels, numbers
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.transaction import TransactionManager


def test_this_is_the_release_that_was_looked_at() -> None:
    assert pymodbus.__version__.startswith("3.16.")


def test_the_transaction_manager_has_the_shape_that_is_relied_on() -> None:
    parameters = list(inspect.signature(TransactionManager.__init__).parameters)
    assert parameters[1:8] == [
        "params", "framer", "retries", "is_server", "trace_packet", "trace_pdu", "trace_connect",
    ]  # fmt: skip
    for name in ("connect", "close", "getNextTID", "data_received", "callback_disconnected"):
        assert callable(getattr(TransactionManager, name))

    async def made() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=1, retries=0, reconnect_delay=0)
        assert isinstance(client.ctx, TransactionManager)
        assert client.ctx.transport is None
        assert callable(client.ctx.call_create)
        assert client.ctx.comm_params.reconnect_delay == 0

    asyncio.run(made())


async def socket_options() -> tuple[int, int]:
    async with HostileModbus() as server:
        unit = driver(server.port, timeout_ms=2_000)
        plan = unit.plan(levels(2))
        await unit.open()
        numbers(await unit.read(plan))
        endpoint = unit._exchange.connection._ctx.transport.get_extra_info("socket")
        found = (
            endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
        )
        await unit.close()
        return found


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a Linux socket option")
def test_the_kernel_watches_the_path_and_small_requests_go_at_once() -> None:
    user_timeout_ms, nodelay = asyncio.run(socket_options())
    assert user_timeout_ms == 4_000
    assert nodelay == 1


def test_pymodbus_says_nothing_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def refused() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            unit = driver(closed.getsockname()[1])
            with pytest.raises(Exception, match="link cab-7"):
                await unit.open()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(refused())
    assert [r for r in caplog.records if r.name.startswith("pymodbus")] == []
