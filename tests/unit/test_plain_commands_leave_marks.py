"""What a plain command leaves in its cell's ledger while its handler runs is what it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import pytest

from jacquemart.native import frames
from jacquemart.native.bundle import Packer
from jacquemart.native.fast_path import LONG_WAY, FastPath
from jacquemart.native.line import Line
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.plain_commands import plans_of
from jacquemart.runtime.kernel.dedup import DedupWindow
from jacquemart.runtime.model.outcome import Status

FAR = boot_ns() + 10**13
NAME = "Lampe-é" + 40 * "x"


class Seen(DeviceActor):
    """Looks at what stands in the ledger while it does a command."""

    kind = "seen_in_the_ledger"

    @command("dim", "dims", takes=Argument("%", 0.0, 100.0), volatile=True)
    def dim(self, ticket: Ticket) -> float:
        """Note what is in hand."""
        ledger: Any = self.host.ledger
        SEEN.extend(Ledger.read(ledger.path).handling)
        return float(ticket.value or 0.0)


SEEN: list[Any] = []


def path_of(tmp_path: Path) -> tuple[FastPath, Ledger]:
    ledger: Any = Ledger.create(str(tmp_path / "ledger"))
    ledger_path = str(tmp_path / "ledger")
    host: Any = SimpleNamespace(
        ledger=SimpleNamespace(path=ledger_path), clock=None, loop=None, failed=pytest.fail
    )
    spec: Any = SimpleNamespace(id=NAME, zone="north")
    shard: Any = SimpleNamespace(permit=None)
    lamp = Seen(spec, SimpleNamespace(points=()), shard, 0, host)  # type: ignore[arg-type]
    return FastPath(
        epoch=3, devices={spec.id: lamp}, window=DedupWindow(10), marks=ledger, clock=None,
        shell=SimpleNamespace(failed=lambda *told: pytest.fail(str(told))), ticket_type=Ticket,
        plan_for=plans_of, empty=(), inherits=False, applied=Status.APPLIED, raised=(Exception,),
    ), ledger  # fmt: skip


def command_of(number: int, value: Any = 80.0) -> bytes:
    return frames.encode_command(
        frames.Command(bytes([number]) * 16, "ada", NAME, "dim", "", value, "%", 8, FAR, 3)
    )


@pytest.mark.parametrize("value", [80.0, 7, None])
def test_a_plain_command_is_whole_in_the_ledger_while_it_is_done(
    tmp_path: Path, value: Any
) -> None:
    path, ledger = path_of(tmp_path)
    SEEN.clear()
    longer = command_of(2, value).replace(b"\xa3ada", b"\xda\x00\x03ada")  # as good a text
    assert msgpack.unpackb(longer) == msgpack.unpackb(command_of(2, value))
    for number, frame in enumerate((command_of(1, value), longer), start=1):
        answer = path.take(frame, None, b"peer", b"token")
        if value is None:
            assert answer is LONG_WAY, "it takes a number"
            continue
        assert isinstance(answer, bytes)
        outcome = frames.decode_outcome(answer)
        assert (outcome.id, outcome.device, outcome.point) == (bytes([number]) * 16, NAME, "")
        assert (outcome.status, outcome.reason, outcome.value) == (0, "ok", float(value))
        assert 0 < outcome.received_ns <= outcome.finished_ns <= boot_ns()
        seen = SEEN.pop()
        assert (seen.id, seen.principal, seen.device, seen.verb, seen.point) == (
            bytes([number]) * 16, "ada", NAME, "dim", "",
        )  # fmt: skip
        assert (seen.value, seen.unit, seen.priority, seen.whole, seen.running, seen.of_bulk) == (
            value, "%", 8, True, True, False,
        )  # fmt: skip
    assert Ledger.read(str(tmp_path / "ledger")).handling == ()
    assert ledger.unmarked == 0


class Answers(Line):
    """Keeps what is answered."""

    def __init__(self) -> None:
        self.answered: list[tuple[bytes, ...]] = []
        pump = SimpleNamespace(send=lambda *parts: not self.answered.append(parts), readable=False)
        self.begin(pump, pytest.fail, pytest.fail, 256)


def test_in_a_bundle_each_has_its_own_deadline_and_its_own_marks(tmp_path: Path) -> None:
    path, _ = path_of(tmp_path)
    SEEN.clear()
    packer = Packer()
    for number in range(1, 20):
        packer.put(b"%d" % number, command_of(number, float(number)))
    line = Answers()
    line.taker = path
    line.hand_all([(b"peer", b"all", packer.take())])
    ((peer, token, _),) = line.answered
    assert (peer, token) == (b"peer", b"all")
    assert [(seen.id[0], seen.value) for seen in SEEN] == [(n, float(n)) for n in range(1, 20)]
