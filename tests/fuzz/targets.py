"""What is fuzzed: each target takes any bytes, and may only return or raise its typed error."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgpack
from one_lamp import offered, taken

from jacquemart.native import frames
from jacquemart.native.bundle import Packer, unbundled
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.errors import ConfigError, JacquemartError
from jacquemart.runtime.wire import messages

REFUSALS = (frames.MalformedFrame, JacquemartError)
ID = bytes(range(16))
_SLOTS = struct.pack("<3I", 0, 1, 7)
_TIMES = struct.pack("<3q", 1, 2, 3)
COMMAND = frames.encode_command(
    frames.Command(ID, "ann", "lamp-1", "set", "setpoint", 80.5, "%", 8, 10**15, 3)
)
OUTCOME = frames.encode_outcome(
    frames.OutcomeFrame(ID, "lamp-1", "setpoint", 3, "refused", "é", 1.5, 1, 2, 3, 4)
)
HEARTBEAT = frames.encode_heartbeat(frames.Heartbeat("r/north/0/", 5, 6, 7))
BATCH = frames.encode_batch(
    "r/north/0/", 1, 2, _SLOTS, struct.pack("<3d", 1.0, 2.0, 3.0), b"\0\1\2", _TIMES, _TIMES
)
BULK = messages.encode_bulk(
    messages.Bulk(ID, "ann", "north", "street_light", "*", "setpoint", 80, "%", 8, 10**15)
)
CLAIM = messages.encode_claim(
    messages.ClaimCommand(ID, "ann", "lamp-1", "hold", "setpoint", 5.0, "%", 8, 10**15, 1,
                          60_000, -1, "works")
)  # fmt: skip
QUERY = messages.query("get", points=["lamp-1/level"], words=True)
RESULT = messages.encode_bulk_result(
    messages.BulkResult(ID, ["a", "b"], b"\0\1", bytes(16), bytes(16), bytes(16), {1: ("x", "y")})
)
REPLY = messages.reply({"a": [1, 2.5, None, "x", b"y"], "b": {"c": True}})
ERROR = messages.error("bad_frame", "what", "where", "advice")
EVENT = msgpack.packb([1, frames.EVENT, "e/n/", 1, 2, ["name", "zone", "who", 3, 1, {"a": 1}]])
ROLLUP = messages.encode_rollup("z/n/", 1, 2, 3, [["lamp", "level", 2, 2, 3.0, 1.0, 2.0, 0]])
CITY = b"""[city]
id = "c"
[zones.a]
[links.line]
driver = "simulated"
zone = "a"
[templates.lamp]
kind = "generic"
driver = "simulated"
on_zone_lost = "keep"
[templates.lamp.points.level]
range = [0, 100]
writable = true
[[device]]
id = "lamp-1"
template = "lamp"
link = "line"
"""


def _decoder(decode: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        try:
            decode(data)
        except REFUSALS:
            return

    return one


def _city(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.toml"
        path.write_bytes(data)
        try:
            load_city(path)
        except ConfigError as error:
            if not str(error).isprintable() and "\n" not in str(error):
                raise AssertionError("an error that is no text for people") from error


def _plain(data: bytes) -> None:
    """A command alone: done as the decoder reads it, or left to the long way."""
    answer = taken(data)
    if answer is not None and frames.decode_outcome(answer).id != frames.decode_command(data).id:
        raise AssertionError("the answer is another's")


def _bundle(data: bytes) -> None:
    """A bundle: each message has one end on the fast path, or goes the long way whole."""
    line = offered(data)
    try:
        inside = unbundled(data)
    except frames.MalformedFrame:
        return
    ((_, token, answers),) = line.answered
    tokens = [one for one, _ in unbundled(answers)] + [one for _, one, _ in line.long]
    if token != b"token" or sorted(tokens) != sorted(one for one, _ in inside):
        raise AssertionError("a message in a bundle has no end, or two")


PLAIN = frames.encode_command(
    frames.Command(ID, "ann", "lamp-1", "dim", "", 80.5, "%", 8, boot_ns() + 10**15, 3)
)


def _bundle_of(*messages: bytes) -> bytes:
    packer = Packer()
    for number, frame in enumerate(messages):
        packer.put(b"%d" % number, frame)
    return packer.take()


#: Name -> the target, and good inputs that mutations start from.
TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "command": (_decoder(frames.decode_command), (COMMAND, OUTCOME)),
    "outcome": (_decoder(frames.decode_outcome), (OUTCOME, COMMAND)),
    "heartbeat": (_decoder(frames.decode_heartbeat), (HEARTBEAT, BATCH)),
    "batch": (_decoder(frames.decode_batch), (BATCH, HEARTBEAT)),
    "envelope": (_decoder(frames.unpack), (QUERY, REPLY, RESULT, EVENT)),
    "check": (_decoder(frames.check), (COMMAND, QUERY, BATCH, REPLY)),
    "bulk": (_decoder(messages.decode_bulk), (BULK, QUERY)),
    "claim": (_decoder(messages.decode_claim), (CLAIM, BULK)),
    "query": (_decoder(messages.decode_query), (QUERY, REPLY)),
    "result": (_decoder(messages.decode_bulk_result), (RESULT, BULK)),
    "reply": (_decoder(messages.decode_reply), (REPLY, ERROR)),
    "stream": (_decoder(messages.decode_stream), (EVENT, ROLLUP)),
    "plain": (_plain, (PLAIN, COMMAND)),
    "bundle": (_bundle, (_bundle_of(PLAIN, COMMAND, PLAIN), _bundle_of(QUERY), PLAIN)),
    "city": (_city, (CITY,)),
}
