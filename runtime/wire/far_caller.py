"""Calls to a cell of another host: where times pass from one clock to the other, and nowhere else.

What goes out with a deadline (COMMAND, CLAIM, BULK) leaves with the deadline of the peer's clock,
early by the error bound (``kernel.clock_map``); the times in what comes back are told on ours. An
EXPIRED that is told early for that waits here for its time. The clock is known by echoes: a
question every 0.5 s, on the connection that the commands take. What cannot be mapped is not sent.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.kernel.clock_map import ClockMap
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import ClockUnknown, JacquemartError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.calls import Answer, Caller

ECHO_S = 0.5
#: While nothing is known yet.
EAGER_S = 0.01
#: So long a peer may take to give its first echo, before commands to it are refused for that.
FIRST_ECHO_NS = 2_000_000_000
#: Echoes without an answer that are waited for.
UNANSWERED = 4
ECHO = "clock"
#: A loop's timer may come so much early.
_LOOP_TICK_S = 0.001
_OUTCOME_OF = messages.query("outcome_of")[:-1]
"""How that question begins."""
_WITHDRAW = messages.query("withdraw")[:-1]
"""The same of one without times, whose answer has some."""
_TIMED = frozenset((frames.COMMAND, frames.CLAIM, frames.BULK))
_WHY = "the clock of its cell's host is not known, so its deadline cannot be told there"


class FarCaller(Caller):
    """A :class:`Caller` for a peer whose boot-time clock is not ours."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: sockets.Context,
        endpoint: str,
        identity: str,
        clock: Clock,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Connect, and begin to ask for the peer's clock."""
        super().__init__(loop, context, endpoint, identity, clock, on_error)
        self.mapped = True  # whoever calls natively comes by ``call`` as well
        self.clocks = ClockMap()
        self._began_ns = clock.boot_ns()
        self._asked = 0
        self._echo_timer = loop.call_soon(self._echo)

    def close(self) -> None:
        """Disconnect; every waiting call ends with None."""
        self._echo_timer.cancel()
        super().close()

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        """As :meth:`Caller.call`, with the frame's times as the peer's clock shows them.

        While the clock is not known, a command ends REJECTED ``clock``, a bulk command with
        ``ClockUnknown``: nothing was sent. In the first two seconds nobody counts as there.
        """
        now = self._clock.boot_ns()
        if not has_times(frame):
            if not frame.startswith(_WITHDRAW):
                return super().call(frame, expires_ns, answer)
            return super().call(
                frame, expires_ns,
                lambda reply: answer(self._told_back(reply) if reply is not None else None),
            )  # fmt: skip
        try:
            told = self._told(frame, now)
        except ClockUnknown as error:
            if now - self._began_ns < FIRST_ECHO_NS:
                return False
            refusal = _refusal(frame, now, error)
            if refusal is None:
                return False
            self._loop.call_soon(answer, refusal)
            return True

        def back(reply: bytes | None) -> None:
            if reply is None:
                answer(None)
                return
            reply = self._told_back(reply)
            early_ns = _early(frame, reply, self._clock.boot_ns())
            if early_ns > 0:
                self._loop.call_later(early_ns / 1e9 + _LOOP_TICK_S, answer, reply)
            else:
                answer(reply)

        return super().call(told, expires_ns, back)

    # Echoes ----------------------------------------------------------------------------------

    def _echo(self) -> None:
        clock, sent = self._clock, self._clock.boot_ns()

        def heard(reply: bytes | None) -> None:
            self._asked -= 1
            received = clock.boot_ns()
            theirs = _clock_of(reply) if reply is not None else None
            if theirs is not None:
                self.clocks.heard(sent, theirs, received)

        if self._asked < UNANSWERED:
            expires = sent + int(UNANSWERED * ECHO_S * 1e9)
            self._asked += super().call(messages.query(ECHO), expires, heard)
        patient = self.clocks.known(sent) or self._asked >= UNANSWERED
        self._echo_timer = self._loop.call_later(ECHO_S if patient else EAGER_S, self._echo)

    # Out -------------------------------------------------------------------------------------

    def _told(self, frame: bytes, now: int) -> bytes:
        """Return a frame as it is for the peer.

        Raises:
            ClockUnknown: it has a time, and the peer's clock is not known.
        """
        kind = messages.kind_of(frame)
        if kind == frames.COMMAND:
            command = frames.decode_command(frame)
            return frames.encode_command(
                frames.Command(
                    command.id, command.principal, command.device, command.verb, command.point,
                    command.value, command.unit, command.priority,
                    self._theirs(command.deadline_ns, now), command.epoch,
                    max(1, self._theirs(command.first_ns, now)) if command.first_ns else 0,
                )
            )  # fmt: skip
        if kind == frames.CLAIM:
            claim = messages.decode_claim(frame)
            return messages.encode_claim(
                replace(claim, deadline_ns=self._theirs(claim.deadline_ns, now))
            )
        if kind == frames.BULK:
            bulk = messages.decode_bulk(frame)
            return messages.encode_bulk(
                replace(bulk, deadline_ns=self._theirs(bulk.deadline_ns, now))
            )
        # The question for the ends of commands, with the times at which they came: early by the
        # bound, so that a cell rather says that it cannot know.
        query = messages.decode_query(frame)
        asked = query.args["commands"]
        rows = [[*row[:2], self._theirs(row[2], now), *row[3:]] for row in asked]
        return messages.query(query.verb, **{**query.args, "commands": rows})

    def _theirs(self, at_ns: int, now: int) -> int:
        mapped = self.clocks.to_theirs(at_ns, now)
        if mapped is None:
            raise ClockUnknown(_WHY, where=self.endpoint, advice="nothing was sent; try again")
        # A frame has no room for what lies before the peer's start: that is over, too.
        return max(0, min(mapped, messages.MOST_NS))

    # Back ------------------------------------------------------------------------------------

    def _told_back(self, frame: bytes) -> bytes:
        """Return an answer with its times on our clock; one that is broken stays as it is."""
        shift = self.clocks.middle(self._clock.boot_ns())
        try:
            kind = messages.kind_of(frame)
            if kind == frames.OUTCOME:
                return _outcome_back(frame, shift)
            if kind == frames.BULK_OUTCOME:
                found = messages.decode_bulk_result(frame)
                return messages.encode_bulk_result(
                    replace(
                        found,
                        dispatched_ns=_column_back(found.dispatched_ns, shift),
                        finished_ns=_column_back(found.finished_ns, shift),
                    )
                )
            if kind == frames.REPLY:
                return _ends_back(frame, shift)
        except (frames.MalformedFrame, JacquemartError):
            pass  # whoever asked finds that out, and ends the call
        return frame


def has_times(frame: bytes) -> bool:
    """Return whether a request has boot-time in it, so that it means something on one host only."""
    return messages.kind_of(frame) in _TIMED or frame.startswith(_OUTCOME_OF)


def _refusal(frame: bytes, now: int, error: ClockUnknown) -> bytes | None:
    """Return the answer to what was not sent; None: say that nobody is there."""
    kind = messages.kind_of(frame)
    if kind == frames.BULK:
        return messages.error_of(error)
    if kind == frames.QUERY:
        return None
    known = frames.decode_command(frame) if kind == frames.COMMAND else messages.decode_claim(frame)
    return frames.encode_outcome(
        frames.OutcomeFrame(
            known.id, known.device, known.point, Status.REJECTED, Reason.CLOCK, str(error), None,
            now, 0, 0, now,
        )
    )  # fmt: skip


def _early(frame: bytes, reply: bytes, now: int) -> int:
    """Return for how long an answer is too early, in ns: one that says that a deadline is over."""
    try:
        kind = messages.kind_of(reply)
        if kind == frames.OUTCOME:
            if frames.decode_outcome(reply).status != Status.EXPIRED:
                return 0
        elif kind != frames.BULK_OUTCOME or (
            Status.EXPIRED not in messages.decode_bulk_result(reply).statuses
        ):
            return 0
        return _deadline_of(frame) - now
    except (frames.MalformedFrame, JacquemartError):
        return 0


def _deadline_of(frame: bytes) -> int:
    kind = messages.kind_of(frame)
    if kind == frames.COMMAND:
        return frames.decode_command(frame).deadline_ns
    if kind == frames.CLAIM:
        return messages.decode_claim(frame).deadline_ns
    return messages.decode_bulk(frame).deadline_ns


def _clock_of(reply: bytes) -> int | None:
    """Return the clock that an echo shows; None: it is none."""
    try:
        found: Any = messages.decode_reply(reply)
    except JacquemartError:
        return None
    theirs = found.get("boot_ns") if isinstance(found, Mapping) else None
    return theirs if isinstance(theirs, int) and not isinstance(theirs, bool) else None


def _outcome_back(frame: bytes, shift: int) -> bytes:
    found = frames.decode_outcome(frame)
    return frames.encode_outcome(
        frames.OutcomeFrame(
            found.id, found.device, found.point, found.status, found.reason, found.detail,
            found.value, *(_back(at, shift) for at in (
                found.received_ns, found.dispatched_ns, found.acknowledged_ns, found.finished_ns,
            )),
        )
    )  # fmt: skip


def _column_back(column: bytes, shift: int) -> bytes:
    count = len(column) // 8
    times = struct.unpack(f"<{count}Q", column)
    return struct.pack(f"<{count}Q", *(_back(at, shift) for at in times))


def _ends_back(frame: bytes, shift: int) -> bytes:
    """Map the OUTCOMEs in the answers to ``outcome_of`` (``[known, frame]``) and ``withdraw``."""
    reply: Any = messages.decode_reply(frame)
    if isinstance(reply, Mapping) and isinstance(reply.get("frame"), bytes):
        return messages.reply({**reply, "frame": _outcome_back(reply["frame"], shift)})
    if not isinstance(reply, list) or not any(_is_end(row) for row in reply):
        return frame
    rows = [[row[0], _outcome_back(row[1], shift)] if _is_end(row) else row for row in reply]
    return messages.reply(rows)


def _is_end(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 2 and isinstance(row[1], bytes)


def _back(theirs_ns: int, shift: int) -> int:
    """Return a time of theirs on our clock; 0 stays 0, and nothing lies before our start."""
    return max(1, theirs_ns - shift) if theirs_ns else 0
