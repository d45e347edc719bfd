"""Typed stub of the native wire frames. The layouts stand in docs/protocol.md."""

from typing import Any, Final, Protocol, final, type_check_only

from jacquemart.native.batch import Batch as Batch

VERSION: Final[int]  # 1

# Kinds of frames (position 1 of every envelope).
COMMAND: Final[int]  # 1
OUTCOME: Final[int]  # 2
BATCH: Final[int]  # 3
HEARTBEAT: Final[int]  # 4
BULK: Final[int]  # 5
BULK_OUTCOME: Final[int]  # 6
QUERY: Final[int]  # 7
REPLY: Final[int]  # 8
ERROR: Final[int]  # 9
EVENT: Final[int]  # 10
ROLLUP: Final[int]  # 11
CLAIM: Final[int]  # 12
BUNDLE: Final[int]  # 13

MAX_DEPTH: Final[int]  # 16

class MalformedFrame(ValueError):
    """Attributes: code ("empty" "truncated" "trailing" "too_big" "too_deep" "bad_type"
    "bad_version" "bad_kind" "bad_field"), offset (byte where it was found)."""

    code: str
    offset: int
    def __init__(self, code: str, offset: int, message: str) -> None: ...

@type_check_only
class ColumnBuffer(Protocol):
    """Anything with the buffer protocol, C-contiguous, of the column's item size."""

@final
class Command:
    """A request to act. Immutable; positional construction in the order of the fields."""

    @property
    def id(self) -> bytes: ...  # 16 bytes
    @property
    def principal(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def verb(self) -> str: ...  # "set" or one that the kind declares
    @property
    def point(self) -> str: ...
    @property
    def value(self) -> float | int | bool | str | None: ...
    @property
    def unit(self) -> str: ...  # "" = the point's own unit
    @property
    def priority(self) -> int: ...  # 1 (highest) .. 16
    @property
    def deadline_ns(self) -> int: ...  # boot-time clock of the gateway's host
    @property
    def epoch(self) -> int: ...  # of the cell that the sender believes in; 0 = any
    @property
    def first_ns(self) -> int: ...  # of a repeat: when it was sent first; 0 = it is none
    def __init__(
        self,
        id: bytes,
        principal: str,
        device: str,
        verb: str,
        point: str,
        value: float | int | bool | str | None,
        unit: str,
        priority: int,
        deadline_ns: int,
        epoch: int,
        first_ns: int = 0,
    ) -> None: ...
    def with_route(self, principal: str, epoch: int, first_ns: int = 0) -> Command: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class OutcomeFrame:
    """The wire form of an outcome; stages are four boot-clock ns (0 = not reached)."""

    @property
    def id(self) -> bytes: ...
    @property
    def device(self) -> str: ...
    @property
    def point(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def received_ns(self) -> int: ...
    @property
    def dispatched_ns(self) -> int: ...
    @property
    def acknowledged_ns(self) -> int: ...
    @property
    def finished_ns(self) -> int: ...
    def __init__(
        self,
        id: bytes,
        device: str,
        point: str,
        status: int,
        reason: str,
        detail: str,
        value: float | None,
        received_ns: int,
        dispatched_ns: int,
        acknowledged_ns: int,
        finished_ns: int,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Heartbeat:
    @property
    def topic(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def sent_ns(self) -> int: ...
    def __init__(self, topic: str, epoch: int, sequence: int, sent_ns: int) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def check(frame: bytes | memoryview, max_size: int = ...) -> int:
    """Check a whole frame without allocating (size, structure, depth, types, version, kind,
    no trailing bytes, no ext types) and return its kind. O(len). Raises MalformedFrame."""

def kind_of(frame: bytes | memoryview) -> int:
    """Return the kind of a frame from its first bytes only; raises MalformedFrame."""

def encode_command(command: Command) -> bytes: ...
def decode_command(frame: bytes | memoryview) -> Command:
    """Raises MalformedFrame: any field of wrong type, length (id 16 bytes; strings at most 255
    bytes, value text at most 1,024 bytes) or range (priority 1..16, u64). NaN passes: it is the
    receiver's to refuse with a proper outcome."""

def encode_outcome(outcome: OutcomeFrame) -> bytes: ...
def decode_outcome(frame: bytes | memoryview) -> OutcomeFrame: ...
def encode_batch(
    topic: str,
    epoch: int,
    sequence: int,
    slots: ColumnBuffer,
    values: ColumnBuffer,
    qualities: ColumnBuffer,
    source_ns: ColumnBuffer,
    receive_ns: ColumnBuffer,
) -> bytes: ...
def decode_batch(frame: bytes | memoryview) -> Batch: ...
def encode_heartbeat(beat: Heartbeat) -> bytes: ...
def decode_heartbeat(frame: bytes | memoryview) -> Heartbeat: ...
def unpack(frame: bytes | memoryview, max_size: int = ...) -> list[Any]:
    """Check, then decode a cold frame whole (msgpack, raw=False, strict); returns the list."""

def pack(*fields: Any) -> bytes:
    """Encode a cold frame: ``pack(kind, field, …)`` puts the version first."""
