"""The Modbus driver passes the conformance cards against a server written from the standard."""

from __future__ import annotations

import pytest
from hostile_modbus import wrong_count, wrong_unit
from modbus_peer import GatewayPeer, ModbusPeer

from jacquemart.drivers.conformance import prove

SPEAKING = {"DC-610", "DC-620"}  # a Modbus unit speaks only when it is asked


@pytest.mark.parametrize("peer", [ModbusPeer, GatewayPeer])
def test_modbus_passes_every_card_its_peer_can_play(peer: type[ModbusPeer]) -> None:
    report = prove(peer)
    assert report.passed, report.text()
    assert {r.card.id for r in report.results if r.verdict == "skip"} == SPEAKING


@pytest.mark.parametrize("confusion", [wrong_count, wrong_unit])
def test_modbus_takes_no_answer_of_wrong_count_or_unit(confusion: object) -> None:
    peer = type("ConfusedPeer", (ModbusPeer,), {"confusion": staticmethod(confusion)})
    report = prove(peer, ["DC-160", "DC-280"])
    assert report.count("pass") == 2, report.text()
