"""A zone knows its bulk commands again, for as long as one may be repeated."""

from __future__ import annotations

from typing import Any

from jacquemart.runtime.kernel.bulk_window import KEPT, MOST_KEPT, RESULTS_KEPT, BulkWindow
from jacquemart.runtime.model.outcome import Status

SECOND = 1_000_000_000


def run(window: BulkWindow, number: int, deadline_ns: int, boot_ns: int = SECOND) -> None:
    key: dict[str, Any] = {"principal": "alice", "id": number.to_bytes(16, "big")}
    window.accept({**key, "zone": "east", "deadline_ns": deadline_ns, "boot_ns": boot_ns})
    window.end({**key, "devices": ["lamp-1"], "statuses": bytes([Status.APPLIED])})


def key_of(number: int) -> tuple[str, bytes]:
    return "alice", number.to_bytes(16, "big")


def test_no_bulk_command_is_forgotten_before_its_deadline_however_many_come() -> None:
    window = BulkWindow()
    run(window, 0, 9 * SECOND)
    for number in range(1, KEPT + 100):
        run(window, number, 2 * SECOND)
    run(window, KEPT + 100, 9 * SECOND, boot_ns=3 * SECOND)
    assert key_of(0) in window.ended
    assert len(window.ended) == KEPT
    assert window.low_water_ns == 2 * SECOND
    run(window, KEPT + 101, 9 * SECOND, boot_ns=9 * SECOND)
    assert len(window.ended) == KEPT


def test_only_the_latest_results_are_kept_whole() -> None:
    window = BulkWindow()
    for number in range(RESULTS_KEPT + 3):
        run(window, number, 9 * SECOND)
    whole = [key for key, body in window.ended.items() if "devices" in body]
    assert whole == [key_of(number) for number in range(3, RESULTS_KEPT + 3)]
    again = BulkWindow()
    again.take(window.plain())
    for one in (window, again):
        run(one, 99, 9 * SECOND)
    assert again.plain() == window.plain()


def test_a_window_that_is_full_says_so_until_something_may_leave_it() -> None:
    window = BulkWindow()
    for number in range(MOST_KEPT):
        run(window, number, 9 * SECOND)
    assert window.full(8 * SECOND)
    assert not window.full(9 * SECOND)
