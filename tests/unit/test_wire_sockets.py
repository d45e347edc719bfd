"""Where cells bind: on one host to what only this host reaches, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.wire import sockets


@pytest.fixture
def context() -> Iterator[sockets.Context]:
    made = sockets.new_context()
    yield made
    made.destroy(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_cells_of_one_host_meet_on_an_abstract_socket(context: sockets.Context, host: str) -> None:
    server = sockets.router(context)
    endpoint = sockets.bind_for_cells(server, host, "dijon/device-1")
    assert endpoint.startswith("ipc://@jacquemart/dijon/device-1/")
    client = sockets.dealer(context, "a-cell@1")
    client.connect(endpoint)
    assert client.poll(2_000, zmq.POLLOUT)
    client.send_multipart([b"t", b"hello"])
    assert server.poll(2_000)
    assert server.recv_multipart() == [b"a-cell@1", b"t", b"hello"]


def test_two_sockets_of_one_cell_never_share_a_name(context: sockets.Context) -> None:
    first = sockets.bind_for_cells(sockets.router(context), "127.0.0.1", "x" * 500)
    second = sockets.bind_for_cells(sockets.publisher(context), "127.0.0.1", "x" * 500)
    assert first != second
    assert len(first) < len("ipc://") + 107


def test_an_address_that_others_reach_is_bound_by_tcp(context: sockets.Context) -> None:
    endpoint = sockets.bind_for_cells(sockets.router(context), "0.0.0.0", "dijon/device-1")
    assert endpoint.startswith("tcp://0.0.0.0:")


def test_an_address_of_another_host_is_refused(context: sockets.Context) -> None:
    with pytest.raises(StartError, match="cannot listen"):
        sockets.bind_for_cells(sockets.router(context), "192.0.2.1", "dijon/device-1")
