"""The judge of the simulation sees what it is there to see."""

from __future__ import annotations

from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.simulation.field import Arrival
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.judge import judge


def writes(*who: tuple[str, int]) -> list[Arrival]:
    return [
        Arrival(at, at + 1, "lamp-1", "setpoint", float(at), cell, epoch)
        for at, (cell, epoch) in enumerate(who, start=1)
    ]


def of_epochs(log: list[Arrival]) -> list[str]:
    return [text for text in judge(History(), log, ["lamp-1"]) if text.startswith("I3")]


def test_an_old_incarnation_that_writes_after_its_successor_is_seen() -> None:
    assert of_epochs(writes(("device-1", 1), ("device-1", 2), ("device-1", 2))) == []
    (found,) = of_epochs(writes(("device-1", 1), ("standby", 2), ("device-1", 1)))
    assert "device-1 of epoch 1 wrote 3 to lamp-1 after epoch 2 had" in found


def test_two_cells_that_write_to_one_device_at_the_same_epoch_are_seen() -> None:
    (found,) = of_epochs(writes(("device-1", 2), ("device-2", 2)))
    assert "device-2 wrote 2 to lamp-1 at epoch 2, which device-1 has" in found


def of_a_bulk(*issued_and_told_ns: tuple[str, int]) -> list[str]:
    """Judge a bulk command that is refused for now, and has reached a lamp."""
    history = History()
    id, refused = "ab" * 16, ([int(Status.REJECTED)], [str(Reason.CELL_LOST)])
    for what, at_ns in issued_and_told_ns:
        if what == "issued":
            history.note(at_ns, "issued_bulk", "ann", id, "setpoint", 1.0, 9)
        else:
            history.note(at_ns, "answered_bulk", "ann", id, ["lamp-1"], *refused)
    return judge(history, writes(("device-1", 1)), ["lamp-1"])


def test_a_bulk_command_that_is_refused_for_now_and_was_written_is_a_lie() -> None:
    (found,) = of_a_bulk(("issued", 0), ("told", 5))
    assert "is told to be unsent on lamp-1, and was written" in found
    assert of_a_bulk(("issued", 0), ("issued", 1), ("told", 5)) == [], "it was sent again"
    assert of_a_bulk(("issued", 0), ("told", 3 * 10**9)) == [], "so it was"
