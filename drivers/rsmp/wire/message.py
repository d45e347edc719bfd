"""Messages: JSON objects with ``mType`` ``rSMsg``, a type and mostly an id. No I/O."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple, NoReturn

from jacquemart.drivers.rsmp.wire.framing import FORM_FEED, TOO_LONG

#: Deepest nesting that is taken; the deepest of any message is four.
MAX_DEPTH: Final = 16
_ID: Final = re.compile(r"[0-9a-fA-F-]{1,64}", re.ASCII)
_DECODER: Final = json.JSONDecoder(parse_constant=lambda name: _refuse(name))
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
#: Types that are answers to a message and have no id of their own.
ACKS: Final = ("MessageAck", "MessageNotAck")


class Message(NamedTuple):
    """One message: its type, its id (empty in acknowledgements) and all of its fields."""

    type: str
    id: str
    body: dict[str, Any]


class Broken(NamedTuple):
    """What could not be understood; with the id if at least that could, so that it is refused."""

    reason: str
    id: str = ""


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def encode(body: dict[str, Any]) -> bytes:
    """Return a message as one packet with its form feed.

    Raises:
        ValueError: a value is no JSON (NaN, a set); the caller's bug.
    """
    text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + FORM_FEED


def decode(packet: bytes) -> list[Message | Broken]:
    """Return what a packet holds: mostly one message.

    A peer that forgets form feeds sends several objects in one packet; each is taken, since
    where a JSON object ends is beyond doubt. What follows after something broken is not.
    """
    if packet is TOO_LONG or not packet:
        return [Broken("a packet longer than allowed")]
    try:
        text = packet.decode("utf-8")
    except UnicodeDecodeError as error:
        return [Broken(f"not UTF-8 at byte {error.start}")]
    if not _shallow(packet):
        return [Broken("nested too deeply")]
    found: list[Message | Broken] = []
    at = 0
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            found.append(Broken(f"no JSON: {error}"[:200]))
            break
        found.append(_message(value))
        blanks = _BLANKS.match(text, at)
        at = blanks.end() if blanks else at
    return found


def _shallow(packet: bytes) -> bool:
    """Return whether it nests no deeper than allowed; brackets within texts do not count."""
    if packet.count(b"[") + packet.count(b"{") <= MAX_DEPTH:
        return True
    bare = packet.replace(b"\\\\", b"").replace(b'\\"', b"")
    depth = 0
    for byte in b"".join(bare.split(b'"')[::2]).translate(None, _NO_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            return False
    return True


def _message(value: Any) -> Message | Broken:
    if not isinstance(value, dict):
        return Broken(f"a message is an object, not {type(value).__name__}")
    own = value.get("mId")
    identity = own if isinstance(own, str) and _ID.fullmatch(own) else ""
    if value.get("mType") != "rSMsg":
        return Broken("mType is not rSMsg", identity)
    kind = value.get("type")
    if not isinstance(kind, str):
        return Broken("a message without a type", identity)
    if kind not in ACKS and not identity:
        return Broken(f"a {kind[:40]} without an mId")
    return Message(kind, identity, value)
