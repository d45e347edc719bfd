"""Who is frozen: known within a second, and never by a stall of the whole host."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster.watch import ON_TIME_S, SILENT_S, STARVED_S, FrozenWatch

TURN_S = 0.1


@dataclass
class Town:
    """Three processes that stamp at each look unless they are frozen, and a warden."""

    watch: FrozenWatch = field(default_factory=FrozenWatch)
    now: float = 100.0
    stamps: dict[str, int] = field(default_factory=lambda: dict.fromkeys("abc", 0))

    def turn(self, *frozen: str, after: float = TURN_S) -> dict[str, float]:
        self.now += after
        for name in self.stamps:
            self.stamps[name] += name not in frozen
        return self.watch.look(self.now, self.stamps)


def test_p7_a_frozen_process_is_named_within_a_second_and_nobody_else_is() -> None:
    town = Town()
    for _ in range(5):
        assert town.turn() == {}
    turns = 0
    while not (found := town.turn("b")):
        turns += 1
    assert set(found) == {"b"}
    assert SILENT_S <= (turns + 1) * TURN_S <= 1.0
    assert town.watch.frozen(found["b"], wants_to_run=False)


def test_a_process_that_wants_to_run_and_may_not_has_more_time() -> None:
    town = Town()
    town.turn()
    judged = []
    for _ in range(60):
        silent = town.turn("a").get("a")
        if silent is not None:
            judged.append((silent, town.watch.frozen(silent, wants_to_run=True)))
    assert [silent for silent, given_up in judged if not given_up]
    assert all(given_up == (silent >= STARVED_S) for silent, given_up in judged)
    assert judged[-1][1]


@given(st.lists(st.floats(ON_TIME_S + 0.01, 100.0), min_size=1, max_size=30))
def test_a_stall_of_the_whole_host_kills_nobody(stalls: list[float]) -> None:
    """Everybody stands still as long as the warden does, however often."""
    town = Town()
    town.turn()
    for stall in stalls:
        assert town.turn("a", "b", "c", after=stall) == {}
        assert town.turn("a", "b", "c", after=TURN_S) == {}
        assert town.turn() == {}


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from((TURN_S, TURN_S, TURN_S, 0.2, 0.5, 5.0))),
        max_size=200,
    )
)
def test_silence_is_what_was_seen_in_looks_that_came_on_time(
    turns: list[tuple[bool, float]],
) -> None:
    town = Town()
    town.turn()
    silent = 0.0
    for frozen, after in turns:
        found = town.turn(*("a" if frozen else ""), after=after)
        silent = 0.0 if after > ON_TIME_S or not frozen else silent + after
        if abs(silent - SILENT_S) > 1e-6:  # on the very edge floats may say either
            assert ("a" in found) == (silent > SILENT_S)
        assert "b" not in found
        assert "c" not in found


def test_who_is_not_looked_at_any_more_is_forgotten_and_zero_switches_it_off() -> None:
    watch = FrozenWatch()
    for turn in range(6):
        watch.look(turn * TURN_S, {"a": 1})
    watch.look(0.6, {})
    assert watch.look(0.7, {"a": 1}) == {}
    assert watch.look(0.8, {"a": 1}) == {}
    off = FrozenWatch(silent_s=0.0)
    assert not any(off.look(turn * TURN_S, {"a": 1}) for turn in range(100))
