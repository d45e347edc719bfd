"""The threads of a context yield to whoever wakes them, where the kernel allows it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from jacquemart.runtime.wire import sockets


@pytest.fixture
def fresh() -> Iterator[None]:
    sockets._may_be_patient.cache_clear()
    yield
    sockets._may_be_patient.cache_clear()


def policy_of_io(task: str) -> int | None:
    """Return the policy of a thread of libzmq; none: it is another's, or gone."""
    try:
        if not Path(f"/proc/self/task/{task}/comm").read_text().startswith("ZMQbg/IO"):
            return None
        return os.sched_getscheduler(int(task))
    except (FileNotFoundError, ProcessLookupError):  # threads of other tests end meanwhile
        return None


def policies_of_a_new_context() -> set[int]:
    """Return the policies of the threads that a context has made for its first socket."""
    before = set(os.listdir("/proc/self/task"))
    context = sockets.new_context()
    assert isinstance(context, zmq.Context)
    found: set[int] = set()
    with context.socket(zmq.PAIR):
        until = time.monotonic() + 20.0
        while not found and time.monotonic() < until:  # a thread names itself when it begins
            made = set(os.listdir("/proc/self/task")) - before
            found = {policy for task in made if (policy := policy_of_io(task)) is not None}
    context.term()
    return found


def test_threads_of_a_context_are_patient_and_the_process_is_as_it_was(fresh: None) -> None:
    own = os.sched_getscheduler(0)
    assert policies_of_a_new_context() == {os.SCHED_BATCH}
    assert os.sched_getscheduler(0) == own


def test_where_the_kernel_refuses_it_they_are_as_all_others(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert policies_of_a_new_context() == {os.SCHED_OTHER}


def test_a_policy_that_somebody_has_chosen_stays(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_IDLE)
    assert not sockets._may_be_patient()
