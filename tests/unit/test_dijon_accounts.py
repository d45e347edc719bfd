"""The table by which the city's report and the field's account are compared, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from accounts import Comparison, compare, contradiction, word_of

from jacquemart import Outcome, Status
from jacquemart.runtime.model.outcome import Reason

LEVEL = 80.0
TOLERANCE = 0.5


def said(status: Status, reason: str = Reason.OK, device: str = "lamp-1") -> Outcome:
    return Outcome(b"", device, "setpoint", status, reason)


def lamp(
    level: float = 0.0,
    *,
    setpoint: float | None = LEVEL,
    writes: int = 1,
    unclear: int = 0,
    state: str = "ok",
) -> dict[str, Any]:
    return {
        "level": level,
        "setpoint": setpoint if writes else None,
        "writes": writes,
        "unclear": unclear,
        "state": state,
    }


APPLIED = said(Status.APPLIED)
REFUSED = said(Status.FAILED, Reason.REFUSED)
BUSY = said(Status.FAILED, Reason.BUSY)
NOT_FOLLOWING = said(Status.FAILED, Reason.NOT_FOLLOWING)
DEVICE_FAULT = said(Status.FAILED, Reason.DEVICE_FAULT)
NO_ANSWER = said(Status.INDETERMINATE, Reason.NO_ANSWER)
NO_READBACK = said(Status.INDETERMINATE, Reason.NO_READBACK)
CELL_LOST = said(Status.INDETERMINATE, Reason.CELL_LOST)
UNREACHABLE = said(Status.REJECTED, Reason.UNREACHABLE)
UNREACHABLE_BY = said(Status.REJECTED, Reason.UNREACHABLE_BY)
RULE = said(Status.REJECTED, Reason.RULE)
EXPIRED = said(Status.EXPIRED, Reason.DEADLINE)
CANCELLED = said(Status.CANCELLED)
UNTOUCHED = lamp(writes=0)
SWALLOWED = lamp(writes=0, unclear=1, state="behind_dead_cabinet")
TAKEN_MUTELY = lamp(79.0, unclear=1, state="behind_mute_cabinet")

AGREE = [
    (APPLIED, lamp(80.0)),
    (APPLIED, lamp(80.5)),
    (APPLIED, lamp(80.0, unclear=1)),
    (REFUSED, UNTOUCHED),
    (BUSY, UNTOUCHED),
    (NOT_FOLLOWING, lamp(0.0, state="stuck")),
    (DEVICE_FAULT, lamp(0.0, state="dead")),
    (NO_ANSWER, SWALLOWED),
    (NO_ANSWER, TAKEN_MUTELY),
    (CELL_LOST, lamp(80.0, unclear=1)),
    (NO_READBACK, lamp(80.0, state="behind_dead_cabinet")),
    (NO_READBACK, lamp(0.0, state="unpowered")),
    (UNREACHABLE, UNTOUCHED),
    (UNREACHABLE_BY, UNTOUCHED),
    (RULE, UNTOUCHED),
    (EXPIRED, UNTOUCHED),
    (CANCELLED, UNTOUCHED),
]

CONTRADICT = [
    (APPLIED, lamp(79.4), "its level is 79.4"),
    (APPLIED, UNTOUCHED, "its level is 0.0"),
    (APPLIED, lamp(80.0, writes=2), "it took 2 writes"),
    (APPLIED, lamp(80.0, setpoint=20.0), "its setpoint is 20.0"),
    (REFUSED, lamp(0.0), "it took 1 writes"),
    (BUSY, lamp(80.0, writes=3), "it took 3 writes"),
    (NOT_FOLLOWING, lamp(80.0), "it is at the level"),
    (NOT_FOLLOWING, UNTOUCHED, "its setpoint is None"),
    (NOT_FOLLOWING, lamp(0.0, writes=2), "it took 2 writes"),
    (DEVICE_FAULT, lamp(80.0), "it is at the level"),
    (NO_ANSWER, lamp(0.0), "every write that arrived was clearly answered"),
    (NO_ANSWER, UNTOUCHED, "every write that arrived was clearly answered"),
    (NO_ANSWER, lamp(80.0, writes=2, unclear=2), "it took 2 writes"),
    (NO_READBACK, lamp(80.0), "it can be read, and is ok"),
    (NO_READBACK, lamp(0.0, writes=0, state="behind_dead_cabinet"), "it took 0 writes"),
    (UNREACHABLE, lamp(0.0), "a write arrived"),
    (UNREACHABLE_BY, SWALLOWED, "a write arrived"),
    (RULE, lamp(80.0), "a write arrived"),
    (EXPIRED, lamp(80.0), "a write arrived"),
    (EXPIRED, SWALLOWED, "a write arrived"),
]


def name(value: object) -> str | None:
    return f"{value.status.name}-{value.reason}" if isinstance(value, Outcome) else None


@pytest.mark.parametrize(("outcome", "there"), AGREE, ids=name)
def test_what_is_true_and_all_that_could_be_known_is_no_contradiction(
    outcome: Outcome, there: dict[str, Any]
) -> None:
    assert contradiction(outcome, there, LEVEL, TOLERANCE) is None


@pytest.mark.parametrize(("outcome", "there", "why"), CONTRADICT, ids=name)
def test_what_is_not_true_is_named(outcome: Outcome, there: dict[str, Any], why: str) -> None:
    assert contradiction(outcome, there, LEVEL, TOLERANCE) == why


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (APPLIED, "applied"),
        (REFUSED, "failed"),
        (NO_ANSWER, "indeterminate"),
        (UNREACHABLE, "unreachable"),
        (UNREACHABLE_BY, "unreachable"),
        (RULE, "other"),
        (EXPIRED, "other"),
        (CANCELLED, "other"),
    ],
    ids=name,
)
def test_every_outcome_is_counted_under_one_word(outcome: Outcome, word: str) -> None:
    assert word_of(outcome) == word
    found = compare([outcome], {"lamps": {"lamp-1": UNTOUCHED}}, LEVEL, TOLERANCE)
    counted = {key: value for key, value in found.figures().items() if value and key != "disagree"}
    assert counted == {"lamps": 1, word: 1}


def test_two_accounts_of_the_same_lamps_agree() -> None:
    report = [said(Status.APPLIED, device="a"), said(Status.REJECTED, "unreachable", device="b")]
    found = compare(report, {"lamps": {"a": lamp(80.0), "b": UNTOUCHED}}, LEVEL, TOLERANCE)
    assert found.disagree == []
    assert found.figures() == {**Comparison().figures(), "lamps": 2, "applied": 1, "unreachable": 1}
    assert dict(found.reasons) == {"REJECTED unreachable": 1}


def test_a_lamp_that_only_one_account_has_or_that_is_reported_twice_is_a_disagreement() -> None:
    report = [said(Status.APPLIED, device=one) for one in ("a", "a", "ghost")]
    account = {"lamps": {"a": lamp(80.0), "forgotten": UNTOUCHED}}
    assert compare(report, account, LEVEL, TOLERANCE).disagree == [
        "a: the city reported it twice",
        "ghost: the field knows no such lamp",
        "forgotten: the city reported nothing",
    ]


def test_a_disagreement_says_which_lamp_what_the_city_says_and_what_is_there() -> None:
    found = compare([APPLIED], {"lamps": {"lamp-1": lamp(12.5)}}, LEVEL, TOLERANCE)
    assert found.disagree == ["lamp-1: the city says APPLIED ok, but its level is 12.5"]
