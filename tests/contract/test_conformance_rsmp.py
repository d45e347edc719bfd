"""The RSMP driver passes the conformance cards against two emulated sites on real sockets."""

from __future__ import annotations

from rsmp_peer import RsmpPeer

from jacquemart.drivers.conformance import prove


def test_rsmp_passes_every_card_its_peer_can_play() -> None:
    report = prove(RsmpPeer)
    assert report.passed, report.text()
    skipped = {result.card.id for result in report.results if result.verdict == "skip"}
    assert skipped == {"DC-250"}, "RSMP has no word for being busy"
