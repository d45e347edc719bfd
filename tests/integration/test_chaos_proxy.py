"""The chaos proxy does what it says, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from patience import wait_until

from jacquemart.runtime.testing.chaos import FAIR, ChaosProxy, Weather


class Echo:
    """A server that sends back what it hears."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            while data := peer.recv(65_536):
                peer.sendall(data)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def proxy() -> Iterator[ChaosProxy]:
    echo = Echo()
    with ChaosProxy("127.0.0.1", echo.port, seed=3) as running:
        yield running
    echo.close()


def line(proxy: ChaosProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=5.0)


def ask(peer: socket.socket, data: bytes) -> float:
    began = time.monotonic()
    peer.sendall(data)
    back = b""
    while len(back) < len(data):
        found = peer.recv(65_536)
        assert found, "closed"
        back += found
    assert back == data
    return time.monotonic() - began


def receive(peer: socket.socket) -> bytes:
    """Return what comes before the connection is reset."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := peer.recv(100):
            found += data
        raise AssertionError("closed in order")
    return found


@pytest.mark.parametrize(
    "weather",
    [FAIR, Weather(slice_bytes=3_000), Weather(jitter_s=0.01), Weather(bytes_per_s=4_000_000)],
)
def test_whatever_the_weather_bytes_keep_their_order(proxy: ChaosProxy, weather: Weather) -> None:
    proxy.both = weather
    data = random.Random(1).randbytes(300_000)
    with line(proxy) as peer:
        sender = threading.Thread(target=peer.sendall, args=(data,))
        sender.start()
        found = hashlib.sha256()
        left = len(data)
        while left:
            back = peer.recv(65_536)
            found.update(back)
            left -= len(back)
        sender.join()
    assert found.digest() == hashlib.sha256(data).digest()


def test_a_delay_counts_each_way_and_bandwidth_is_what_it_says(proxy: ChaosProxy) -> None:
    with line(proxy) as peer:
        assert min(ask(peer, b"x") for _ in range(10)) < 0.1
        proxy.both = Weather(delay_s=0.1)
        assert 0.2 <= min(ask(peer, b"x") for _ in range(5)) < 0.4
        proxy.both = FAIR
        proxy.to_server = Weather(bytes_per_s=50_000)
        assert 0.19 <= min(ask(peer, bytes(10_000)) for _ in range(4)) < 0.5


def test_what_stalls_comes_through_afterwards(proxy: ChaosProxy) -> None:
    with line(proxy) as peer:
        proxy.to_client = Weather(stall=True)
        peer.sendall(b"late")
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(10)
        peer.settimeout(5.0)
        proxy.to_client = FAIR
        assert peer.recv(10) == b"late"


def test_half_open_is_silence_and_its_end_is_a_reset(proxy: ChaosProxy) -> None:
    with line(proxy) as peer:
        ask(peer, b"well")
        proxy.to_server = Weather(swallow=True)
        peer.sendall(b"lost")
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(10)
        peer.settimeout(5.0)
        proxy.to_server = FAIR
        peer.sendall(b"more")
        with pytest.raises(ConnectionResetError):
            peer.recv(10)
    with line(proxy) as peer:
        ask(peer, b"a new one is whole")


def test_reset_cuts_and_down_refuses_until_up(proxy: ChaosProxy) -> None:
    with line(proxy) as peer:
        ask(peer, b"x")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            peer.recv(10)
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        line(proxy)
    proxy.up()
    with line(proxy) as peer:
        ask(peer, b"x")
    assert proxy.accepted == 2
    wait_until(lambda: proxy.connections == 0)


def test_a_connection_breaks_in_the_middle_of_what_it_carries(proxy: ChaosProxy) -> None:
    proxy.to_client = Weather(slice_bytes=10, reset_after=50)
    with line(proxy) as peer:
        peer.sendall(bytes(100))
        time.sleep(0.2)
        assert len(receive(peer)) <= 50
