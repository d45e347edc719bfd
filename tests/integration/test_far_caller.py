"""Calls to a cell with another clock: real sockets, and a peer that lives in another time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jacquemart.native import frames
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import ClockUnknown
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import far_caller, messages, sockets
from jacquemart.runtime.wire.calls import Request, Server
from jacquemart.runtime.wire.far_caller import FarCaller

AHEAD = 987_654_321_000_000_000
MS = 1_000_000
NOW = SystemClock().boot_ns


class Peer:
    """A server whose boot-time clock is ahead of ours; it notes and answers what comes."""

    def __init__(self, context: sockets.Context, *, mute: bool = False) -> None:
        self.mute = mute
        self.status = Status.APPLIED
        self.came: list[bytes] = []
        socket = sockets.router(context)
        self.endpoint = sockets.bind(socket, "127.0.0.1")
        loop = asyncio.get_running_loop()
        self.server = Server(loop, socket, self.take, _raise)

    def take(self, request: Request) -> None:
        now = NOW() + AHEAD
        kind = messages.kind_of(request.frame)
        if kind == frames.QUERY and messages.decode_query(request.frame).verb == far_caller.ECHO:
            if not self.mute:
                request.reply(messages.reply({"boot_ns": now}))
            return
        self.came.append(request.frame)
        if kind == frames.COMMAND:
            request.reply(self.outcome(frames.decode_command(request.frame).id, now))
        elif kind == frames.BULK:
            two = struct.pack("<2Q", now, 0)
            request.reply(
                messages.encode_bulk_result(
                    messages.BulkResult(
                        b"i" * 16, ["a", "b"], bytes([0, 4]), bytes(16), two, two, {}
                    )
                )
            )
        elif request.frame.startswith(messages.query("withdraw")[:-1]):
            request.reply(messages.reply({"said": "ended", "frame": self.outcome(b"e" * 16, now)}))
        else:
            rows = [["ended", self.outcome(b"e" * 16, now)], ["never", None]]
            request.reply(messages.reply(rows))

    def outcome(self, id: bytes, now: int) -> bytes:
        outcome = frames.OutcomeFrame(
            id, "lamp-1", "setpoint", self.status, "ok", "", 1.0, now - MS, now, 0, now + MS
        )
        return frames.encode_outcome(outcome)


def _raise(error: BaseException) -> None:
    raise error


def command(within_ms: int) -> frames.Command:
    return frames.Command(
        b"c" * 16, "me", "lamp-1", "set", "setpoint", 1.0, "", 8, NOW() + within_ms * MS, 7
    )


def bulk() -> messages.Bulk:
    return messages.Bulk(b"i" * 16, "me", "*", "*", "*", "p", 1.0, "", 8, NOW() + 900 * MS)


async def ask(caller: FarCaller, frame: bytes) -> bytes | None:
    return await caller.ask(frame, 5.0)


def with_peer(story: Callable[[Peer, FarCaller], Awaitable[None]], *, mute: bool = False) -> None:
    async def run() -> None:
        context = sockets.new_context()
        peer = Peer(context, mute=mute)
        caller = FarCaller(
            asyncio.get_running_loop(), context, peer.endpoint, "me@1", SystemClock(), _raise
        )
        try:
            await story(peer, caller)
        finally:
            caller.close()
            peer.server.close()
            context.destroy(linger=0)

    asyncio.run(asyncio.wait_for(run(), 20.0))


def test_a_deadline_comes_on_the_peers_clock_early_by_less_than_the_way_and_never_late() -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        sent = command(800)
        reply = await ask(caller, frames.encode_command(sent))
        assert reply is not None
        came = frames.decode_command(peer.came[0])
        true = sent.deadline_ns + AHEAD
        found = caller.clocks.offset(NOW(), NOW())
        assert found is not None
        assert true - found.error_ns - MS <= came.deadline_ns <= true
        same = ("id", "principal", "device", "verb", "point", "value", "unit", "priority", "epoch")
        assert all(getattr(came, name) == getattr(sent, name) for name in same)
        told = frames.decode_outcome(reply)
        now = NOW()
        assert abs(told.dispatched_ns - now) < 2_000 * MS
        assert told.received_ns < told.dispatched_ns < told.finished_ns
        assert told.acknowledged_ns == 0, "what was not reached stays so"

    with_peer(story)


def test_bulk_commands_claims_and_questions_for_ends_are_mapped_both_ways() -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        sent = bulk()
        reply = await ask(caller, messages.encode_bulk(sent))
        assert reply is not None
        assert messages.decode_bulk(peer.came[0]).deadline_ns <= sent.deadline_ns + AHEAD
        assert messages.decode_bulk(peer.came[0]).deadline_ns > sent.deadline_ns + AHEAD // 2
        times = struct.unpack("<2Q", messages.decode_bulk_result(reply).finished_ns)
        assert abs(times[0] - NOW()) < 2_000 * MS
        assert times[1] == 0
        claim = messages.ClaimCommand(
            b"h" * 16, "me", "lamp-1", "hold", "setpoint", 5.0, "", 8, NOW() + 500 * MS, 7, 0, -1,
            "work",
        )  # fmt: skip
        assert await ask(caller, messages.encode_claim(claim)) is not None
        mapped = messages.decode_claim(peer.came[1]).deadline_ns
        assert claim.deadline_ns + AHEAD - 500 * MS < mapped <= claim.deadline_ns + AHEAD
        accepted = NOW() - 3_000 * MS
        question = messages.query("outcome_of", commands=[["me", b"e" * 16, accepted]])
        answer = await ask(caller, question)
        assert answer is not None
        row: Any = messages.decode_query(peer.came[2]).args["commands"][0]
        assert accepted + AHEAD - 500 * MS < row[2] <= accepted + AHEAD
        found: Any = messages.decode_reply(answer)
        assert abs(frames.decode_outcome(found[0][1]).finished_ns - NOW()) < 2_000 * MS
        assert found[1] == ["never", None]

    with_peer(story)


def test_what_has_no_time_in_it_goes_as_it_is_without_any_echo() -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        question = messages.query("resolve", device="lamp-1", point="level", value=1.0)
        assert await ask(caller, question) is not None
        assert peer.came == [question]

    with_peer(story, mute=True)


def test_the_end_of_what_is_taken_back_is_told_on_our_clock() -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        await ask(caller, frames.encode_command(command(900)))  # the clock is known by now
        asked = NOW()
        answer = await ask(caller, messages.query("withdraw", principal="me", id=b"e" * 16))
        assert answer is not None
        told = frames.decode_outcome(messages.decode_reply(answer)["frame"])
        assert abs(told.dispatched_ns - asked) < 10_000 * MS
        assert told.acknowledged_ns == 0

    with_peer(story)


def test_a_peer_without_a_clock_counts_as_absent_and_then_commands_to_it_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(far_caller, "FIRST_ECHO_NS", 200 * MS)

    async def story(peer: Peer, caller: FarCaller) -> None:
        frame = frames.encode_command(command(5_000))
        assert not caller.call(frame, NOW() + 1, _raise)  # type: ignore[arg-type]
        refused = await ask(caller, frame)  # which tries again until something comes of it
        assert refused is not None
        outcome = frames.decode_outcome(refused)
        assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CLOCK)
        assert (outcome.id, outcome.device, outcome.dispatched_ns) == (b"c" * 16, "lamp-1", 0)
        error = await ask(caller, messages.encode_bulk(bulk()))
        assert error is not None
        with pytest.raises(ClockUnknown, match="nothing was sent"):
            messages.decode_reply(error)
        assert peer.came == [], "nothing was sent"

    with_peer(story, mute=True)


def test_a_clock_that_has_been_silent_for_long_is_not_believed_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        assert await ask(caller, frames.encode_command(command(500))) is not None
        peer.mute = True
        later = NOW() + 60_000 * MS
        monkeypatch.setattr(caller, "_clock", _Fixed(later))
        answers: list[bytes | None] = []
        frame = frames.encode_command(command(90_000))
        assert caller.call(frame, later + MS, answers.append)
        await asyncio.sleep(0.05)
        assert answers[0] is not None
        assert frames.decode_outcome(answers[0]).reason == Reason.CLOCK
        assert len(peer.came) == 1

    with_peer(story)


class _Fixed:
    def __init__(self, now: int) -> None:
        self.now = now

    def boot_ns(self) -> int:
        return self.now

    wall_ns = boot_ns


def test_an_end_that_says_that_the_deadline_is_over_is_not_told_before_it_is() -> None:
    async def story(peer: Peer, caller: FarCaller) -> None:
        peer.status = Status.EXPIRED
        sent = command(150)
        assert await ask(caller, frames.encode_command(sent)) is not None
        assert sent.deadline_ns <= NOW() < sent.deadline_ns + 2_000 * MS

    with_peer(story)
