"""In which order cells take a change, and what becomes of one that cannot."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster.rollout import (
    MOST_LOSSES,
    Ask,
    Begin,
    End,
    Failed,
    Finished,
    Instruction,
    Publish,
    Renew,
    Rollout,
    Tell,
)

STEPS = (
    Tell(("zone", "centre")),
    Tell(("a", "b"), final=False),
    Tell(("b", "new")),
    Publish(),
    Tell(("gate",)),
    End(("gone",)),
)


def rollout(**options: object) -> Rollout:
    return Rollout(STEPS, fresh={"new"}, **options)  # type: ignore[arg-type]


def test_each_step_begins_when_every_cell_has_done_the_one_before() -> None:
    made = rollout()
    assert made.begin() == [Ask("zone", True), Ask("centre", True)]
    assert made.took("centre") == []
    assert made.took("zone") == [Ask("a", False), Ask("b", False)]
    assert made.took("a") == []
    assert made.took("b") == [Ask("b", True), Begin("new")]
    assert made.began("new") == []
    assert made.took("b") == []
    assert made.waiting == ["new"]
    assert made.arrived("new") == [Publish(), Ask("gate", True)]
    assert made.took("gate") == [End(("gone",)), Finished()]
    assert made.over


def test_a_cell_lost_on_its_way_has_taken_the_change_when_its_successor_runs() -> None:
    made = rollout()
    made.begin()
    made.took("centre")
    assert made.lost("zone", "killed") == []
    assert made.began("zone") == []
    assert made.arrived("zone") == [Ask("a", False), Ask("b", False)]


def test_a_cell_that_was_being_started_with_the_old_city_is_asked_once_it_runs() -> None:
    made = rollout(starting=["zone"], away=["centre"])
    assert made.begin() == []
    assert made.arrived("zone") == [Ask("zone", True)]
    made.took("zone")
    made.began("centre")
    assert made.arrived("centre") == [Ask("a", False), Ask("b", False)]


def test_a_refusal_ends_the_rollout_and_tells_whether_others_have_the_change() -> None:
    made = rollout()
    made.begin()
    assert made.refused("zone", "no such kind") == [], "the centre may take it any moment"
    assert made.refused("centre", "full") == [Failed("zone", "no such kind", False)]
    assert made.over
    later = rollout()
    later.begin()
    later.took("zone")
    assert later.refused("centre", "full") == [Failed("centre", "full", True)]


def test_a_cell_that_does_not_stay_up_with_the_new_city_refuses_it() -> None:
    made = rollout()
    made.begin()
    for _ in range(MOST_LOSSES - 1):
        assert made.lost("zone", "ended") == []
        made.began("zone")
    assert made.lost("zone", "ended") == []
    (failed,) = made.took("centre")
    assert isinstance(failed, Failed)
    assert failed.touched
    assert "ended" in failed.reason


def test_a_cell_that_takes_the_change_after_another_refused_it_is_known_to_have_it() -> None:
    made = rollout()
    made.begin()
    assert made.refused("zone", "full") == []
    assert made.took("centre") == [Failed("zone", "full", True)]
    lost = rollout()
    lost.begin()
    lost.lost("centre", "killed")
    lost.began("centre")
    assert lost.refused("zone", "full") == [Failed("zone", "full", True)]
    quiet = rollout(starting=["centre"])
    quiet.begin()
    assert quiet.refused("zone", "full") == [Failed("zone", "full", False)]
    assert quiet.arrived("centre") == [], "it runs with the old city, and stays so"


def test_on_the_way_back_a_cell_that_refuses_is_started_anew() -> None:
    made = rollout(must=True)
    made.begin()
    made.took("centre")
    assert made.refused("zone", "broken") == [Renew("zone", "broken")]
    for _ in range(MOST_LOSSES + 2):
        assert made.lost("zone", "broken") == []
        made.began("zone")
    assert made.arrived("zone") == [Ask("a", False), Ask("b", False)]


def test_a_cell_that_shall_end_anyway_is_not_waited_for_once_it_is_lost() -> None:
    steps = (Tell(("gone", "lost"), final=False), End(("gone", "lost")))
    made = Rollout(steps, away=["lost"], leaving=["gone", "lost"])
    assert made.begin() == [Ask("gone", False)]
    assert made.lost("gone", "killed") == [End(("gone", "lost")), Finished()]


@dataclass
class World:
    """Cells that answer in any order, are lost, and come back."""

    made: Rollout
    asked: list[str] = field(default_factory=list)
    starting: set[str] = field(default_factory=set)
    holding: dict[str, str] = field(default_factory=dict)
    told: list[Instruction] = field(default_factory=list)

    def do(self, instructions: list[Instruction]) -> None:
        for one in instructions:
            assert not any(isinstance(old, Finished | Failed) for old in self.told)
            self.told.append(one)
            if isinstance(one, Ask):
                self.asked.append(one.cell)
                self.holding[one.cell] = f"asked {one.final}"
            elif isinstance(one, Begin):
                self.starting.add(one.cell)
                self.do(self.made.began(one.cell))
            elif isinstance(one, Publish):
                for cell in ("zone", "centre", "a", "b", "new"):
                    assert self.holding[cell] == "has" or cell not in self.asked
                assert not self.starting & {"new"}


@given(st.lists(st.tuples(st.sampled_from(["take", "lose", "return"]), st.integers(0, 5))))
def test_whatever_is_lost_the_directory_is_told_only_when_all_who_own_something_have_it(
    events: list[tuple[str, int]],
) -> None:
    world = World(rollout(must=True))
    world.do(world.made.begin())
    for kind, at in [*events, *[("take", 0), ("return", 0)] * 30]:
        if kind == "take" and world.asked:
            cell = world.asked.pop(at % len(world.asked))
            world.holding[cell] = "has"
            world.do(world.made.took(cell))
        elif kind == "lose" and world.asked:
            cell = world.asked.pop(at % len(world.asked))
            world.starting.add(cell)
            world.do(world.made.lost(cell, "killed"))
            world.do(world.made.began(cell))
        elif kind == "return" and world.starting:
            cell = sorted(world.starting)[at % len(world.starting)]
            world.starting.discard(cell)
            world.holding[cell] = "has"
            world.do(world.made.arrived(cell))
    assert isinstance(world.told[-1], Finished)
    assert [type(one) for one in world.told].count(Publish) == 1
