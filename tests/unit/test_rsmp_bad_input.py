"""What a peer of RSMP does wrong costs its own connection at most, and never a wrong value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rsmp_pair import Pair, body

from jacquemart.drivers.rsmp.machine.asking import MOST_UNANSWERED
from jacquemart.drivers.rsmp.machine.session import MOST_BROKEN, Send, SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.machine.supervisor import AlarmSeen, Answer, Seen, Supervisor

MID = "00000000-0000-4000-8000-00000000ffff"


def connected(**named: Any) -> Pair:
    pair = Pair(**named)
    pair.connect()
    return pair


def supervisor_of(pair: Pair) -> Supervisor:
    assert pair.supervisor is not None
    return pair.supervisor


def say(kind: str, identity: str = MID, **fields: Any) -> bytes:
    whole = {"mType": "rSMsg", "type": kind, "mId": identity, **fields}
    return json.dumps(whole).encode() + b"\x0c"


def answers_to(pair: Pair, data: bytes, *, of: str = "supervisor") -> list[dict[str, Any]]:
    """Give one side bytes, and return what it says at once."""
    side: Any = pair.supervisor if of == "supervisor" else pair.site
    side.take()
    side.receive(data, pair.now)
    return [body(one.data) for one in side.take() if isinstance(one, Send)]


@pytest.mark.parametrize("side", ["supervisor", "site"])
def test_malformed_json_is_dropped_and_the_link_goes_on(side: str) -> None:
    pair = connected()
    for packet in (b"{\x0c", b"\x0c\x0c\x0c", b"}{\x0c", b"\xff\x00\x0c", b'{"mType":1}\x0c'):
        assert answers_to(pair, packet, of=side) == []
    session = supervisor_of(pair).session if side == "supervisor" else pair.site.session
    assert session is not None
    assert session.counts.broken == 4
    (ack,) = answers_to(pair, say("Watchdog", wTs="2026-01-01T00:00:00.000Z"), of=side)
    assert (ack["type"], ack["oMId"]) == ("MessageAck", MID)


def test_too_much_that_is_broken_ends_the_connection() -> None:
    pair = connected()
    pair.to_supervisor = b"{\x0c" * MOST_BROKEN
    pair.run()
    assert "broken packets in a row" in pair.closed[0]
    pair.connect()
    assert pair.ready


def test_a_message_of_unknown_type_or_wrong_form_is_refused_with_its_reason() -> None:
    pair = connected()
    for packet, words in (
        (say("Watchdogg"), "unknown packet type: Watchdogg"),
        (say("Watchdog"), "Watchdog without wTs"),
        (say("StatusUpdate", cId="TC", sTs="x", sS=[7]), "not an array of objects"),
        (say("CommandRequest", cId="TC", arg=[{"cCI": "M", "n": "", "cO": "", "v": 1}]), "no Comm"),
        (say("Alarm", cId="TC", aCId="A0001", aSp="Issue"), "Alarm without"),
        (b'{"mType":"x","type":"Alarm","mId":"' + MID.encode() + b'"}\x0c', "mType"),
    ):
        (refusal,) = answers_to(pair, packet)
        assert (refusal["type"], refusal["oMId"]) == ("MessageNotAck", MID)
        assert words in refusal["rea"]
    assert pair.ready


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"RSMP": [{"vers": "2.0.0"}, {"vers": "9.9.9"}]}, "no common RSMP version"),
        ({"SXL": "1.0.15"}, "SXL 1.0.15"),
        ({"SXL": "new"}, "SXL new"),
        ({"siteId": [{"sId": "OTHER"}]}, "site id OTHER"),
        ({"RSMP": []}, "Version RSMP"),
        ({"siteId": 7}, "Version siteId"),
    ],
)
def test_a_version_that_does_not_fit_is_refused_and_the_connection_closed(
    fields: dict[str, Any], words: str
) -> None:
    pair = Pair()
    pair.frozen = True
    pair.connect()
    good = {"RSMP": [{"vers": "3.2.2"}], "SXL": "1.2.1", "siteId": [{"sId": "S1"}]}
    supervisor = supervisor_of(pair)
    supervisor.receive(say("Version", **{**good, **fields}), pair.now)
    refusal, close = supervisor.take()
    assert body(refusal.data)["type"] == "MessageNotAck"
    assert words in body(refusal.data)["rea"]
    assert words in close.reason
    supervisor.receive(say("Version", **good), pair.now)
    assert supervisor.take() == []


def test_a_site_of_a_wrong_id_or_version_gets_no_further() -> None:
    for pair in (Pair(expected=["S2"]), Pair(sxl="1.0.15")):
        pair.connect()
        assert pair.closed
        assert pair.supervisor is None
    site = SiteOptions(SessionOptions(core=("3.1.2",), sxl=("1.2.1",)))
    pair = Pair(core=("3.2.2",), site=site)
    pair.connect()
    assert any("no common RSMP version" in one for one in pair.closed)


def test_a_site_leaves_a_supervisor_that_answers_with_another_site_or_version() -> None:
    for fields, words in (
        ({"siteId": [{"sId": "S2"}]}, "site id S2"),
        ({"SXL": "1.1.0"}, "SXL 1.1.0"),
        ({"RSMP": [{"vers": "3.1.1"}]}, "no common"),
    ):
        pair = Pair()
        pair.site.connected(pair.now)
        (version,) = pair.site.take()
        pair.site.receive(say("MessageAck", oMId=body(version.data)["mId"]), pair.now)
        whole = {"RSMP": [{"vers": "3.2.2"}], "SXL": "1.2.1", "siteId": [{"sId": "S1"}], **fields}
        pair.site.receive(say("Version", **whole), pair.now)
        assert words in pair.site.take()[-1].reason


def test_nothing_is_acknowledged_before_the_versions_are_exchanged() -> None:
    pair = Pair()
    pair.frozen = True
    pair.connect()
    assert answers_to(pair, say("Watchdog", wTs="x") + say("Nonsense")) == []
    assert supervisor_of(pair).session.counts.too_early == 2
    pair.wait(31.0)
    assert any("acknowledgement of our Version" in one for one in pair.closed)


def test_a_second_version_is_refused() -> None:
    pair = connected()
    version = {"RSMP": [{"vers": "3.1.2"}], "SXL": "1.1.0", "siteId": [{"sId": "S1"}]}
    (refusal,) = answers_to(pair, say("Version", **version))
    assert refusal["type"] == "MessageNotAck"
    assert supervisor_of(pair).session.core == "3.2.2"


@pytest.mark.parametrize("side", ["supervisor", "site"])
def test_acknowledgements_of_unknown_messages_have_no_effect(side: str) -> None:
    pair = connected()
    for what in ({"oMId": MID}, {"oMId": 7}, {"oMId": None}, {}):
        assert answers_to(pair, say("MessageAck", **what), of=side) == []
        assert answers_to(pair, say("MessageNotAck", **what), of=side) == []
    session = supervisor_of(pair).session if side == "supervisor" else pair.site.session
    assert session is not None
    assert session.counts.unknown_acks == 8
    pair.wait(100.0)
    assert pair.ready


def test_a_site_that_never_acknowledges_is_left_after_the_time_out() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    token = supervisor.request("TC", [("S0014", "status")], pair.now, 5.0)
    pair.frozen = True
    pair.wait(6.0)
    assert pair.of(Answer)[-1] == Answer(token, [], None, "no answer in time")
    pair.wait(25.0)
    assert any(one == "supervisor: no acknowledgement of our StatusRequest in 30 s"
               for one in pair.closed)  # fmt: skip


@pytest.mark.parametrize("side", ["supervisor", "site"])
def test_a_peer_without_watchdogs_is_left(side: str) -> None:
    pair = connected()
    real = pair.site if side == "supervisor" else supervisor_of(pair)
    session = real.session
    assert session is not None
    session._next_watchdog = 1e9
    pair.wait(95.0)
    assert any(one.startswith(f"{side}: no watchdog in 90 s") for one in pair.closed)


def test_unknown_codes_and_names_are_refused_and_change_nothing() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    for code, name in (("S0000", "status"), ("S0001", "bad"), ("A0001", "x")):
        supervisor.request("TC", [(code, name)], pair.now, 5.0)
    supervisor.request("SG1", [("S0001", "stage")], pair.now, 5.0)
    pair.run()
    assert [one.refused for one in pair.of(Answer)] == [True] * 4
    (refusal,) = answers_to(
        pair,
        say("StatusSubscribe", cId="TC",
            sS=[{"sCI": "S0014", "n": "status", "uRt": "0", "sOc": False}]),
        of="site",
    )  # fmt: skip
    assert "nothing would be sent" in refusal["rea"]
    assert len(pair.site.subscriptions) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timeplan": None}, "without timeplan"), ({"timeplan": "9"}, "no plan 9"),
        ({"timeplan": "300"}, "0..255"), ({"status": "maybe"}, "True nor False"),
        ({"securityCode": "1"}, "wrong security code"), ({"extra": "1"}, "has no extra"),
        ({"timeplan": ["2"]}, "no whole number"), ({"timeplan": {"a": 1}}, "no whole number"),
    ],
)  # fmt: skip
def test_a_command_that_is_wrong_is_refused_and_not_carried_out(
    changes: dict[str, Any], words: str
) -> None:
    pair = connected()
    pair.wait(20.0)
    values = {"status": "True", "securityCode": "2222", "timeplan": "2", **changes}
    rows = [
        {"cCI": "M0002", "n": n, "cO": "setPlan", "v": v}
        for n, v in values.items()
        if v is not None
    ]
    (refusal,) = answers_to(pair, say("CommandRequest", cId="TC", arg=rows), of="site")
    assert refusal["type"] == "MessageNotAck"
    assert words in refusal["rea"]
    pair.wait(30.0)
    assert pair.tlc.controller.plan == 1


def test_a_wrong_command_word_or_two_commands_in_one_message_are_refused() -> None:
    pair = connected()
    wrong = [{"cCI": "M0004", "n": "status", "cO": "bad", "v": "True"}]
    both = [
        {"cCI": "M0007", "n": n, "cO": "setFixedTime", "v": v}
        for n, v in (("status", "False"), ("securityCode", "2222"))
    ] + [
        {"cCI": "M0004", "n": n, "cO": "setRestart", "v": v}
        for n, v in (("status", "True"), ("securityCode", "2222"))
    ]
    for rows in (wrong, both):
        (refusal,) = answers_to(pair, say("CommandRequest", cId="TC", arg=rows), of="site")
        assert refusal["type"] == "MessageNotAck"
    assert pair.tlc.fixed_time


def response(name: str, value: Any, *, component: str = "TC", identity: str = MID) -> bytes:
    row = {"sCI": "S0014", "n": name, "s": value, "q": "recent"}
    return say("StatusResponse", identity, cId=component, sTs="2026-01-01T00:00:00.000Z", sS=[row])


def test_an_answer_to_another_question_is_no_answer() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    pair.frozen = True
    supervisor.request("TC", [("S0014", "status")], pair.now, 5.0)
    pair.run()
    supervisor.receive(response("source", "forced"), pair.now)
    pair.run()
    (answer,) = pair.of(Answer)
    assert answer.error == "the answer is to another question"
    assert answer.values == []
    supervisor.receive(response("status", "3", component="nowhere"), pair.now)
    supervisor.receive(response("status", "3"), pair.now)
    pair.run()
    assert len(pair.of(Answer)) == 1, "nobody asked"


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    pair.frozen = True
    supervisor.request("TC", [("S0014", "status")], pair.now, 1.0)
    pair.wait(2.0)
    second = supervisor.request("TC", [("S0014", "status")], pair.now, 9.0)
    supervisor.receive(response("status", "1"), pair.now)
    pair.run()
    assert [one.error for one in pair.of(Answer)] == ["no answer in time"]
    supervisor.receive(response("status", "2"), pair.now)
    pair.run()
    answer = pair.of(Answer)[-1]
    assert (answer.token, answer.values[0].value) == (second, "2")


def test_a_site_that_does_not_answer_is_left_since_nobody_knows_what_belongs_together() -> None:
    pair = connected()
    pair.site.act = lambda message, now: None  # type: ignore[method-assign]
    for _ in range(MOST_UNANSWERED):
        supervisor_of(pair).request("TC", [("S0014", "status")], pair.now, 1.0)
        pair.wait(2.0)
    assert any("were not answered" in one for one in pair.closed)


def test_a_flood_is_answered_one_by_one_and_leaves_nothing_behind() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    flood = say("Nonsense") * 3_000 + say("MessageAck", oMId=MID) * 3_000
    acks = answers_to(pair, flood + say("Watchdog", wTs="x") * 3_000)
    assert len(acks) == 6_000
    assert [one["type"] for one in acks[-3_000:]] == ["MessageAck"] * 3_000
    assert supervisor.session.unacknowledged == 0
    assert len(supervisor.session.counts.reasons) <= 10


def test_a_packet_without_end_is_given_up() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    for _ in range(30):
        supervisor.receive(b'{"x":"' + b"x" * 100_000, pair.now)
    assert supervisor.session._framing.pending == 0
    assert supervisor.session.counts.broken == 1


def test_alarms_of_components_without_end_are_not_all_kept() -> None:
    pair = connected()
    supervisor = supervisor_of(pair)
    alarm = pair.tlc.alarms.all()[0].fields("Issue")
    for number in range(6_000):
        supervisor.receive(say("Alarm", **{**alarm, "cId": f"c{number}"}), pair.now)
    assert len(supervisor.alarms) == 5_000
    supervisor.take()


def test_what_a_site_tells_of_unknown_codes_is_told_as_it_is_and_acknowledged() -> None:
    pair = connected()
    row = {"sCI": "S9999", "n": "x", "s": {"deep": [1]}, "q": "sometimes"}
    update = say("StatusUpdate", cId="TC", sTs="never", sS=[row])
    supervisor = supervisor_of(pair)
    supervisor.receive(update, pair.now)
    ack, seen = supervisor.take()
    assert body(ack.data)["type"] == "MessageAck"
    assert isinstance(seen, Seen)
    assert (seen.at_ms, seen.values[0].code) == (None, "S9999")


def test_an_alarm_told_late_does_not_undo_a_newer_state() -> None:
    pair = connected()
    pair.tlc.raise_alarm("TC", "A0010", True)
    pair.wait(1.0)
    supervisor = supervisor_of(pair)
    assert supervisor.alarms["TC", "A0010"].active
    old = pair.tlc.alarms.get("TC", "A0010")
    assert old is not None
    late = {**old.fields("Issue"), "aS": "inActive", "aTs": "2001-01-01T00:00:00.000Z"}
    supervisor.receive(say("Alarm", **late), pair.now)
    assert supervisor.alarms["TC", "A0010"].active
    pair.run()
    assert pair.of(AlarmSeen)[-1].buffered
