"""RSMP on the wire: packets, messages, times, versions, and the signal exchange list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rsmp_schemas import schema

from jacquemart.drivers.rsmp.wire import shapes, stamp, sxl, versions
from jacquemart.drivers.rsmp.wire.framing import TOO_LONG, Framing
from jacquemart.drivers.rsmp.wire.message import Broken, Message, decode, encode
from jacquemart.drivers.rsmp.wire.values import native, to_bool, to_int, to_seconds

ID = "be12ab9a-800c-4c19-8c50-adf832f22420"
DOG = {"mType": "rSMsg", "type": "Watchdog", "mId": ID, "wTs": "2015-06-08T12:01:39.654Z"}


def one(packet: bytes) -> Message | Broken:
    (found,) = decode(packet)
    return found


def test_a_message_ends_with_a_form_feed_and_has_none_inside() -> None:
    packet = encode({**DOG, "x": "a\fb"})
    assert packet.endswith(b"\x0c")
    assert packet.count(b"\x0c") == 1
    (only,) = Framing().feed(packet)
    assert one(only) == Message("Watchdog", ID, {**DOG, "x": "a\fb"})


def test_form_feeds_too_many_are_no_packets() -> None:
    packet = encode(DOG)
    assert Framing().feed(b"\x0c\x0c" + packet + b"\x0c \r\n\x0c" + packet) == [packet[:-1]] * 2


def test_joined_and_split_packets_come_out_whole() -> None:
    packet = encode(DOG)
    framing = Framing()
    assert framing.feed(packet + packet[:20]) == [packet[:-1]]
    assert framing.pending == 20
    assert framing.feed(packet[20:] + packet) == [packet[:-1]] * 2
    assert framing.pending == 0


def test_messages_without_a_form_feed_between_them_are_both_taken() -> None:
    text = json.dumps(DOG).encode()
    assert [found.type for found in decode(text + b"\r\n " + text)] == ["Watchdog"] * 2


def test_what_follows_something_broken_is_not_taken() -> None:
    text = json.dumps(DOG).encode()
    good, bad = decode(text + b"{]" + text)
    assert isinstance(good, Message)
    assert isinstance(bad, Broken)


def test_a_packet_that_is_too_long_is_told_once_and_kept_nowhere() -> None:
    framing = Framing(limit=100)
    assert framing.feed(b"x" * 101) == [TOO_LONG]
    for _ in range(1_000):
        assert framing.feed(b"y" * 1_000) == []
    assert framing.pending == 0
    assert framing.feed(b"\x0c" + encode({"a": 1})) == [b'{"a":1}']
    assert isinstance(one(TOO_LONG), Broken)


@pytest.mark.parametrize(
    "text",
    [
        b"{", b"[]", b"7", b"null", b'"x"', b"{}", b"\xff\xfe", b"\xef\xbb\xbf{}", b"NaN",
        b'{"mType":"rSMsg","type":"Watchdog","mId":Infinity}', b"[" * 5_000, b'{"a":' * 5_000,
        b'{"mType":"rSMsg","type":7,"mId":"a"}', b'{"mType":"rSMsg","type":"Alarm"}',
        b'{"mType":"rSMsg","type":"Alarm","mId":7}', b'{"mType":"rSMsg","type":"Alarm","mId":""}',
        b'{"mType":"other","type":"Alarm","mId":"a"}', b'{"mType":"rSMsg","mId":"ab"}',
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_message_is_broken_and_never_an_exception(text: bytes) -> None:
    assert isinstance(one(text), Broken)


def test_the_id_of_a_broken_message_is_told_if_it_can_be_read() -> None:
    found = one(json.dumps({**DOG, "mType": "x"}).encode())
    assert isinstance(found, Broken)
    assert found.id == ID


def test_brackets_within_texts_do_not_nest() -> None:
    body = {**DOG, "x": "[" * 50 + '\\"' + "{" * 50, "y": [[["a"]]]}
    assert one(encode(body)[:-1]) == Message("Watchdog", ID, body)
    assert isinstance(one(encode({**DOG, "x": json.loads("[" * 20 + "]" * 20)})[:-1]), Broken)


def test_times_are_utc_with_three_decimals() -> None:
    assert stamp.to_text(1_433_764_099_654) == "2015-06-08T11:48:19.654Z"
    assert stamp.to_ms("2015-06-08T11:48:19.654Z") == 1_433_764_099_654
    assert stamp.to_ms("2015-06-08T13:48:19.654+02:00") == 1_433_764_099_654
    assert stamp.to_ms("2015-06-08T11:48:19") == 1_433_764_099_000
    for wrong in ("2015-13-08T11:48:19.654Z", "yesterday", "", None, 7, "2015-06-08"):
        assert stamp.to_ms(wrong) is None
    assert stamp.to_text(-5) == "1970-01-01T00:00:00.000Z"
    assert stamp.to_text(10**20) == "9999-12-31T23:59:59.999Z"


def test_both_sides_choose_the_latest_version_that_both_have() -> None:
    assert versions.latest_shared(versions.CORE, ["3.1.2", "3.2.2", "9.9"]) == "3.2.2"
    assert versions.latest_shared(versions.CORE, ["3.1.5", "3.1.3", None, 7]) == "3.1.5"
    assert versions.latest_shared(versions.CORE, ["3.2"]) == "3.2.0"
    assert versions.latest_shared(versions.CORE, ["3.3.0", "2.1"]) == ""
    assert versions.normal("1.1") == "1.1.0"
    assert versions.normal("one") == versions.normal(None) == ""


def test_values_are_read_in_either_form() -> None:
    assert [to_bool(v) for v in ("True", "false", True, "1", " TRUE ", 1, None, "yes", [])] == [
        True, False, True, True, True, None, None, None, None,
    ]  # fmt: skip
    assert [to_int(v) for v in ("7", 7, "-3", True, "7.5", None, "9" * 30, 10**30)] == [
        7, 7, -3, None, None, None, None, None,
    ]  # fmt: skip
    assert [to_seconds(v) for v in ("2.5", 0, "nan", "-1", "1e9", True, [], 10**400)] == [
        2.5, 0.0, None, None, None, None, None, None,
    ]  # fmt: skip
    assert (native("boolean", "True"), native("integer", "7"), native("string", "7")) == (
        True, 7, "7",
    )  # fmt: skip


def names_in(found: Any) -> set[str]:
    return set(next(one for one in found["allOf"] if "enum" in str(one))["properties"]["n"]["enum"])


@pytest.mark.parametrize("version", versions.SXL)
@pytest.mark.parametrize(
    ("part", "codes"),
    [("statuses", sxl.STATUSES), ("commands", sxl.COMMANDS), ("alarms", sxl.ALARMS)],
)
def test_the_lists_of_codes_are_those_of_the_published_schemas(
    version: str, part: str, codes: dict[str, sxl.Code]
) -> None:
    ours = {code: its for code, its in codes.items() if sxl.has(its.versions, version)}
    top = schema(f"tlc/{version}/{part}/{part}.json")
    text = json.dumps(top)
    assert set(ours) == {word for word in codes if f'"{word}"' in text}
    for code, its in ours.items():
        found = schema(f"tlc/{version}/{part}/{code}.json")
        mine = {name: a for name, a in its.arguments.items() if sxl.has(a.versions, version)}
        if not mine:
            continue
        assert set(mine) == names_in(found), code
        if its.command:
            assert f'"const": "{its.command}"' in json.dumps(found), code
        for name, argument in mine.items():
            rule = next(
                one["then"]["properties"]
                for one in found["allOf"][1]["else"]["allOf"]
                if one["if"]["properties"]["n"]["const"] == name
            )
            value = next(iter(rule.values()))
            words = value.get("enum")
            if argument.kind == "string" and argument.words:
                assert words is None or set(words) == set(argument.words), (code, name)
            reference = json.dumps(value)
            if argument.kind in ("integer", "boolean", "integer_list", "boolean_list"):
                assert words or f"definitions.json#/{argument.kind}" in reference, (code, name)


def test_commands_are_checked_before_anything_is_done() -> None:
    good = {"status": "True", "securityCode": "2", "timeplan": "3"}
    assert sxl.command_wrong("M0002", "setPlan", good, "1.2.1") == ""
    assert "unknown command" in sxl.command_wrong("M9999", "setPlan", good, "1.2.1")
    assert "setPlan" in sxl.command_wrong("M0002", "setValue", good, "1.2.1")
    assert "without status" in sxl.command_wrong("M0002", "setPlan", {"timeplan": "3"}, "1.2.1")
    assert "has no x" in sxl.command_wrong("M0002", "setPlan", {**good, "x": "1"}, "1.2.1")
    for wrong in ("256", "", "x", None, [], {}, True, "1.5"):
        assert sxl.command_wrong("M0002", "setPlan", {**good, "timeplan": wrong}, "1.2.1"), wrong
    assert sxl.status_wrong("S0018", "number", "1.1.0") == ""
    assert sxl.status_wrong("S0018", "number", "1.2.0")
    assert sxl.status_wrong("S0035", "emergencyroutes", "1.1.0")
    assert sxl.status_wrong("S0001", "bad", "1.2.1")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Version", "RSMP", []), ("Version", "RSMP", [{"vers": 3}]), ("Version", "siteId", "S1"),
        ("Watchdog", "wTs", None), ("StatusRequest", "sS", {}), ("StatusRequest", "sS", [7]),
        ("StatusRequest", "cId", 7), ("StatusSubscribe", "sS", [{"sCI": "S1", "n": "x"}]),
        ("StatusSubscribe", "sS", [{"sCI": "S1", "n": "x", "uRt": "soon"}]),
        ("AggregatedStatus", "se", [True] * 7), ("AggregatedStatus", "se", ["maybe"] * 8),
        ("CommandRequest", "arg", []), ("StatusUpdate", "sS", [{}]), ("Watchdogg", "x", 1),
    ],
)  # fmt: skip
def test_a_message_of_the_wrong_form_is_told_so(kind: str, field: str, value: Any) -> None:
    whole: dict[str, Any] = {
        "RSMP": [{"vers": "3.2.2"}], "SXL": "1.2.1", "siteId": [{"sId": "S1"}], "wTs": "x",
        "cId": "TC", "aSTS": "x", "sTs": "x", "se": [True] * 8,
        "sS": [{"sCI": "S1", "n": "x", "s": "1", "q": "recent", "uRt": "1"}],
        "arg": [{"cCI": "M1", "n": "x", "cO": "y", "v": "z"}],
    }  # fmt: skip
    if kind != "Watchdogg":
        assert shapes.wrong(Message(kind, ID, whole)) == ""
    assert shapes.wrong(Message(kind, ID, {**whole, field: value}))
    del whole[next(iter(shapes.SHAPES.get(kind, {"cId": 1})))]
    assert shapes.wrong(Message(kind, ID, whole))
