"""What a client says and reads natively is what ``client.requests`` says and reads, or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.native.wording import Wording
from jacquemart.runtime.client import requests
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome, Stages

CLOCK = requests.GatewayClock(offset_ns=7_000, error_ns=300)
WORDING = CLOCK.wording()
TEXTS = st.one_of(
    st.sampled_from(
        ["box", "box/level", "/", "a/", "/b", "a/b/c", "", "é/ü", "x" * 255, "x" * 256]
    ),
    st.text(max_size=12),
    st.characters(codec=None, categories=["Cs"]),
)
WHATEVER = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=3))
VALUES = st.one_of(
    WHATEVER, st.text(max_size=5), st.integers(-(2**63), 2**64), st.just("w" * 2_000)
)
WITHIN = st.one_of(
    st.sampled_from([10.0, 3, 86_400, 86_400.1, 0, -1.0, math.nan, math.inf, "10", None, True]),
    st.floats(1e-9, 86_400.0),
)


def long_way(
    principal: Any, subject: Any, verb: Any, value: Any, within_s: Any, unit: Any, priority: Any
) -> frames.Command | None:
    """Return what the long way says, or None for what it refuses."""
    try:
        deadline_ns = CLOCK.deadline(boot_ns(), within_s)
        made, _ = requests.command(
            subject, value, verb=verb, unit=unit, priority=priority, deadline_ns=deadline_ns,
            principal=principal, identity=None,
        )  # fmt: skip
    except (UsageError, TypeError, AttributeError):
        return None
    return made


ARGUMENTS = st.tuples(
    st.one_of(TEXTS, WHATEVER), st.one_of(TEXTS, WHATEVER), st.one_of(st.just("set"), TEXTS),
    VALUES, WITHIN, st.one_of(st.just(""), TEXTS, WHATEVER),
    st.one_of(st.integers(-1, 18), WHATEVER),
)  # fmt: skip


@given(ARGUMENTS)
def test_a_command_is_said_as_the_long_way_says_it_or_left_to_it(arguments: Any) -> None:
    said, made = WORDING.command(*arguments), long_way(*arguments)
    if said is None:
        return
    assert made is not None, "the long way refuses this"
    told = frames.decode_command(said)
    assert len(told.id) == 16
    again = frames.Command(
        made.id, told.principal, told.device, told.verb, told.point, told.value, told.unit,
        told.priority, made.deadline_ns, told.epoch, told.first_ns,
    )  # fmt: skip
    assert frames.encode_command(again) == frames.encode_command(made)
    assert made.deadline_ns - 20_000_000_000 < told.deadline_ns <= made.deadline_ns


@given(st.sampled_from(["box", "box/level"]), st.sampled_from([None, 1.5, True, 7, -7, "dim"]))
def test_whatever_is_usual_is_said_natively(subject: str, value: Any) -> None:
    assert WORDING.command("ann", subject, "dim", value, 10.0, "%", 8) is not None


def test_no_two_commands_have_the_same_identity() -> None:
    said = [WORDING.command("ann", "box", "dim", 1.0, 10.0, "", 8) for _ in range(2_000)]
    assert len({frames.decode_command(frame).id for frame in said if frame}) == 2_000


OUTCOMES = st.builds(
    frames.OutcomeFrame,
    st.binary(min_size=16, max_size=16), st.text(max_size=9), st.text(max_size=9),
    st.integers(0, 255), st.text(max_size=9), st.text(max_size=30),
    st.one_of(st.none(), st.floats(allow_nan=False)),
    *[st.integers(0, 2**64 - 1)] * 4,
)  # fmt: skip


@given(OUTCOMES, st.integers(0, 90), st.booleans())
def test_an_outcome_is_read_as_the_long_way_reads_it_or_left_to_it(
    frame: frames.OutcomeFrame, at: int, broken: bool
) -> None:
    made = frames.Command(bytes(16), "ann", "box", "dim", "", 1.0, "", 8, 1, 0)
    sent = bytearray(frames.encode_outcome(frame))
    if broken:
        sent[at % len(sent)] ^= 0x41
    read = WORDING.outcome(bytes(sent))
    if read is None:
        assert broken
        return
    assert read == requests.outcome(made, bytes(sent))
    assert type(read) is Outcome
    assert type(read.stages) is Stages
    assert type(read.status) is type(requests.outcome(made, bytes(sent)).status)


def test_what_is_no_named_tuple_of_that_size_is_not_filled() -> None:
    class Odd(Outcome):  # with a dictionary
        pass

    for outcome_type in (Odd, Stages, tuple, list):
        with pytest.raises((TypeError, AttributeError)):
            Wording(
                outcome_type=outcome_type, stages_type=Stages, statuses={}, unknown=None,
                early_ns=0, longest_s=1.0,
            )  # fmt: skip
