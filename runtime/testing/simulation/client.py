"""A client of a simulated city: speaks the public protocol, from a process of its own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.client import requests
from jacquemart.runtime.client.cancelling import cancellation
from jacquemart.runtime.client.repeats import Repeats, marked
from jacquemart.runtime.model.claim import NEVER_PREEMPTED
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Outcome, Reason
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.sockets import SimulatedContext
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Caller

#: A request without an answer is sent again, with the same id, after so long.
AGAIN_S = 2.5
#: Who finds no gateway looks again after so long, and then each time after twice as long.
LOOK_S, LOOK_MOST_S = 0.01, 0.16
#: An end is told at most so long after the deadline; then the client gives up.
GIVE_UP_NS = 8_000_000_000
#: REJECTED for now, and not accepted: the same id may come again, and be executed.
PASSING = frozenset({Reason.BUSY, Reason.CELL_LOST, Reason.MOVED, Reason.JOURNAL})


class SimulatedClient:
    """Sends commands, repeats those that stay without an answer, and keeps the history of both."""

    def __init__(
        self, process: SimulatedProcess, context: SimulatedContext, api: str, history: History
    ) -> None:
        """Connect to the gateway at ``api``."""
        self.name = process.name
        self.process = process
        self._history = history
        self._scheduler = process.scheduler
        self._repeats = Repeats()
        self._caller = process.inside(
            lambda: Caller(process.loop, context, api, "", process.scheduler, process.broken)
        )

    @property
    def waiting(self) -> int:
        """Requests without an end."""
        return self._caller.waiting

    def close(self) -> None:
        """Disconnect."""
        self.process.inside(self._caller.close)

    async def set(self, point: str, value: float, **options: Any) -> Outcome | None:
        """Write a point; see :meth:`command`."""
        return await self.command(point, "set", value, **options)

    async def command(
        self, subject: str, verb: str, value: float | str | None = None, *,
        within_s: float = 5.0, priority: int = 8, id: bytes | None = None, deadline_ns: int = 0,
    ) -> Outcome | None:  # fmt: skip
        """Send a command until it is answered; None if it never was.

        The same is sent again after ``AGAIN_S`` without an answer, marked as a repeat, until its
        deadline and a little longer: who has it already answers with its end.
        """
        deadline_ns = deadline_ns or self._scheduler.now_ns + int(within_s * 1e9)
        work = self._command(subject, verb, value, deadline_ns, priority, id)
        return await self.process.call(work)

    async def _command(
        self, subject: str, verb: str, value: float | str | None, deadline: int, priority: int,
        id: bytes | None,
    ) -> Outcome | None:  # fmt: skip
        identity = id if id is not None else self.process.rng.randbytes(16)
        made, frame = requests.command(
            subject, value, verb=verb, unit="", priority=priority, deadline_ns=deadline,
            principal=self.name, identity=identity,
            first_ns=self._repeats.first_ns(identity, self._scheduler.now_ns),
        )  # fmt: skip
        self._note("issued", identity, subject, verb, priority, value, deadline)
        answer = await self._ask(frame, deadline + GIVE_UP_NS)
        if answer is None:
            self._note("unanswered", identity)
            return None
        try:
            outcome = requests.outcome(made, answer)
        except JacquemartError as error:
            self._note("refused", identity, error.code, error.message)
            return None
        if outcome.id != identity:
            self._note("mistaken", identity, outcome.id)
            return None
        self._note(
            "answered", identity, outcome.status.name, outcome.reason, outcome.detail,
            *outcome.stages,
        )  # fmt: skip
        return outcome

    async def claim(
        self, verb: str, device: str, point: str = "", value: float | None = None, *, slot: int,
        within_s: float = 5.0, lease_ms: int = 0, grace_ms: int = NEVER_PREEMPTED,
        deadline_ns: int = 0,
    ) -> Outcome | None:  # fmt: skip
        """Hold, reserve or lock out, or end that (``release``); None if it was never answered.

        ``slot`` is 1 to 16: of a hold, or of what is released; ``lease_ms`` 0: until a release.
        """
        deadline_ns = deadline_ns or self._scheduler.now_ns + int(within_s * 1e9)
        made = messages.ClaimCommand(
            self.process.rng.randbytes(16), self.name, device, verb, point, value, "", slot,
            deadline_ns, 0, lease_ms, grace_ms, "",
        )  # fmt: skip
        return await self.process.call(self._claim(made))

    async def _claim(self, made: messages.ClaimCommand) -> Outcome | None:
        self._note(
            "claim_issued", made.id, made.verb, made.device, made.point, made.value, made.priority,
            made.lease_ms,
        )  # fmt: skip
        answer = await self._ask(messages.encode_claim(made), made.deadline_ns + GIVE_UP_NS)
        if answer is None:
            self._note("claim_unanswered", made.id)
            return None
        try:
            outcome = requests.outcome(made, answer)
        except JacquemartError as error:
            self._note("claim_refused", made.id, error.code, error.message)
            return None
        self._note("claim_answered", made.id, outcome.status.name, outcome.reason, outcome.detail)
        return outcome

    async def conflict(self, subject: str, value: float, id: bytes, deadline_ns: int) -> None:
        """Send another command with an id that was used before; it must be refused."""
        await self.process.call(self._conflict(subject, value, id, deadline_ns))

    async def _conflict(self, subject: str, value: float, id: bytes, deadline_ns: int) -> None:
        made, frame = requests.command(
            subject, value, verb="set", unit="", priority=8, deadline_ns=deadline_ns,
            principal=self.name, identity=id,
            first_ns=self._repeats.first_ns(id, self._scheduler.now_ns),
        )  # fmt: skip
        self._note("conflict", id, value)
        answer = await self._ask(frame, deadline_ns + GIVE_UP_NS)
        if answer is not None:
            outcome = requests.outcome(made, answer)
            self._note("conflict_answered", id, value, outcome.status.name, outcome.reason)

    async def cancel(self, id: bytes, until_ns: int) -> None:
        """Take a command of this client back; asked again for want of an answer, until then."""
        await self.process.call(self._cancel(id, until_ns + GIVE_UP_NS))

    async def _cancel(self, id: bytes, until_ns: int) -> None:
        self._note("cancel_asked", id)
        question = messages.query("cancel", principal=self.name, id=id)
        frame = await self._ask(question, until_ns)
        if frame is None:
            self._note("cancel_unanswered", id)
            return
        try:
            told = cancellation(id, messages.decode_reply(frame))
        except JacquemartError as error:
            self._note("cancel_refused", id, error.code)
            return
        ended = told.outcome.status.name if told.outcome is not None else ""
        self._note("cancel_answered", id, told.cancelled, told.too_late, told.asked, ended)

    async def set_all(
        self, point: str, value: float, *, zone: str = "*", within_s: float = 5.0,
        id: bytes | None = None, deadline_ns: int = 0,
    ) -> messages.BulkResult | None:  # fmt: skip
        """Write a point of all devices that have it."""
        deadline_ns = deadline_ns or self._scheduler.now_ns + int(within_s * 1e9)
        return await self.process.call(self._set_all(point, value, zone, deadline_ns, id))

    async def _set_all(
        self, point: str, value: float, zone: str, deadline: int, id: bytes | None
    ) -> messages.BulkResult | None:
        identity = id if id is not None else self.process.rng.randbytes(16)
        made = requests.bulk(
            point, value, zone=zone, kind="*", device="*", unit="", priority=8,
            deadline_ns=deadline, principal=self.name, identity=identity,
        )  # fmt: skip
        self._note("issued_bulk", identity, point, value, deadline)
        frame = messages.encode_bulk(made)
        answer = await self._ask(frame, deadline + GIVE_UP_NS)
        if answer is None:
            self._note("unanswered_bulk", identity)
            return None
        if messages.kind_of(answer) == frames.ERROR:
            self._note("error_bulk", identity, *_error(answer))
            return None
        result = messages.decode_bulk_result(answer)
        reasons = [result.exceptions.get(at, ("", ""))[0] for at in range(len(result.devices))]
        self._note("answered_bulk", identity, list(result.devices), list(result.statuses), reasons)
        return result

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask any question of docs/protocol.md; None if there was no answer in 5 s.

        Raises:
            JacquemartError: what the gateway answered.
        """
        until = self._scheduler.now_ns + 5 * 10**9
        frame = await self.process.call(self._ask(messages.query(verb, **args), until))
        return None if frame is None else messages.decode_reply(frame)

    async def _ask(self, frame: bytes, until_ns: int) -> bytes | None:
        loop, scheduler = self.process.loop, self._scheduler
        again, first_ns, pause_s = False, scheduler.now_ns, LOOK_S
        while (left_ns := until_ns - scheduler.now_ns) > 0:
            answered: asyncio.Future[bytes | None] = loop.create_future()
            expires_ns = scheduler.now_ns + min(int(AGAIN_S * 1e9), left_ns)
            if not self._caller.call(frame, expires_ns, partial(_first, answered)):
                await asyncio.sleep(pause_s)  # nobody is there
                pause_s = min(2 * pause_s, LOOK_MOST_S)
                continue
            # A connection that gives nothing up is a fault to be found, and must not be waited for.
            timer = loop.call_later(AGAIN_S + 1.0, _first, answered, None)
            answer, pause_s = await answered, LOOK_S
            timer.cancel()
            # That this time nothing was sent tells nothing of the time before.
            if answer is not None and not (again and requests.is_blind(answer)):
                return answer
            again, frame = True, marked(frame, first_ns)
            await asyncio.sleep(0.1)
        return None

    def _note(self, what: str, *facts: Any) -> None:
        self._history.note(self._scheduler.now_ns, what, self.name, *facts)


def _first(answered: asyncio.Future[bytes | None], reply: bytes | None) -> None:
    if not answered.done():
        answered.set_result(reply)


def _error(answer: bytes) -> tuple[str, str]:
    try:
        messages.decode_reply(answer)
    except JacquemartError as error:
        return error.code, error.message
    return "", ""
