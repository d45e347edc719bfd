"""Every planted fault is caught by the card that is there for it."""

from __future__ import annotations

from collections.abc import Iterator

import faulty_answers
import faulty_lives
import pytest
from faulty_answers import SendsWritesAgain, TakesAnyAnswer, TakesSilenceForADeadLink
from line_field import LinePeer

from jacquemart.drivers.conformance import Report, deck, prove
from jacquemart.drivers.contract import Driver
from jacquemart.drivers.simulated import SimulatedDriver
from jacquemart.drivers.simulated.peer import SimulatedPeer

FAULTY = {**faulty_answers.FAULTY, **faulty_lives.FAULTY}

#: What the card says of each; enough of it to be sure that it saw the right thing.
SEEN = {
    "ChecksNothing": "does not object to the unknown key",
    "LetsOSErrorsOut": "open raised ConnectionRefusedError",
    "HasNoTimeout": "read took longer than 3 s",
    "ReadsNotANumber": "nan, which should be a Bad",
    "RaisesForOnePoint": "one spoilt point made the whole read raise UnitError",
    "LeavesHolesOut": "read gave 5 values for 6 points",
    "SortsItsPlan": "was read as",
    "TakesSilenceForADeadLink": "reading its neighbour too raised LinkError",
    "TakesAnyAnswer": "the answer to another question was read as [77.0",
    "SwallowsCancellation": "swallowed its cancellation",
    "IsStuckAfterCancellation": "raised RuntimeError(another call is under way), not a DriverError",
    "AcknowledgesUnanswered": "expected OutcomeUnknown, got success",
    "SendsWritesAgain": "2 writes reached the peer, at most 1 may",
    "SaysNothingWasSent": "expected OutcomeUnknown, got LinkError",
    "ClampsWhatItCannotSay": "expected DeviceRefused, got success",
    "TakesRefusalForSilence": "expected DeviceRefused, got UnitError",
    "HasOneResultForAll": "beside it: got DeviceRefused",
    "ConnectsBehindTheShellsBack": "only open may connect",
    "ClosesOnlyOnce": "close raised AttributeError",
    "OpensOnlyOnce": "used up",
    "KeepsItsSocket": "more of: socket",
    "KeepsATask": "more of: task heartbeat",
    "KeepsAThread": "more of: thread without a name",
    "NamesNobody": "does not name pump",
    "NamesNoLink": "names neither line-1 nor an option",
    "BlocksForEver": "took longer than 3 s",
    "PublishesFromAThread": "from another thread",
    "PublishesCrookedColumns": "differ in length",
    "PublishesAfterClose": "published after close",
}


@pytest.fixture(autouse=True)
def close_what_drivers_kept() -> Iterator[None]:
    yield
    while faulty_lives.KEPT:
        writer = faulty_lives.KEPT.pop()
        sock = writer and writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            writer.transport._sock.close()  # type: ignore[union-attr]


def trial(faulty: type[Driver], *cards: str) -> Report:
    base = SimulatedPeer if issubclass(faulty, SimulatedDriver) else LinePeer
    return prove(type("FaultyPeer", (base,), {"driver": faulty}), cards)


@pytest.mark.parametrize("faulty", FAULTY, ids=lambda kind: kind.__name__)
def test_the_fault_is_caught_by_its_card(faulty: type[Driver]) -> None:
    result = trial(faulty, FAULTY[faulty]).result(FAULTY[faulty])
    assert result.verdict == "fail"
    assert SEEN[faulty.__name__] in result.detail


def test_a_report_of_a_faulty_driver_says_what_would_have_passed() -> None:
    report = trial(SendsWritesAgain, "DC-010", "DC-250")
    assert not report.passed
    text = report.text()
    assert "DC-250  FAIL  A write to a busy device is DeviceBusy" in text
    assert "passes if: DeviceBusy, sent once" in text
    assert "1 passed, 1 failed, 0 skipped" in text


@pytest.mark.parametrize(
    ("faulty", "others"),
    [
        (TakesAnyAnswer, ["DC-180", "DC-280"]),
        (SendsWritesAgain, ["DC-270"]),
        (TakesSilenceForADeadLink, ["DC-260"]),
    ],
)
def test_a_fault_that_shows_in_several_places_fails_there_too(
    faulty: type[Driver], others: list[str]
) -> None:
    report = trial(faulty, *others)
    assert [result.verdict for result in report.results] == ["fail"] * len(others)


def test_faults_are_planted_under_most_cards() -> None:
    planted = set(FAULTY.values())
    assert planted <= {card.id for card in deck()}
    assert len(FAULTY) >= 8
    assert SEEN.keys() == {kind.__name__ for kind in FAULTY}
