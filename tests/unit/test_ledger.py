"""What a process has noted in its ledger is known after its death, and never anything else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell import ledger_layout as layout
from jacquemart.runtime.cell.ledger import Attempts, Ledger, device_key, digest, part_of
from jacquemart.runtime.model.errors import StartError


def message(number: int = 1, device: str = "lamp-1", value: object = 80.0) -> Ticket:
    return Ticket(
        number.to_bytes(16, "little"), "op", device, "set", "level", value, "%", 8, 0, 0,  # type: ignore[arg-type]
        lambda _: None,
    )  # fmt: skip


def test_a_message_is_in_hand_until_it_was_handled(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    token = ledger.handling(message())
    (found,) = Ledger.read(path).handling
    assert (found.device, found.verb, found.point, found.value, found.unit, found.priority) == (
        "lamp-1", "set", "level", 80.0, "%", 8
    )  # fmt: skip
    assert found.principal == "op"
    assert found.whole
    assert found.running
    token = ledger.returned(token, later=True)
    assert not Ledger.read(path).handling[0].running
    ledger.handled(token)
    assert Ledger.read(path).handling == ()
    ledger.close(remove=True)
    assert not Path(path).exists()


def test_messages_in_hand_are_told_oldest_first_and_slots_are_used_again(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    for number in range(3 * layout.SLOTS):
        token = ledger.handling(message(number))
        ledger.handled(ledger.returned(token, later=True))
    for name in ("b", "a", "c"):
        ledger.returned(ledger.handling(message(device=name)), later=True)
    assert [found.device for found in Ledger.read(path).handling] == ["b", "a", "c"]
    assert ledger.unmarked == 0
    ledger.close()


def test_more_tasks_than_slots_leave_room_for_what_runs_now(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    tokens = [
        ledger.returned(ledger.handling(message(number)), later=True)
        for number in range(layout.SLOTS + 50)
    ]
    assert tokens.count(-1) == ledger.unmarked > 0
    ledger.handling(message(device="now"))
    assert [found.device for found in Ledger.read(path).handling if found.running] == ["now"]
    ledger.close()


@pytest.mark.parametrize("value", ["x" * 5_000, 2**80], ids=["long text", "huge number"])
def test_a_message_too_large_for_its_slot_says_that_it_is_not_whole(
    tmp_path: Path, value: object
) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    ledger.handling(message(value=value))
    (found,) = Ledger.read(path).handling
    assert found.device == "lamp-1"
    assert found.value is None
    assert not found.whole
    ledger.close()


def test_a_half_written_message_is_not_told_wherever_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger.create(str(path))
    token = ledger.handling(message(7, "old"))
    ledger.handled(token)
    ledger.handling(message(8, "new"))
    after = path.read_bytes()
    ledger.close()
    start = layout.AT_SLOTS
    end = start + layout.SLOT.size
    length = len(after[start:end].rstrip(b"\0"))
    for cut in [*range(0, length + 1, 3), length, layout.SLOT.size - 1]:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(after[start : start + cut] + bytes(layout.SLOT.size - cut))
        told = [found.device for found in Ledger.read(str(path)).handling]
        assert told == (["new"] if cut >= length else []), cut


def test_what_was_sent_is_known_and_the_oldest_leave_the_ring(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    ledger.sent(digest("op", b"1" * 16), 1)
    left = Ledger.read(path)
    assert left.sent == {digest("op", b"1" * 16)}
    assert left.sent_since_ns == 0
    assert left.may_have_sent("op", b"1" * 16, 5)
    assert not left.may_have_sent("op", b"2" * 16, 5)
    for number in range(2, layout.RING + 2_000):
        ledger.sent(number.to_bytes(16, "little"), number)
    left = Ledger.read(path)
    newest = layout.RING + 1_999
    assert len(left.sent) == layout.RING - 1
    assert newest.to_bytes(16, "little") in left.sent
    since = left.sent_since_ns
    assert 2_000 < since <= 2_000 + layout.BLOCK + 1
    assert all(n.to_bytes(16, "little") in left.sent for n in range(since, newest + 1))
    assert left.may_have_sent("op", b"1" * 16, 1)  # nobody can tell any more
    assert not left.may_have_sent("op", b"1" * 16, newest)
    ledger.close()


def test_attempts_are_handed_on_and_the_newest_are_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    many = {device_key(f"d-{n}"): Attempts(n, f"d-{n}") for n in range(layout.ATTEMPTS + 5)}
    ledger.write_attempts(many)
    assert Ledger.read(path).attempts == dict(list(many.items())[5:])
    ledger.write_attempts({})
    assert Ledger.read(path).attempts == {}
    ledger.close()


def test_digests_of_two_principals_and_of_parts_of_a_bulk_command_differ() -> None:
    identity = b"9" * 16
    found = {digest("a", identity), digest("b", identity), digest("ab", identity)}
    found |= {part_of("a", "lamp-1", identity), part_of("a", "lamp-2", identity)}
    assert len(found) == 5
    assert all(len(one) == 16 for one in found)
    assert digest("a", identity) == digest("a", identity)


def test_a_ledger_without_a_path_keeps_nothing() -> None:
    ledger = Ledger.create("")
    ledger.handled(ledger.returned(ledger.handling(message()), later=True))
    ledger.sent(bytes(16), 1)
    ledger.write_attempts({})
    ledger.held("x", 1)
    ledger.close(remove=True)
    assert Ledger.read("") == Ledger.read("")
    assert Ledger.read("").sent == frozenset()


@pytest.mark.parametrize("content", [None, b"", b"x" * 100, bytes(layout.SIZE)])
def test_what_is_no_ledger_is_told_and_not_taken_for_an_empty_one(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ledger"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError):
        Ledger.read(str(path))


def test_a_second_incarnation_never_writes_over_the_first_ones_ledger(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger")
    Ledger.create(path).close()
    with pytest.raises(StartError):
        Ledger.create(path)


WRITER = """
import sys
from jacquemart.runtime.cell.ledger import Ledger
ledger = Ledger.create(sys.argv[1])
number = 0
class Message:
    principal, verb, point, value, unit, priority = "op", "set", "level", 1.5, "", 8
    of_bulk = False
message = Message()
while True:
    number += 1
    message.id, message.device = number.to_bytes(16, "little"), f"lamp-{number}"
    token = ledger.handling(message)
    ledger.sent(message.id, number)
    ledger.handled(ledger.returned(token, later=False))
"""


def test_p1_a_killed_writer_leaves_the_exact_truth_at_every_moment(tmp_path: Path) -> None:
    for attempt in range(2):
        path = tmp_path / f"ledger-{attempt}"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        try:
            give_up = time.monotonic() + 20
            while not (path.exists() and path.stat().st_size == layout.SIZE):
                assert time.monotonic() < give_up
                time.sleep(0.001)
            time.sleep(0.05 + 0.037 * attempt)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        left = Ledger.read(str(path))
        numbers = sorted(int.from_bytes(one, "little") for one in left.sent)
        assert numbers
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "a hole in what was sent"
        for found in left.handling:
            number = int.from_bytes(found.id, "little")
            assert found.device == f"lamp-{number}"
            assert number in (numbers[-1], numbers[-1] + 1)
        assert len(left.handling) <= 1
