"""Who has ended is told from who has not, and from who cannot be seen."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jacquemart.runtime.cell import presence
from jacquemart.runtime.cell.presence import NOWHERE, Presence
from jacquemart.runtime.model.clock import SystemClock

CLOCK = SystemClock()


class OwnTime:
    """A clock that is not the machine's."""

    def boot_ns(self) -> int:
        return 1

    def wall_ns(self) -> int:
        return 1


@pytest.fixture
def me() -> Iterator[Presence]:
    found = presence.enter("127.0.0.1", CLOCK)
    yield found
    presence.leave(found)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def started(pid: int) -> int:
    found = presence._started(pid)
    assert found
    return found


def test_a_process_has_ended_when_it_was_killed_even_before_somebody_reaps_it(
    me: Presence, child: subprocess.Popen[bytes]
) -> None:
    other = Presence(me.host, child.pid, started(child.pid), 1)
    assert presence.ended(me, other) is False
    child.send_signal(signal.SIGSTOP)
    assert presence.ended(me, other) is False  # frozen is not ended
    child.kill()
    while presence.ended(me, other) is not True:
        pass
    child.wait()
    assert presence.ended(me, other) is True


def test_another_process_of_the_same_pid_is_another_one(
    me: Presence, child: subprocess.Popen[bytes]
) -> None:
    before = Presence(me.host, child.pid, started(child.pid) - 1, 1)
    assert presence.ended(me, before) is True


def test_cells_of_one_process_are_told_apart(me: Presence) -> None:
    other = presence.enter("127.0.0.1", CLOCK)
    assert other.pid == me.pid
    assert presence.ended(me, other) is False
    presence.leave(other)
    presence.leave(other)
    assert presence.ended(me, other) is True
    assert presence.ended(other, me) is False


def test_nobody_can_tell_of_another_host_or_another_clock(me: Presence) -> None:
    elsewhere = presence.enter("10.0.0.7", CLOCK)
    virtual = presence.enter("127.0.0.1", OwnTime())
    for other in (elsewhere, virtual, NOWHERE):
        assert presence.ended(me, other) is None
        presence.leave(other)


@pytest.mark.parametrize("text", ["", "#", "a#1.2", "a#1.2.x", "a#1.2.-3", "1.2.3"])
def test_broken_words_are_nowhere(text: str) -> None:
    assert presence.parse(text) == NOWHERE


def test_a_presence_travels_as_a_word(me: Presence) -> None:
    assert presence.parse(me.text()) == me
    assert presence.parse(me._replace(host="odd#host").text()).host == "odd#host"
