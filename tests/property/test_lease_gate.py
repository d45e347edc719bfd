"""The native gate and its oracle agree, whatever is done to both."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native.lease import NO_LEASE, TOO_LATE, Gate
from jacquemart.native.pump import boot_ns

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

from oracle_lease import OracleGate

HOUR_NS = 3_600 * 10**9
#: Distances from now that no test can cross by being slow.
FAR = st.one_of(st.integers(-3 * HOUR_NS, -HOUR_NS), st.integers(HOUR_NS, 3 * HOUR_NS))
STEPS = st.one_of(
    st.tuples(st.just("extend"), FAR),
    st.tuples(st.just("extend"), st.sampled_from([0, -1, -(2**63), None])),
    st.tuples(st.sampled_from(["close", "seal"]), st.none()),
)


@given(st.lists(STEPS, max_size=20))
def test_the_gate_is_open_exactly_when_its_oracle_is(
    steps: list[tuple[str, int | None]],
) -> None:
    now = boot_ns()
    gate, oracle = Gate(), OracleGate(lambda: now)
    for step, argument in steps:
        if step == "extend" and argument is not None:
            until = argument if abs(argument) < HOUR_NS or argument == -(2**63) else now + argument
            for one in (gate, oracle):
                try:
                    one.extend(until)
                except ValueError:
                    assert until <= 0
                else:
                    assert until > 0
        elif step != "extend":
            getattr(gate, step)()
            getattr(oracle, step)()
        assert gate.open() is oracle.open()
        assert gate.sealed is oracle.sealed
        assert gate.until_ns == oracle.until_ns
        assert 0 <= oracle.left_ns() - gate.left_ns() < HOUR_NS // 2


def test_the_gate_shuts_by_the_clock_alone() -> None:
    gate = Gate()
    gate.extend(boot_ns() + 20_000_000)
    assert gate.open()
    time.sleep(0.03)
    assert not gate.open()
    assert gate.left_ns() == 0
    assert gate.until_ns > 0  # nobody shut it


def test_a_sealed_gate_is_never_opened_again_by_any_thread() -> None:
    gate = Gate()
    seen: list[bool] = []
    sealed = threading.Event()

    def extend() -> None:
        while not sealed.is_set():
            gate.extend(boot_ns() + HOUR_NS)
        gate.extend(boot_ns() + 2 * HOUR_NS)
        seen.append(gate.open())

    threads = [threading.Thread(target=extend) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.01)
    gate.seal()
    sealed.set()
    for thread in threads:
        thread.join()
    assert seen == [False, False, False]


@pytest.mark.parametrize("wrong", ["soon", None, 2**63])
def test_a_time_that_is_none_is_refused(wrong: object) -> None:
    gate = Gate()
    with pytest.raises((TypeError, OverflowError)):
        gate.extend(wrong)  # type: ignore[arg-type]
    assert not gate.open()


@given(st.binary(max_size=300), FAR, FAR, st.sampled_from(["", "close", "seal"]))
def test_bytes_leave_exactly_while_lease_and_deadline_live(
    data: bytes, lease: int, deadline: int, then: str
) -> None:
    now = boot_ns()
    gate = Gate()
    gate.extend(max(1, now + lease))
    if then:
        getattr(gate, then)()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sent = gate.send(ours.fileno(), data, now + deadline)
        ours.close()
        arrived = theirs.recv(1_000)
    if lease < 0 or then:
        assert (sent, arrived) == (NO_LEASE, b"")
    elif deadline < 0:
        assert (sent, arrived) == (TOO_LATE, b"")
    else:
        assert (sent, arrived) == (len(data), data)


def test_a_full_or_closed_socket_takes_nothing_and_says_so() -> None:
    gate = Gate()
    gate.extend(boot_ns() + HOUR_NS)
    ours, theirs = socket.socketpair()

    def fill() -> None:
        for _ in range(10_000):
            gate.send(ours.fileno(), bytes(65_536), boot_ns() + HOUR_NS)

    with ours, theirs, pytest.raises(BlockingIOError):
        fill()
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(BrokenPipeError):
            gate.send(ours.fileno(), b"1", boot_ns() + HOUR_NS)
