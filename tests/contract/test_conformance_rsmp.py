"""RSMP passes the conformance cards against two sites on real sockets, of either kind."""

from __future__ import annotations

import pytest
from rsmp_peer import RsmpPeer
from signal_samples import crossing

from jacquemart.drivers.conformance import prove
from jacquemart.drivers.rsmp.site.controller import Controller
from jacquemart.traffic.site_controller import SiteController


class RealSignalsPeer(RsmpPeer):
    """Sites with the true model, controller, interlock and granter behind them."""

    def make_controller(self) -> Controller:
        return SiteController(crossing())


@pytest.mark.parametrize("peer", [RsmpPeer, RealSignalsPeer])
def test_rsmp_passes_every_card_its_peer_can_play(peer: type[RsmpPeer]) -> None:
    report = prove(peer)
    assert report.passed, report.text()
    skipped = {result.card.id for result in report.results if result.verdict == "skip"}
    assert skipped == {"DC-250"}, "RSMP has no word for being busy"
