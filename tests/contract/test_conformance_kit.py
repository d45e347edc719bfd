"""The conformance kit passes honest drivers, and tells what it did."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from line_drivers import BlockingLineDriver, LineDriver
from line_field import LinePeer

from jacquemart.drivers.conformance import Peer, deck, prove
from jacquemart.drivers.conformance.__main__ import load_peer, main
from jacquemart.drivers.simulated.peer import SimulatedPeer
from jacquemart.runtime.model.errors import UsageError

SIMULATED = "jacquemart.drivers.simulated.peer:SimulatedPeer"
UNDER_A_QUESTION = {"DC-160", "DC-280"}
SPEAKING = {"DC-610", "DC-620"}


class LoopPeer(LinePeer):
    driver = LineDriver


class ThreadPeer(LinePeer):
    driver = BlockingLineDriver


@pytest.mark.parametrize(
    ("peer", "skipped"),
    [(SimulatedPeer, UNDER_A_QUESTION), (LoopPeer, SPEAKING), (ThreadPeer, SPEAKING)],
)
def test_an_honest_driver_passes_every_card_its_peer_can_play(
    peer: type[LinePeer], skipped: set[str]
) -> None:
    report = prove(peer)
    assert report.passed, report.text()
    assert {r.card.id for r in report.results if r.verdict == "skip"} == skipped
    assert all("the peer cannot" in r.detail for r in report.results if r.verdict == "skip")


def test_numbers_are_spaced_and_every_card_says_what_it_does() -> None:
    cards = deck()
    assert len(cards) >= 30
    assert all(int(card.id.removeprefix("DC-")) % 10 == 0 for card in cards)
    assert all(card.title and card.needs and card.action and card.passes for card in cards)
    assert len({card.title for card in cards}) == len(cards)


def test_a_peer_that_can_do_nothing_skips_cards_with_a_reason_and_passes_none_of_them() -> None:
    class BarePeer(LoopPeer):
        refuse, cut, hold, held, silence = Peer.refuse, Peer.cut, Peer.hold, Peer.held, Peer.silence

    report = prove(BarePeer, ["dc-030", "DC-310", "DC-150", "DC-010"])
    assert [result.verdict for result in report.results] == ["pass", "skip", "skip", "skip"]
    assert "cannot refuse connections" in report.result("DC-030").detail


def test_a_peer_that_breaks_is_not_taken_for_a_driver_that_does() -> None:
    class Broken(LoopPeer):
        async def refuse(self, on: bool) -> None:
            raise RuntimeError("out of order")

    result = prove(Broken, ["DC-030"]).result("DC-030")
    assert (result.verdict, result.detail) == ("fail", "the peer: RuntimeError(out of order)")


def test_an_unknown_card_is_the_callers_fault() -> None:
    with pytest.raises(UsageError, match="DC-999"):
        prove(SimulatedPeer, ["DC-999"])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nonsense", "names no class"),
        ("no_such_module:Peer", "ModuleNotFoundError"),
        ("json:Nothing", "AttributeError"),
        ("json:JSONDecoder", "is not a peer"),
        ("jacquemart.drivers.conformance:Peer", "is not a peer"),
    ],
)
def test_a_wrong_peer_is_named(path: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_peer(path)


def test_the_command_reports_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([SIMULATED, "--card", "DC-010", "--card", "DC-160"]) == 0
    text = capsys.readouterr().out
    assert "DC-010  pass  The link opens and closes" in text
    assert "1 passed, 0 failed, 1 skipped" in text
    assert main([SIMULATED, "--card", "DC-010", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert report["driver"].endswith("SimulatedDriver")
    assert report["cards"][0]["verdict"] == "pass"
    assert main(["nonsense"]) == 2
    assert "module:PeerClass" in capsys.readouterr().err
    assert main(["--list", "--card", "DC-270"]) == 0
    assert "passes if: OutcomeUnknown" in capsys.readouterr().out


def test_the_command_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "jacquemart.drivers.conformance", SIMULATED]
    done = subprocess.run(
        [*command, "--card", "DC-210"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 passed, 0 failed, 0 skipped" in done.stdout
