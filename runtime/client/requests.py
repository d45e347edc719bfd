"""What a client says and hears, without I/O: shared by the synchronous and asyncio clients."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.native import frames
from jacquemart.native.wording import Wording
from jacquemart.runtime.client.repeats import Repeats, marked
from jacquemart.runtime.model.errors import (
    GatewayUnreachable,
    JacquemartError,
    OutcomesLost,
    RemoteProtocolError,
    TooManyQuestions,
    UsageError,
)
from jacquemart.runtime.model.ids import new_command_id, split_point, valid_word
from jacquemart.runtime.model.outcome import (
    BulkOutcome,
    Outcome,
    OutcomeColumns,
    Reason,
    Stages,
    Status,
    status_of,
)
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.model.versions import MARKED_REPEATS
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.limits import CLIENT_FRAME_LIMIT

PROTOCOL = 1
#: Refusals by who may not know that the same command came before.
_BLIND = (Reason.CELL_LOST, Reason.JOURNAL, Reason.MOVED)
#: How the ERROR for a frame that breaks the protocol begins; three more texts follow.
_NOT_UNDERSTOOD = messages.error("bad_frame", "")[:-3]
DEFAULT_API = "tcp://127.0.0.1:4747"
#: A cell ends every command at most this long after its deadline (docs/protocol.md).
END_AFTER_DEADLINE_S = 7.5
#: A deadline may be a day away.
LONGEST_S = 86_400
#: Points asked for in one frame: names of up to 130 bytes stay inside the gateway's limit.
POINTS_A_FRAME = 400
Value = float | int | bool | str | None


@dataclass(slots=True)
class GatewayClock:
    """The gateway's boot-time clock as seen from here, with an error bound."""

    offset_ns: int = 0
    error_ns: int = 0

    @classmethod
    def from_hello(cls, sent_ns: int, answered_ns: int, gateway_ns: int) -> GatewayClock:
        """Estimate from one exchange; an offset inside its own error is none (same host)."""
        error = (answered_ns - sent_ns) // 2 + 1
        offset = gateway_ns - (sent_ns + error)
        return cls(0, 0) if abs(offset) <= error else cls(offset, error)

    def deadline(self, now_ns: int, within_s: float) -> int:
        """Return an absolute deadline on the gateway's clock, never later than meant.

        Raises:
            UsageError: not a positive time.
        """
        if not 0 < within_s <= LONGEST_S:
            raise UsageError(f"within_s is {within_s!r}, allowed: above 0, up to {LONGEST_S:,}")
        return self.early(now_ns) + int(within_s * 1e9)

    def early(self, now_ns: int) -> int:
        """Return a moment of ours on the gateway's clock, never later than it was."""
        return now_ns + self.offset_ns - self.error_ns

    def wording(self) -> Wording[Outcome]:
        """Return what says plain commands to this gateway, and reads their outcomes, natively."""
        return Wording(
            outcome_type=Outcome, stages_type=Stages,
            statuses={int(status): status for status in Status}, unknown=status_of(-1),
            early_ns=self.early(0), longest_s=LONGEST_S,
        )  # fmt: skip


class GatewayProbe:
    """Asks a gateway who it is: one that was replaced has lost what its predecessor was asked."""

    def __init__(self, epoch: int, wire: int = 1, clock: GatewayClock | None = None) -> None:
        """Take the epoch of the gateway that has the requests now, what it speaks, its clock."""
        self.question = messages.query("hello")
        self._epoch = epoch
        self._wire = wire
        self._clock = clock or GatewayClock()

    @classmethod
    def from_hello(cls, hello: dict[str, Any], clock: GatewayClock) -> GatewayProbe:
        """Take the gateway's greeting; one that does not tell what it speaks is of before."""
        return cls(hello["epoch"], _wire_of(hello), clock)

    @property
    def reads_marks(self) -> bool:
        """Whether the gateway understands that a command is a repeat."""
        return self._wire >= MARKED_REPEATS

    def first_ns(self, repeats: Repeats, id: bytes | None, now_ns: int) -> int:
        """Return when an identity of ours was sent first; 0: now, or the gateway cannot read it.

        Args:
            repeats: those that this client was told to use before.
            id: what the caller has given; None: each command gets another one.
            now_ns: on our boot-time clock.
        """
        first_ns = repeats.first_ns(id, self._clock.early(now_ns))
        return first_ns if self.reads_marks else 0

    def again(self, frame: bytes, first_ns: int) -> bytes:
        """Return a request as it is sent once more; ``first_ns``: its first time, on our clock."""
        return marked(frame, self._clock.early(first_ns)) if self.reads_marks else frame

    def is_final(self, answer: bytes) -> bool:
        """Return whether this is the answer, also to a request that was sent twice."""
        return not is_blind(answer)

    def is_another(self, answer: bytes) -> bool:
        """Take the answer to ``question``; return True once for each successor."""
        try:
            hello = messages.decode_reply(answer)
        except JacquemartError:
            return False
        epoch = hello.get("epoch") if isinstance(hello, dict) else None
        if not isinstance(epoch, int) or epoch == self._epoch:
            return False
        self._epoch, self._wire = epoch, _wire_of(hello)
        return True


def is_blind(frame: bytes) -> bool:
    """Return whether an answer is of who knows nothing of the command, and only refused this one.

    The gateway could pass it on to nobody, or the zone cannot read its journal. Of a command that
    was sent before, that is no end: whoever had it then may know another. Nor is it one that a
    gateway of before does not understand how a repeat is marked.
    """
    return messages.is_refusal(frame, _BLIND) or frame.startswith(_NOT_UNDERSTOOD)


def _wire_of(hello: dict[str, Any]) -> int:
    wire = hello.get("wire", 1)
    return wire if isinstance(wire, int) else 1


def default_api() -> str:
    """Return the endpoint that ``JACQUEMART_API`` names, or the default port."""
    return os.environ.get("JACQUEMART_API", DEFAULT_API)


def check_hello(hello: Any) -> dict[str, Any]:
    """Return a gateway's greeting.

    Raises:
        RemoteProtocolError: not a gateway of this protocol.
    """
    if not isinstance(hello, dict) or hello.get("protocol") != PROTOCOL:
        found = hello.get("protocol") if isinstance(hello, dict) else type(hello).__name__
        raise RemoteProtocolError(f"the gateway speaks protocol {found!r}, this client {PROTOCOL}")
    return hello


def unreachable(api: str, timeout_s: float) -> GatewayUnreachable:
    """Return the error for a gateway that does not answer."""
    return GatewayUnreachable(
        f"no answer within {timeout_s:g} s",
        where=api,
        advice="is the city running? start it with `jacquemart run`",
    )


def pause_s(busy: TooManyQuestions) -> float:
    """Return when to ask again, in seconds; not all of a client's questions at the same moment."""
    return busy.retry_s * (1.0 + random.random())


def lost(api: str, waited_s: float) -> OutcomesLost:
    """Return the error for a bulk command that was sent and not answered."""
    return OutcomesLost(
        f"sent, and no answer within {waited_s:g} s: the outcomes are unknown",
        where=api,
        advice="read the points",
    )


def command(
    point: str,
    value: Value,
    *,
    verb: str,
    unit: str,
    priority: int,
    deadline_ns: int,
    principal: str,
    identity: bytes | None,
    first_ns: int = 0,
) -> tuple[frames.Command, bytes]:
    """Build a command and its frame; ``first_ns``: of a repeat, when it was sent first.

    Raises:
        UsageError: an argument of a wrong form; nothing was sent.
    """
    device, name = split_point(point) if "/" in point or verb == "set" else (point, "")
    if identity is not None and len(identity) != 16:
        raise UsageError(f"a command id has 16 bytes, not {len(identity)}")
    if not 1 <= priority <= 16:
        raise UsageError(f"priority is {priority}, allowed: 1 (highest) to 16")
    try:
        made = frames.Command(
            identity or new_command_id(),
            principal,
            device,
            verb,
            name,
            value,
            unit,
            priority,
            deadline_ns,
            0,
            first_ns,
        )
        return made, frames.encode_command(made)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"not a command: {error}", where=point) from error


def bulk(
    point: str,
    value: float | str,
    *,
    zone: str,
    kind: str,
    device: str,
    unit: str,
    priority: int,
    deadline_ns: int,
    principal: str,
    identity: bytes | None,
) -> messages.Bulk:
    """Build a bulk command.

    Raises:
        UsageError: an argument of a wrong form; nothing was sent.
    """
    if not isinstance(value, (int, float)) and not valid_word(value):
        found = repr(value[:40]) if isinstance(value, str) else type(value).__name__
        raise UsageError(f"the value is {found}, allowed: a number, or a word of an enumeration")
    if not 1 <= priority <= 16:
        raise UsageError(f"priority is {priority}, allowed: 1 (highest) to 16")
    if identity is not None and len(identity) != 16:
        raise UsageError(f"a command id has 16 bytes, not {len(identity)}")
    made = messages.Bulk(
        identity or new_command_id(),
        principal or "anonymous",
        zone,
        kind,
        device,
        point,
        value,
        unit,
        priority,
        deadline_ns,
    )
    try:
        messages.encode_bulk(made)
    except UnicodeEncodeError as error:
        raise UsageError(f"text that is not UTF-8: {error.object[:80]!r}", where=point) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"not a command: {error}", where=point) from error
    return made


def outcome(made: frames.Command | messages.ClaimCommand, frame: bytes | None) -> Outcome:
    """Read the answer to a command; None means that none came: the outcome is unknown.

    Raises:
        JacquemartError: the gateway refused the frame as such.
    """
    if frame is None:
        return Outcome(
            made.id,
            made.device,
            made.point,
            Status.INDETERMINATE,
            Reason.CELL_LOST,
            "no answer from the gateway",
        )
    if messages.kind_of(frame) != frames.OUTCOME:
        messages.decode_reply(frame)
        raise RemoteProtocolError("the gateway answered a command with something else")
    got = frames.decode_outcome(frame)
    return Outcome(
        got.id,
        got.device,
        got.point,
        status_of(got.status),
        got.reason,
        got.detail,
        got.value,
        Stages(got.received_ns, got.dispatched_ns, got.acknowledged_ns, got.finished_ns),
    )


def outcome_of(sent: bytes, frame: bytes | None) -> Outcome:
    """Read the answer to a command by the frame that was sent; see ``outcome``."""
    return outcome(frames.decode_command(sent), frame)


def bulk_outcome(made: messages.Bulk, frame: bytes, seconds: float) -> BulkOutcome:
    """Read the answer to a bulk command.

    Raises:
        JacquemartError: it was refused as a whole, or its outcomes are unknown.
    """
    if messages.kind_of(frame) == frames.ERROR:
        messages.decode_reply(frame)
    result = messages.decode_bulk_result(frame)
    outcomes = OutcomeColumns(
        made.id, made.point, result.devices, result.statuses, result.values, result.dispatched_ns,
        result.finished_ns, result.exceptions,
    )  # fmt: skip
    return BulkOutcome(made.id, outcomes, seconds)


def pages(points: Sequence[str]) -> Iterator[list[str]]:
    """Split a question about many points into frames that a gateway takes."""
    for start in range(0, len(points), POINTS_A_FRAME):
        yield list(points[start : start + POINTS_A_FRAME])


def fits(frame: bytes) -> bytes:
    """Return a request that a gateway will take.

    Raises:
        UsageError: it is too big; the gateway would close the connection.
    """
    if len(frame) > CLIENT_FRAME_LIMIT:
        raise UsageError(
            f"a request of {len(frame):,} bytes is too big, allowed: {CLIENT_FRAME_LIMIT:,}",
            advice="ask for less at a time",
        )
    return frame


def readings(rows: Any) -> list[Reading]:
    """Read the answer to ``get``."""
    return [
        Reading(
            point,
            value,
            Quality.from_code(quality),
            source_ns,
            receive_ns,
            unit,
            tuple(more[0]) if more else (),
        )
        for point, value, quality, source_ns, receive_ns, unit, *more in rows
    ]
