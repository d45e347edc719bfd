"""The parts of a simulation, each by itself: processes, sockets, disks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from jacquemart.native.pump import Unroutable
from jacquemart.runtime.model.errors import JournalError, JournalFenced, JournalFull
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.network import Network
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.testing.simulation.sockets import SimulatedContext
from jacquemart.runtime.testing.virtual_time import START_NS, Stalled
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import Channel, Message

S = 1_000_000_000


def pass_time(scheduler: Scheduler, seconds: float) -> None:
    until = scheduler.now_ns + int(seconds * S)
    scheduler.after(seconds, lambda: None)
    scheduler.run(lambda: scheduler.now_ns >= until and not scheduler.runnable)


class Peers:
    """A ROUTER and a DEALER, or an XPUB and an XSUB, in two processes."""

    def __init__(self, seed: int = 0) -> None:
        self.scheduler = Scheduler(seed)
        self.network = Network(self.scheduler)
        self.server = SimulatedProcess(self.scheduler, "server")
        self.client = SimulatedProcess(self.scheduler, "client")
        self.heard: list[Message] = []
        self.told: list[Message] = []

    def channel(
        self, process: SimulatedProcess, make: Callable[[sockets.Context], sockets.Socket],
        heard: list[Message], endpoint: str = "",
    ) -> tuple[Channel, str]:  # fmt: skip
        socket = make(SimulatedContext(self.network, process))
        at = ""
        if endpoint:
            socket.connect(endpoint)
        else:
            at = sockets.bind_for_cells(socket, "127.0.0.1", "x")
        return Channel(process.loop, socket, heard.append, process.broken), at


def test_a_frozen_process_runs_nothing_and_then_all_of_it_in_order() -> None:
    scheduler = Scheduler(1)
    process = SimulatedProcess(scheduler, "cell")
    seen: list[tuple[str, int]] = []

    async def count() -> None:
        for _ in range(5):
            await asyncio.sleep(1.0)
            seen.append(("slept", (scheduler.now_ns - START_NS) // S))

    process.inside(lambda: process.loop.create_task(count()))
    process.loop.call_later(2.5, seen.append, ("timer", 0))
    pass_time(scheduler, 1.5)
    process.freeze()
    pass_time(scheduler, 10.0)
    assert seen == [("slept", 1)]
    process.resume()
    pass_time(scheduler, 10.0)
    # As in asyncio: the sleep's timer only wakes the task, which has its turn after the other one.
    assert seen[1:3] == [("timer", 0), ("slept", 11)]
    assert len(seen) == 6


def test_a_killed_process_runs_no_line_more_and_leaves_nothing_behind() -> None:
    scheduler = Scheduler(1)
    process = SimulatedProcess(scheduler, "cell")
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(1.0)
            seen.append("slept")
        finally:
            seen.append("end")

    process.inside(lambda: process.loop.create_task(work()))
    pass_time(scheduler, 0.5)
    process.kill()
    pass_time(scheduler, 5.0)
    assert seen == []
    process.bury()
    assert seen == ["end"]  # what memory held of it is gone, when nobody looks any more


def test_who_spins_without_time_passing_is_found() -> None:
    scheduler = Scheduler(1)
    process = SimulatedProcess(scheduler, "cell")

    def spin() -> None:
        process.loop.call_soon(spin)

    spin()
    with pytest.raises(Stalled, match="cell spins"):
        scheduler.run(lambda: False)


def test_who_waits_for_nothing_is_found() -> None:
    with pytest.raises(Stalled, match="no timer"):
        Scheduler(1).run(lambda: False)


def test_a_router_answers_who_asked_and_says_who_is_not_there() -> None:
    peers = Peers()
    server, at = peers.channel(peers.server, sockets.router, peers.heard)
    client, _ = peers.channel(peers.client, lambda c: sockets.dealer(c, "me"), peers.told, at)
    assert not client.send(b"too early")
    pass_time(peers.scheduler, 0.1)
    assert client.send(b"token", b"question")
    pass_time(peers.scheduler, 0.1)
    assert peers.heard == [(b"me", b"token", b"question")]
    assert server.reply(b"me", b"token", b"answer")
    pass_time(peers.scheduler, 0.1)
    assert peers.told == [(b"token", b"answer")]
    assert not server.reply(b"nobody", b"x")
    with pytest.raises(Unroutable):
        server.socket.send(b"nobody", b"x")


def test_a_dealer_finds_the_successor_at_the_same_address_and_what_was_queued_is_lost() -> None:
    peers = Peers()
    socket = sockets.router(SimulatedContext(peers.network, peers.server))
    at = sockets.bind(socket, "127.0.0.1", 4747)
    client, _ = peers.channel(peers.client, sockets.dealer, peers.told, at)
    pass_time(peers.scheduler, 0.1)
    peers.server.kill()
    assert not client.send(b"nobody is there")
    successor = SimulatedProcess(peers.scheduler, "server")
    again = sockets.router(SimulatedContext(peers.network, successor))
    assert sockets.bind(again, "127.0.0.1", 4747) == at
    Channel(successor.loop, again, peers.heard.append, successor.broken)
    pass_time(peers.scheduler, 5.0)
    assert client.send(b"hello")
    pass_time(peers.scheduler, 0.1)
    assert [message[1:] for message in peers.heard] == [(b"hello",)]


def test_a_subscriber_hears_its_topics_only_and_again_after_a_reconnect() -> None:
    peers = Peers()
    server, at = peers.channel(peers.server, sockets.publisher, peers.heard)
    client, _ = peers.channel(peers.client, sockets.subscriber, peers.told, at)
    client.send(b"\x01r/north/")
    pass_time(peers.scheduler, 0.1)
    assert peers.heard == [(b"\x01r/north/",)]
    server.send(b"r/north/", b"1")
    server.send(b"r/south/", b"2")
    pass_time(peers.scheduler, 0.1)
    (connection,) = peers.network.connections
    peers.network.lose(connection)
    server.send(b"r/north/", b"lost")
    pass_time(peers.scheduler, 5.0)
    server.send(b"r/north/", b"3")
    pass_time(peers.scheduler, 0.1)
    assert peers.told == [(b"r/north/", b"1"), (b"r/north/", b"3")]


def test_a_publisher_drops_for_a_subscriber_that_does_not_read() -> None:
    peers = Peers()
    server, at = peers.channel(
        peers.server, lambda c: sockets.publisher(c, high_water=10), peers.heard
    )
    client, _ = peers.channel(
        peers.client, lambda c: sockets.subscriber(c, high_water=10), peers.told, at
    )
    client.send(b"\x01t")
    pass_time(peers.scheduler, 0.1)
    peers.client.freeze()
    for number in range(50):
        server.send(b"t", b"%d" % number)
    pass_time(peers.scheduler, 0.5)
    peers.client.resume()
    pass_time(peers.scheduler, 0.5)
    assert [int(message[1]) for message in peers.told] == list(range(20))


def test_what_is_cut_waits_and_breaks_after_the_heartbeats_time() -> None:
    peers = Peers()
    _, at = peers.channel(peers.server, sockets.router, peers.heard)
    client, _ = peers.channel(peers.client, sockets.dealer, peers.told, at)
    pass_time(peers.scheduler, 0.1)
    peers.network.cut("client", "server")
    assert client.send(b"first")
    pass_time(peers.scheduler, 1.0)
    assert peers.heard == []
    peers.network.mend("client", "server")
    pass_time(peers.scheduler, 0.1)
    assert len(peers.heard) == 1
    peers.network.cut("client", "server")
    pass_time(peers.scheduler, 5.0)
    assert not client.send(b"second")
    peers.network.mend("client", "server")
    pass_time(peers.scheduler, 5.0)
    assert client.send(b"third")


def journal_of(
    disk: SimulatedDisk, process: SimulatedProcess
) -> tuple[list[object], Callable[[], int]]:
    journal = disk.open("north", process).journal
    ends: list[object] = []
    draft = Draft(RecordKind.STATE, {"device": "lamp-1"})
    return ends, lambda: journal.append([draft], ends.append)


@pytest.mark.parametrize("seed", range(8))
def test_s5_what_was_acknowledged_survives_a_crash_and_the_rest_is_a_prefix(seed: int) -> None:
    scheduler = Scheduler(seed)
    disk = SimulatedDisk(scheduler)
    process = SimulatedProcess(scheduler, "zone-0")
    ends, append = journal_of(disk, process)
    for _ in range(20):
        append()
        pass_time(scheduler, 0.00015)
    process.kill()
    opened = disk.open("north", SimulatedProcess(scheduler, "zone-0"))
    numbers = [record.sequence for record in opened.records]
    assert numbers == list(range(1, len(numbers) + 1))
    kept = [record for record in opened.records if record.kind is RecordKind.STATE]
    assert ends == [None] * len(ends)
    assert len(ends) <= len(kept) <= 20
    assert opened.records[-1].kind is RecordKind.OPENED
    assert opened.journal.epoch == 2


def test_s3_a_full_disk_refuses_before_anything_is_written() -> None:
    scheduler = Scheduler(0)
    disk = SimulatedDisk(scheduler)
    ends, append = journal_of(disk, SimulatedProcess(scheduler, "zone-0"))
    disk.fault = "full"
    assert append() == 0
    pass_time(scheduler, 1.0)
    assert isinstance(ends[0], JournalFull)
    disk.fault = ""
    assert append() == 2
    pass_time(scheduler, 1.0)
    assert ends[1] is None


def test_s4_after_an_error_what_counts_is_what_is_there() -> None:
    scheduler = Scheduler(5)
    disk = SimulatedDisk(scheduler)
    ends, append = journal_of(disk, SimulatedProcess(scheduler, "zone-0"))
    disk.fault = "error"
    for _ in range(6):
        append()
    pass_time(scheduler, 1.0)
    written = [r for r in disk.journals["north"].records if r.kind is RecordKind.STATE]
    assert len(ends) == 6
    assert ends.count(None) == len(written)
    assert all(end is None or isinstance(end, JournalError) for end in ends)


def test_a_journal_that_was_opened_by_another_takes_nothing() -> None:
    scheduler = Scheduler(0)
    disk = SimulatedDisk(scheduler)
    ends, append = journal_of(disk, SimulatedProcess(scheduler, "zone-0"))
    disk.open("north", SimulatedProcess(scheduler, "zone-0"))
    append()
    pass_time(scheduler, 1.0)
    assert isinstance(ends[0], JournalFenced)


def test_a_history_has_one_hash_and_every_entry_counts() -> None:
    one, other = History(), History()
    for history in (one, other):
        history.note(1, "issued", "alice", b"\x01", "lamp-1/setpoint", 80.0)
    assert one.digest(7) == other.digest(7)
    assert one.digest(8) != other.digest(7)
    other.note(2, "answered", "alice", b"\x01", "APPLIED")
    assert one.digest(7) != other.digest(7)
    assert "answered" in other.text()
