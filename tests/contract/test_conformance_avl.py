"""The AVL driver passes the conformance cards against a gateway on a real socket."""

from __future__ import annotations

from avl_peer import AvlPeer

from jacquemart.drivers.conformance import prove


def test_avl_passes_every_card_its_peer_can_play() -> None:
    report = prove(AvlPeer)
    assert report.passed, report.text()
    skipped = {result.card.id for result in report.results if result.verdict == "skip"}
    played = {result.card.id for result in report.results} - skipped
    assert {"DC-110", "DC-130", "DC-140", "DC-150", "DC-160", "DC-170", "DC-610"} <= played
    assert all(card >= "DC-180" for card in skipped), "it cannot be asked, and takes no writes"
