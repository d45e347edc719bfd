"""What each type of message must have before anybody looks into it (RSMP core 3.1.2 to 3.2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jacquemart.drivers.rsmp.wire.message import Message
from jacquemart.drivers.rsmp.wire.values import to_bool, to_seconds

_STATUS: Final = {"sCI": "text", "n": "text"}
_SEEN: Final = {**_STATUS, "s": "any", "q": "text"}
#: Fields by type of message; a mapping stands for a list of such objects, none of it empty.
SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Version": {"RSMP": {"vers": "text"}, "SXL": "text", "siteId": {"sId": "text"}},
    "Watchdog": {"wTs": "text"},
    "AggregatedStatus": {"se": "eight booleans", "aSTS": "text"},
    "AggregatedStatusRequest": {"cId": "text"},
    "Alarm": {"cId": "text", "aCId": "text", "aSp": "text"},
    "StatusRequest": {"cId": "text", "sS": _STATUS},
    "StatusUnsubscribe": {"cId": "text", "sS": _STATUS},
    "StatusSubscribe": {"cId": "text", "sS": {**_STATUS, "uRt": "interval"}},
    "StatusResponse": {"cId": "text", "sTs": "text", "sS": _SEEN},
    "StatusUpdate": {"cId": "text", "sTs": "text", "sS": _SEEN},
    "CommandRequest": {
        "cId": "text", "arg": {"cCI": "text", "n": "text", "cO": "text", "v": "any"},
    },
    "CommandResponse": {
        "cId": "text", "cTS": "text",
        "rvs": {"cCI": "text", "n": "text", "v": "any", "age": "text"},
    },
    "MessageAck": {"oMId": "text"},
    "MessageNotAck": {"oMId": "text"},
}  # fmt: skip
#: Lists that may be empty: an answer may have no values.
_MAY_BE_EMPTY: Final = ("rvs",)
#: Longest list that is taken in one message.
MAX_ITEMS: Final = 2_000


def wrong(message: Message) -> str:
    """Return what is wrong with a message's form, for a person to read; empty if nothing is."""
    shape = SHAPES.get(message.type)
    if shape is None:
        return f"unknown packet type: {message.type[:40]}"
    for name, kind in shape.items():
        if name not in message.body:
            return f"{message.type} without {name}"
        value = message.body[name]
        why = _of_list(name, kind, value) if isinstance(kind, Mapping) else _of_one(kind, value)
        if why:
            return f"{message.type} {name}: {why}"
    return ""


def _of_list(name: str, shape: Mapping[str, str], value: Any) -> str:
    if not isinstance(value, list):
        return "no array"
    if not value and name not in _MAY_BE_EMPTY:
        return "empty"
    if len(value) > MAX_ITEMS:
        return f"more than {MAX_ITEMS} items"
    for item in value:
        if not isinstance(item, dict):
            return "not an array of objects"
        for field, kind in shape.items():
            if field not in item:
                return f"an item without {field}"
            if why := _of_one(kind, item[field]):
                return f"{field}: {why}"
    return ""


def _of_one(kind: str, value: Any) -> str:
    if kind == "text":
        return "" if isinstance(value, str) else "no text"
    if kind == "interval":
        return "" if to_seconds(value) is not None else "no interval in seconds"
    if kind == "eight booleans":
        fine = isinstance(value, list) and len(value) == 8
        return "" if fine and all(to_bool(one) is not None for one in value) else f"not {kind}"
    return ""
