"""One execution for each (principal, id), whatever comes again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.dedup import DedupWindow, Seen

IDS = st.integers(0, 5).map(lambda n: n.to_bytes(16, "big"))
STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "finish"]), st.sampled_from("ab"), IDS, st.integers(0, 1)),
    max_size=100,
)


@given(STEPS)
def test_the_window_equals_a_plain_dictionary_while_it_has_room(
    steps: list[tuple[str, str, bytes, int]],
) -> None:
    window: DedupWindow[str] = DedupWindow(capacity=1_000)
    model: dict[tuple[str, bytes], tuple[int, str | None]] = {}
    for step, principal, identity, content in steps:
        key = (principal, identity)
        if step == "begin":
            seen, result = window.begin(key, content)
            if key not in model:
                assert (seen, result) == (Seen.NEW, None)
                model[key] = (content, None)
            elif model[key][0] != content:
                assert (seen, result) == (Seen.CONFLICT, None)
            elif model[key][1] is None:
                assert (seen, result) == (Seen.RUNNING, None)
            else:
                assert (seen, result) == (Seen.FINISHED, model[key][1])
        elif key in model and model[key][1] is None:
            assert window.finish(key, f"done {content}") == []
            model[key] = (model[key][0], f"done {content}")
    assert len(window) == len(model)


def test_who_repeats_a_running_command_is_answered_when_it_ends() -> None:
    window: DedupWindow[str] = DedupWindow()
    key = ("a", bytes(16))
    window.begin(key, 1)
    answers: list[str] = []
    window.wait(key, answers.append)
    window.wait(key, answers.append)
    for waiter in window.finish(key, "applied"):
        waiter("applied")
    assert answers == ["applied", "applied"]
    assert window.begin(key, 1) == (Seen.FINISHED, "applied")


@given(st.integers(1, 20), st.integers(0, 60))
def test_the_window_is_bounded_and_never_forgets_what_still_runs(capacity: int, ended: int) -> None:
    window: DedupWindow[int] = DedupWindow(capacity)
    running = ("a", b"r" * 16)
    window.begin(running, 0)
    for number in range(ended):
        key = ("a", number.to_bytes(16, "big"))
        window.begin(key, 0)
        window.finish(key, number)
    assert len(window) == min(ended, capacity) + 1
    assert window.begin(running, 0) == (Seen.RUNNING, None)


def test_a_command_refused_as_busy_may_come_again() -> None:
    window: DedupWindow[int] = DedupWindow()
    key = ("a", bytes(16))
    window.begin(key, 0)
    window.forget(key)
    assert window.begin(key, 0) == (Seen.NEW, None)
