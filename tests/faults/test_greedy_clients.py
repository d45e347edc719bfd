"""C10 and C11 to their ends: bounds of each client at the gateway, in number and in bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import zmq
from patience import until, wait_until
from small_city import small_city
from test_rude_clients import GREETING, connect, resident_mb, shake_hands
from zmq.utils.monitor import recv_monitor_message

from jacquemart.native import frames
from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.kernel.client_share import CREDIT_BYTES, MOST_HEAVY, MOST_QUESTIONS
from jacquemart.runtime.model.errors import TooManyQuestions
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import OUTBOX_BYTES, Channel


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    with small_city(tmp_path_factory.mktemp("city")) as running:
        yield running


def question(verb: str, **args: object) -> bytes:
    """Return a question as a client without any library sends it."""
    frame = msgpack.packb([1, frames.QUERY, verb, args])
    return b"\x01\x01t" + b"\x02" + struct.pack(">Q", len(frame)) + frame


WAITING = {"device": "north-1", "principal": "greedy", "id": bytes(16), "wait_ms": 5_000}


def test_c10_who_asks_without_end_is_told_when_to_ask_again_and_others_have_all_their_answers(
    city: LocalCity,
) -> None:
    gateway = city.hosts["gateway-0"]._service
    values = question("get", points=["north-1/level"] * 150)
    before = gateway.health()["counters"]["questions_refused"]
    with connect(city) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        shake_hands(greedy)
        greedy.settimeout(0.5)
        greedy.sendall(question("outcome", **WAITING) * (MOST_QUESTIONS + 500))
        with contextlib.suppress(TimeoutError):
            for _ in range(20):
                greedy.sendall(values * 100)

        async def modest() -> int:
            told = 0
            async with AsyncClient(city.api) as client:
                for _ in range(20):
                    readings = await asyncio.gather(
                        *(client.get(f"north-{n % 3 + 1}/level") for n in range(10))
                    )
                    told += sum(one.good for one in readings)
                return told

        assert asyncio.run(modest()) == 200, "not one of them was refused or lost"
        assert gateway.health()["counters"]["questions_refused"] >= before + 500
        kernel = gateway._shares.kernel
        (most, *_) = sorted((kernel.of(one) for one in list(kernel._clients)), reverse=True)
        assert most[0] == MOST_QUESTIONS
        assert most[2] <= MOST_HEAVY
        assert len(gateway._tasks) <= MOST_QUESTIONS + 20
    wait_until(lambda: len(gateway._tasks) < 20)


def test_c10_many_questions_at_once_of_a_client_with_manners_are_all_answered(
    city: LocalCity,
) -> None:
    async def story() -> int:
        async with AsyncClient(city.api, timeout_s=20.0) as client:
            asked = [client.get("north-1/level") for _ in range(1_500)]
            return sum(one.good for one in await asyncio.gather(*asked))

    assert asyncio.run(story()) == 1_500


def test_c11_who_has_been_told_too_much_is_refused_before_any_work_is_done_for_it(
    city: LocalCity,
) -> None:
    client = city.client(timeout_s=0.3)
    kernel = city.hosts["gateway-0"]._service._shares.kernel
    known = set(kernel._clients)
    assert client.get("north-1/level").good
    (mine,) = kernel._clients.keys() - known
    kernel._clients[mine].credit = -100 * 2**20
    with pytest.raises(TooManyQuestions, match=r"retry in 1\d{4} ms"):
        client.get("north-1/level")
    assert city.client().get("north-1/level").good, "it is no other's debt"
    kernel._clients[mine].credit = -1
    assert client.get("north-1/level").good, "it waits and asks again by itself"


def test_c11_who_reads_nothing_and_goes_on_asking_is_cut_off_and_its_memory_is_given_back(
    city: LocalCity,
) -> None:
    before = resident_mb()
    values = question("get", points=["north-1/level"] * 150)
    with connect(city) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        shake_hands(peer)
        peer.settimeout(0.2)
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - began < 30.0:
                with contextlib.suppress(TimeoutError):
                    peer.sendall(values * 20)
                time.sleep(0.1)
            raise AssertionError("never cut off")
        assert time.monotonic() - began < 5.0 + 10.0
    assert resident_mb() - before < 60
    channel = city.hosts["gateway-0"]._service.server.channel
    wait_until(lambda: not channel.waiting)
    assert not channel._outbox_bytes


def test_c11_a_subscriber_that_reads_nothing_is_cut_off_and_the_others_hear_everything() -> None:
    context = zmq.Context()
    stream = sockets.publisher(context, high_water=1_000, unread_ms=1_000)
    monitor = stream.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    endpoint = sockets.bind(stream, "127.0.0.1")
    host, port = endpoint.removeprefix("tcp://").split(":")
    reader = sockets.subscriber(context)
    reader.connect(endpoint)
    reader.send(b"\x01t/")
    peer = socket.create_connection((host, int(port)))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    peer.sendall(GREETING)
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
    peer.sendall(bytes([4, len(ready)]) + ready)
    greeted = 0
    while greeted < 64 + 2 + 26:  # its greeting and READY: to say more before is against ZMTP
        greeted += len(peer.recv(1_000))
    peer.sendall(b"\x00\x03\x01t/")
    try:
        assert stream.poll(5_000), "of two subscriptions to one topic, the first is told"
        stream.recv_multipart()
        time.sleep(0.3)
        heard, sent, began, cut = 0, 0, time.monotonic(), False
        block = os.urandom(20_000)
        while not cut and time.monotonic() - began < 20.0:
            for _ in range(10):
                stream.send_multipart([b"t/", block], zmq.NOBLOCK)
                sent += 1
            while heard < sent and reader.poll(100):
                reader.recv_multipart()
                heard += 1
            while not cut and monitor.poll(20):
                cut = recv_monitor_message(monitor)["event"] == zmq.Event.DISCONNECTED
        assert cut
        assert heard == sent
        took = time.monotonic() - began
        assert 0.9 < took < 2.9, "sooner it may have been slow, later its heartbeats tell"
    finally:
        peer.close()
        context.destroy(linger=0)


def test_c11_what_waits_for_a_slow_client_is_bounded_in_bytes() -> None:
    async def story() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        context = zmq.Context()
        router = sockets.router(context, high_water=1)
        endpoint = sockets.bind(router, "127.0.0.1")
        peers: list[bytes] = []
        channel = Channel(loop, router, lambda parts: peers.append(parts[0]), lambda error: None)
        dealer = context.socket(zmq.DEALER)
        dealer.rcvhwm, dealer.rcvbuf, dealer.linger = 1, 4_096, 0
        dealer.connect(endpoint)
        dealer.send(b"here")
        await until(lambda: bool(peers))
        taken = sum(channel.reply(peers[0], bytes(1_000_000)) for _ in range(40))
        held = channel._outbox_bytes.get(peers[0], 0)
        heard = 0
        while heard < taken:
            await asyncio.sleep(0.001)
            with contextlib.suppress(zmq.Again):
                dealer.recv_multipart(zmq.NOBLOCK)
                heard += 1
        assert not channel.waiting
        assert channel.lost == 40 - taken
        channel.close()
        dealer.close()
        context.term()
        return taken, held

    taken, held = asyncio.run(story())
    assert held <= OUTBOX_BYTES + 10
    assert 8 <= taken < 30


def test_c13_a_bomb_of_subscriptions_takes_no_room_from_those_that_mean_something(
    city: LocalCity,
) -> None:
    gateway = city.hosts["gateway-0"]._service
    relay = gateway._relay
    before, known = relay.refused, len(relay._topics)
    context = zmq.Context()
    bomb = context.socket(zmq.SUB)
    bomb.linger = bomb.sndhwm = 0
    try:
        bomb.connect(gateway._stream_endpoint)
        for number in range(20_000):
            bomb.subscribe(f"no/such/topic/{number}/")
        wait_until(lambda: relay.refused >= before + 20_000, 10.0)
        assert len(relay._topics) == known, "nothing of it went any further"

        async def follow() -> bool:
            async with AsyncClient(city.api) as client:
                async for update in client.subscribe(pattern="north-1/level"):
                    return isinstance(update, Reading) and update.good
            return False

        assert asyncio.run(asyncio.wait_for(follow(), 20.0))
    finally:
        bomb.close()
        context.term()


def test_c11_the_figures_of_the_page_are_those_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    assert f"{MOST_QUESTIONS:,} questions" in page
    assert f"{MOST_HEAVY} at a time" in page
    assert f"{CREDIT_BYTES // 2**20} MiB" in page
    assert f"{sockets.CLIENT_UNREAD_MS // 1_000} s" in page
