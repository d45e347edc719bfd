"""Bugs in what becomes of commands: executed once, and told as it was."""

from __future__ import annotations

from typing import Any

from jacquemart.runtime.cell import (
    actor_command,
    cancelling,
    driver_calls,
    errand,
    ledger_reading,
    permit,
    writes,
    writing,
    zone_cell,
)
from jacquemart.runtime.kernel import arbitration, command_window, dedup, sent_back, zone_state
from jacquemart.runtime.kernel.lifecycle import Do, End, Event, Rule, State
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.errors import DeviceBusy, OutcomeUnknown
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.planted.registering import bug, bugs, rule
from jacquemart.runtime.wire import calls

# Once, and once only -----------------------------------------------------------------------


@bug(dedup.DedupWindow, "begin")
def a_repeated_id_is_executed_again(real: Any) -> Any:
    """The cell does not know a command again that has ended."""

    def begin(self: Any, key: Any, content: Any) -> Any:
        self._finished.pop(key, None)
        return real(self, key, content)

    return begin


@bug(dedup.DedupWindow, "begin")
def a_repeat_meanwhile_is_executed_too(real: Any) -> Any:
    """The cell does not know a command again that still runs."""

    def begin(self: Any, key: Any, content: Any) -> Any:
        running = self._running.pop(key, None)
        found = real(self, key, content)
        if running is not None:
            self._running[key].waiters = running.waiters
        return found

    return begin


@bug(dedup.DedupWindow, "begin")
def an_id_is_anybodys(real: Any) -> Any:
    """The principal is left out of a command's identity."""

    def begin(self: Any, key: Any, content: Any) -> Any:
        for known in self.keys():
            if known[1] == key[1] and "\n" not in key[0]:
                key = known
        return real(self, key, content)

    return begin


@bug(dedup.DedupWindow, "begin")
def the_content_of_an_id_is_not_compared(real: Any) -> Any:
    """Another command with a known id runs, too."""

    def begin(self: Any, key: Any, content: Any) -> Any:
        found = real(self, key, content)
        if found[0] is dedup.Seen.CONFLICT:
            return real(self, (key[0] + " again", key[1]), content)
        return found

    return begin


@bug(writes.Write, "sent")
def what_is_unknown_is_sent_again(real: Any) -> Any:
    """A write without an acknowledgement is repeated, as if the device had been busy."""

    def sent(self: Any, now_ns: int, error: Any) -> Any:
        again = DeviceBusy("no answer") if isinstance(error, OutcomeUnknown) else error
        return real(self, now_ns, again)

    return sent


@bug(sent_back.SentBack, "turn")
def an_older_command_comes_after_a_newer(real: Any) -> Any:
    """A cell that sent a command back does not wait for it, and takes what came later."""
    return lambda self, *args, **named: sent_back.Turn.TAKE


@bug(command_window.CommandWindow, "end")
def a_zone_forgets_what_has_ended(real: Any) -> Any:
    """The zone does not know a command again once its end is written."""

    def end(self: Any, body: Any) -> Any:
        accepted = real(self, body)
        self.ended.pop((body["principal"], body["id"]), None)
        return accepted

    return end


@bug(ledger_reading, "_sent")
def the_ledger_is_not_read(real: Any) -> Any:
    """Whoever reads a ledger does not see what its cell has sent."""
    return lambda content: (frozenset(), 0)


@bug(zone_state.ZoneState, "unfinished")
def a_successor_forgets_what_was_accepted(real: Any) -> Any:
    """A new zone cell does not care for commands that have no end yet."""
    return lambda self: []


@bugs(permit.ClockGate, "left_ns", "close", "seal")
def a_lease_never_ends(name: str, real: Any) -> Any:
    """Who has had a lease once writes on without one, whatever its cell finds out since."""
    if name == "left_ns":
        return lambda self: 3_600_000_000_000 if self.until_ns else 0
    return lambda self: None


# What is taken back ---------------------------------------------------------------------------


@bug(writes.WriteQueue, "withdraw")
def what_was_sent_may_be_taken_back(real: Any) -> Any:
    """A write that waits for its read-back is still given up as if it had not left."""

    def withdraw(self: Any, meant: Any) -> Any:
        found = real(self, meant)
        for slot, write in list(self.unproven.items()):
            if meant(write):
                del self.unproven[slot]
                write.sends = 0
                found.append(write)
        return found

    return withdraw


@bug(cancelling.Cancelling, "_take_back")
def what_is_taken_back_is_told_before_it_is_on_disk(real: Any) -> Any:
    """The journal's answer is not waited for: it may refuse, or be lost."""

    def take_back(self: Any, desk: Any, entry: Any) -> Any:
        answer = real(self, desk, entry)
        if not entry.cancelled:
            desk.happen(entry, Event.CANCEL)
        return answer

    return take_back


@bug(cancelling.Cancelling, "_cancel")
def anybody_takes_back(real: Any) -> Any:
    """Who knows an id may cancel, whoever gave the command."""

    def cancel(self: Any, args: Any) -> Any:
        for desk in self._desk.desks.values():
            for principal, id in desk.admissions.live:
                if id == args["id"]:
                    return real(self, {**args, "principal": principal})
        return real(self, args)

    return cancel


# Claims ---------------------------------------------------------------------------------------


@bug(arbitration.Arbitration, "admits")
def a_lockout_is_not_looked_at(real: Any) -> Any:
    """Whoever works there is not safe from a plain command, nor is a hold from a weaker one."""
    return lambda self, *args, **named: None


@bug(zone_state.ZoneState, "restore_of")
def a_successor_does_not_know_claims(real: Any) -> Any:
    """What stood before a restart of a cell stands no more."""

    def restored(self: Any, *args: Any, **named: Any) -> Any:
        return {id: {**told, "claims": []} for id, told in real(self, *args, **named).items()}

    return restored


# The truth about ends -----------------------------------------------------------------------


@bug(writes.Write, "sent")
def applied_without_readback(real: Any) -> Any:
    """An acknowledgement is taken for the effect."""

    def sent(self: Any, now_ns: int, error: Any) -> Any:
        verdict = real(self, now_ns, error)
        return Verdict(Status.APPLIED, Reason.OK, "") if error is None else verdict

    return sent


@bug(writing, "judge")
def any_readback_proves(real: Any) -> Any:
    """What is read back is not compared."""

    def judge(*args: Any, **named: Any) -> Any:
        found = real(*args, **named)
        return Verdict(Status.APPLIED, Reason.OK, "") if named.get("acknowledged") else found

    return judge


@bug(writes.Write, "unproven")
def the_unproven_is_called_expired(real: Any) -> Any:
    """What was sent and could not be read back is told as if it had not been sent."""
    return lambda self: Verdict(Status.EXPIRED, Reason.DEADLINE, "nothing was read back")


@bug(writes.Write, "sent")
def the_unknown_is_called_refused(real: Any) -> Any:
    """No answer is taken for: not sent."""

    def sent(self: Any, now_ns: int, error: Any) -> Any:
        if isinstance(error, OutcomeUnknown):
            return Verdict(Status.REJECTED, Reason.UNREACHABLE, "no answer")
        return real(self, now_ns, error)

    return sent


@bug(writes.Write, "named")
def failure_is_called_success(real: Any) -> Any:
    """What was not followed is told as if it had been."""

    def named(self: Any, link: str, verdict: Any) -> Any:
        if verdict.status is Status.FAILED:
            return Verdict(Status.APPLIED, Reason.OK, "")
        return real(self, link, verdict)

    return named


@bug(calls.Caller, "call")
def all_calls_have_one_token(real: Any) -> Any:
    """Answers meet the wrong question."""

    def call(self: Any, frame: bytes, expires_ns: int, answer: Any) -> bool:
        self._next = 0
        found: bool = real(self, frame, expires_ns, answer)
        return found

    return call


@bug(calls.Caller, "_sweep")
def calls_wait_for_ever(real: Any) -> Any:
    """A call whose peer was lost with it is never given up."""
    return lambda self: None


@bug(zone_cell, "merge")
def a_bulk_command_forgets_a_zone(real: Any) -> Any:
    """The ends of one zone's devices are lost on the way."""
    return lambda identity, parts: real(identity, list(parts)[:1])


@bug(driver_calls.DriverCalls, "call")
def a_driver_may_take_for_ever(real: Any) -> Any:
    """No time limit for calls of a driver."""

    async def call(self: Any, *args: Any, **named: Any) -> Any:
        return await real(self, *args, **{**named, "limit_s": 1e4})

    return call


@rule(State.DISPATCHED, Event.OUTCOME)
def ends_are_not_written() -> tuple[Rule, ...]:
    """The zone answers, and its journal never hears of the end."""
    return (Rule("always", State.GONE, (Do.ANSWER, Do.FORGET)),)


@rule(State.ACCEPTED, Event.TIME)
def what_waits_never_expires() -> tuple[Rule, ...]:
    """A command whose cell does not come back waits for ever."""
    return ()


@rule(State.DISPATCHED, Event.LOST)
def what_was_lost_is_called_expired() -> tuple[Rule, ...]:
    """A cell was lost with a command, which is told as if it had never been sent."""
    end = End(Status.EXPIRED, Reason.DEADLINE, "its cell was lost")
    return (Rule("always", State.ENDED, (Do.ANSWER, Do.WRITE_END), end),)


# From actors to others ----------------------------------------------------------------------


@bug(actor_command.ActorErrand, "_answer")
def an_actor_hears_nothing_of_what_was_lost(real: Any) -> Any:
    """A command that has no answer has no end either."""

    def answer(self: Any, frame: Any) -> None:
        if frame is not None:
            real(self, frame)

    return answer


@bug(errand.Errand, "_unknown")
def what_may_be_done_is_called_unsent(real: Any) -> Any:
    """A command that somebody may have is told to be refused."""

    def unknown(self: Any, why: str) -> None:
        self.end(Status.REJECTED, Reason.UNREACHABLE, why)

    return unknown
