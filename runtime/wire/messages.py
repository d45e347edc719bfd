"""The cold frames as values: bulk commands, queries, events, rollups, snapshots, errors.

Hot frames (command, outcome, batch, heartbeat) are encoded in ``native.frames``. Every decoder
here checks each field's type and raises :class:`FrameError` naming it; see docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jacquemart.native import frames, results
from jacquemart.native.table import Rollup
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.errors import FrameError, JacquemartError, error_from_code
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.versions import PACKAGE

#: Bytes of a word that a bulk command has for a value.
MOST_TEXT = 1_024
#: Bytes of any other text of a claim.
MOST_SHORT_TEXT = 255
#: A claim that shall stand longer than a year stands until it is released.
MOST_LEASE_MS = 366 * 24 * 3_600_000
MOST_NS = 2**63 - 1
#: Bytes of a cold frame.
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Bulk:
    """One command for many devices, chosen by zone, kind and device pattern."""

    id: bytes
    principal: str
    zone: str
    """A zone id or pattern; ``*`` is all."""
    kind: str
    device: str
    point: str
    value: float | int | bool | str | None
    """A number, or the word of an enumeration, which each device takes by its own words."""
    unit: str
    priority: int
    deadline_ns: int


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Outcomes of a bulk command as columns; ``exceptions`` explains those not APPLIED."""

    id: bytes
    devices: Sequence[str]
    statuses: bytes
    values: bytes
    """f64 little-endian; NaN where nothing was read back."""
    dispatched_ns: bytes
    """u64 little-endian."""
    finished_ns: bytes
    exceptions: Mapping[int, tuple[str, str]]
    """Index -> (reason, detail)."""
    frame: bytes = field(default=b"", init=False, compare=False, repr=False)
    """As it came, for who passes it on unchanged; empty: it was made here."""


@dataclass(frozen=True, slots=True)
class ClaimCommand:
    """A command that makes or ends a claim; see ``model.claim``. Answered by an OUTCOME."""

    id: bytes
    principal: str
    device: str
    verb: str
    """``hold``, ``release``, ``reserve`` or ``lockout``."""
    point: str
    """Empty for a whole device."""
    value: float | int | bool | str | None
    """Of a hold: a number in the point's unit, or a word of it."""
    unit: str
    priority: int
    """The slot, 1 to 16."""
    deadline_ns: int
    epoch: int
    lease_ms: int
    """How long it stands; 0: until it is released."""
    grace_ms: int
    """Of a reservation; -1: nobody may take it over."""
    why: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question; ``verb`` says which, ``args`` are its named arguments."""

    verb: str
    args: Mapping[str, Any]


def _field(items: Sequence[Any], at: int, name: str, kinds: tuple[type, ...]) -> Any:
    value = items[at] if at < len(items) else None
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        allowed = " or ".join(kind.__name__ for kind in kinds)
        raise FrameError(
            f"field {name!r} is {type(value).__name__}, allowed: {allowed}",
            where=f"frame position {at}",
            advice="see docs/protocol.md",
        )
    return value


def _positions(items: Sequence[Any], count: int) -> None:
    if len(items) != count:
        raise FrameError(
            f"a frame of kind {items[1]} has {len(items)} positions, allowed: {count}",
            where="frame",
            advice="see docs/protocol.md",
        )


def _identity(items: Sequence[Any]) -> bytes:
    identity: bytes = _field(items, 2, "id", (bytes,))
    if len(identity) != 16:
        raise FrameError(f"field 'id' has {len(identity)} bytes, allowed: 16", where="position 2")
    return identity


def _value(items: Sequence[Any], at: int) -> float | int | bool | str | None:
    value = items[at]
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise FrameError(
            f"field 'value' is {type(value).__name__}, allowed: number, bool, text or nil",
            where=f"frame position {at}",
        )
    if isinstance(value, str) and len(value.encode()) > MOST_TEXT:
        raise FrameError(
            f"field 'value' is longer than {MOST_TEXT:,} bytes", where=f"position {at}"
        )
    return value


def _short(items: Sequence[Any], at: int, name: str) -> str:
    text: str = _field(items, at, name, (str,))
    if len(text.encode()) > MOST_SHORT_TEXT:
        raise FrameError(
            f"field {name!r} is longer than {MOST_SHORT_TEXT} bytes", where=f"position {at}"
        )
    return text


def _whole(items: Sequence[Any], at: int, name: str, low: int, high: int) -> int:
    number: int = _field(items, at, name, (int,))
    if not low <= number <= high:
        raise FrameError(
            f"field {name!r} is {number}, allowed: {low} to {high}", where=f"position {at}"
        )
    return number


def unpack(frame: bytes, limit: int = MOST_BYTES) -> list[Any]:
    """Check and decode a cold frame.

    Raises:
        FrameError: malformed; the peer's fault.
    """
    try:
        return frames.unpack(frame, limit)
    except frames.MalformedFrame as error:
        raise FrameError(str(error), where=f"byte {error.offset}") from error


def kind_of(frame: bytes) -> int:
    """Return a frame's kind.

    Raises:
        FrameError: not a frame of this protocol and version.
    """
    try:
        return frames.kind_of(frame)
    except frames.MalformedFrame as error:
        who = f"; this is jacquemart {PACKAGE}" if error.code == "bad_version" else ""
        raise FrameError(f"{error}{who}", where=f"byte {error.offset}") from error


def encode_bulk(bulk: Bulk) -> bytes:
    """Encode a bulk command."""
    return frames.pack(
        frames.BULK, bulk.id, bulk.principal, bulk.zone, bulk.kind, bulk.device, bulk.point,
        bulk.value, bulk.unit, bulk.priority, bulk.deadline_ns,
    )  # fmt: skip


def decode_bulk(frame: bytes) -> Bulk:
    """Decode a bulk command.

    Raises:
        FrameError: a field is missing or of a wrong type.
    """
    items = unpack(frame)
    _positions(items, 12)
    identity = _identity(items)
    value = _value(items, 8)
    priority = _field(items, 10, "priority", (int,))
    if not 1 <= priority <= 16:
        raise FrameError(f"field 'priority' is {priority}, allowed: 1 to 16", where="position 10")
    principal, zone, kind, device, point = (
        _field(items, at, name, (str,))
        for at, name in enumerate(("principal", "zone", "kind", "device", "point"), start=3)
    )
    return Bulk(
        identity, principal, zone, kind, device, point, value, _field(items, 9, "unit", (str,)),
        priority, _field(items, 11, "deadline_ns", (int,)),
    )  # fmt: skip


def encode_claim(claim: ClaimCommand) -> bytes:
    """Encode a claim."""
    return frames.pack(
        frames.CLAIM, claim.id, claim.principal, claim.device, claim.verb, claim.point,
        claim.value, claim.unit, claim.priority, claim.deadline_ns, claim.epoch, claim.lease_ms,
        claim.grace_ms, claim.why,
    )  # fmt: skip


def decode_claim(frame: bytes) -> ClaimCommand:
    """Decode a claim.

    Raises:
        FrameError: a field is missing, of a wrong type, or not allowed.
    """
    items = unpack(frame)
    _positions(items, 15)
    principal, device, verb, point = (
        _short(items, at, name)
        for at, name in enumerate(("principal", "device", "verb", "point"), start=3)
    )
    if verb not in CLAIM_VERBS:
        known = ", ".join(sorted(CLAIM_VERBS))
        raise FrameError(f"field 'verb' is {verb!r}, allowed: {known}", where="position 5")
    priority, deadline_ns, epoch, lease_ms, grace_ms = (
        _whole(items, at, name, low, high)
        for at, name, low, high in (
            (9, "priority", 1, 16), (10, "deadline_ns", 0, MOST_NS), (11, "epoch", 0, MOST_NS),
            (12, "lease_ms", 0, MOST_LEASE_MS), (13, "grace_ms", -1, MOST_LEASE_MS),
        )
    )  # fmt: skip
    return ClaimCommand(
        _identity(items), principal, device, verb, point, _value(items, 7),
        _short(items, 8, "unit"), priority, deadline_ns, epoch, lease_ms, grace_ms,
        _short(items, 14, "why"),
    )  # fmt: skip


def encode_bulk_result(result: BulkResult) -> bytes:
    """Encode the outcomes of a bulk command."""
    if result.frame:
        return result.frame
    return results.join(
        result.id, result.devices, result.statuses, result.values, result.dispatched_ns,
        result.finished_ns, [(index, *why) for index, why in result.exceptions.items()],
    )  # fmt: skip


def decode_bulk_result(frame: bytes) -> BulkResult:
    """Decode the outcomes of a bulk command.

    Raises:
        FrameError: a field is missing, of a wrong type, or columns disagree in length.
    """
    said = results.split(frame) if len(frame) <= MOST_BYTES else None
    found = BulkResult(*said) if said is not None else _judged_bulk_result(frame)
    object.__setattr__(found, "frame", bytes(frame))  # one that is changed (``replace``) has none
    return found


def _judged_bulk_result(frame: bytes) -> BulkResult:
    """Decode the outcomes of a bulk command, and say what is wrong with them."""
    items = unpack(frame)
    _positions(items, 9)
    devices = _field(items, 3, "devices", (list,))
    for device in devices:
        _field([device], 0, "a device of position 3", (str,))
    statuses, values, dispatched, finished = (
        _field(items, at, name, (bytes,))
        for at, name in enumerate(("statuses", "values", "dispatched_ns", "finished_ns"), start=4)
    )
    count = len(devices)
    if (len(statuses), len(values), len(dispatched), len(finished)) != (
        count,
        8 * count,
        8 * count,
        8 * count,
    ):
        raise FrameError("columns of a bulk outcome disagree in length", where="positions 3 to 7")
    try:
        exceptions = {
            int(index): (str(reason), str(detail))
            for index, reason, detail in _field(items, 8, "exceptions", (list,))
        }
    except (TypeError, ValueError) as error:
        raise FrameError("field 'exceptions' is not [index, reason, detail]") from error
    return BulkResult(
        _field(items, 2, "id", (bytes,)), devices, statuses, values, dispatched, finished,
        exceptions,
    )  # fmt: skip


def query(verb: str, **args: Any) -> bytes:
    """Encode a question."""
    return frames.pack(frames.QUERY, verb, args)


def decode_query(frame: bytes) -> Query:
    """Decode a question.

    Raises:
        FrameError: malformed.
    """
    items = unpack(frame)
    _positions(items, 4)
    args = _field(items, 3, "args", (dict,))
    if not all(isinstance(key, str) for key in args):
        raise FrameError("field 'args' has keys that are not text", where="frame position 3")
    return Query(_field(items, 2, "verb", (str,)), args)


def reply(value: Any) -> bytes:
    """Encode the answer to a question."""
    return frames.pack(frames.REPLY, value)


def error(code: str, message: str, where: str = "", advice: str = "") -> bytes:
    """Encode a typed error."""
    return frames.pack(frames.ERROR, code, message[:2_000], where[:500], advice[:500])


def error_of(exception: JacquemartError) -> bytes:
    """Encode an exception as a typed error."""
    return error(exception.code, exception.message, exception.where, exception.advice)


def decode_reply(frame: bytes) -> Any:
    """Return the value of a REPLY; raise what an ERROR carries.

    Raises:
        JacquemartError: the error that the peer sent.
        FrameError: neither a reply nor an error.
    """
    kind = kind_of(frame)
    if kind == frames.REPLY:
        items = unpack(frame)
        _positions(items, 3)
        return items[2]
    if kind == frames.ERROR:
        items = unpack(frame)
        _positions(items, 6)
        code, message, where, advice = (
            _field(items, at, name, (str,))
            for at, name in enumerate(("code", "message", "where", "advice"), start=2)
        )
        raise error_from_code(code, message, where, advice)
    raise FrameError(f"kind {kind} is neither a reply nor an error")


def encode_event(topic: str, epoch: int, sequence: int, event: Event) -> bytes:
    """Encode an event of a stream."""
    return frames.pack(frames.EVENT, topic, epoch, sequence, event.as_list())


def encode_rollup(
    topic: str, epoch: int, sequence: int, wall_ns: int, rows: Sequence[Sequence[Any]]
) -> bytes:
    """Encode rollup rows ``[kind, point, count, online, sum, min, max, worst]`` of a stream."""
    return frames.pack(frames.ROLLUP, topic, epoch, sequence, wall_ns, list(rows))


def rollup_row(kind: str, point: str, rollup: Rollup) -> list[Any]:
    """Return the wire form of one aggregate; NaN stands for "no online member"."""
    return [kind, point, *rollup]


def decode_stream(frame: bytes) -> tuple[str, int, int, Any]:
    """Return topic, epoch, sequence and content of an EVENT or ROLLUP frame.

    Raises:
        FrameError: malformed.
    """
    items = unpack(frame)
    if items[1] not in (frames.EVENT, frames.ROLLUP):
        raise FrameError(f"kind {items[1]} is no stream message", where="frame position 1")
    _positions(items, 6 if items[1] == frames.EVENT else 7)
    topic = _field(items, 2, "topic", (str,))
    epoch = _field(items, 3, "epoch", (int,))
    sequence = _field(items, 4, "sequence", (int,))
    if items[1] == frames.EVENT:
        return topic, epoch, sequence, Event.from_list(_field(items, 5, "event", (list,)))
    return topic, epoch, sequence, _field(items, 6, "rows", (list,))


def is_refusal(frame: bytes, reasons: Sequence[str]) -> bool:
    """Return whether a frame is an OUTCOME that says REJECTED for one of these reasons.

    Frames that do not have the bytes of a reason are not decoded: nearly all.
    """
    if not any(reason.encode() in frame for reason in reasons):
        return False
    try:
        found = frames.decode_outcome(frame)
    except frames.MalformedFrame:
        return False
    return found.status == Status.REJECTED and found.reason in reasons
