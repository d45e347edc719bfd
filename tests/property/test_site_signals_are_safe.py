"""Whatever a site is asked, in any order: no letters leave it that a naive judge calls unsafe."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from signal_samples import crossing
from site_street import SiteStreet

from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.rsmp.decode import _LETTERS, LIGHTS
from jacquemart.drivers.rsmp.site.controller import Mode

GROUPS = ("main", "side", "turn", "walk", "nobody")
NAMES = st.sampled_from(["a", "b", "c"])
SECONDS = st.integers(1, 40)
ASKED = st.one_of(
    st.tuples(st.just("mode"), st.sampled_from(Mode)),
    st.tuples(st.just("plan"), st.sampled_from([1, 2, 3, None])),
    st.tuples(st.just("detector"), st.integers(0, 2), st.sampled_from([True, False, None])),
    st.tuples(st.just("new"), NAMES, st.sampled_from(GROUPS), st.integers(0, 14),
              st.none() | st.integers(0, 255)),
    st.tuples(st.just("update"), NAMES, st.integers(0, 14), st.integers(0, 255)),
    st.tuples(st.just("cancel"), NAMES),
    st.tuples(st.just("restart")),
    st.tuples(st.just("reset")),
    st.tuples(st.just("late"), st.integers(1, 90)),
    st.tuples(st.just("latch")),
)  # fmt: skip
#: What a lamp of an aspect is called in S0001, as our own supervisor reads it.
LIGHT_OF = dict(enumerate(("dark", "red", "red_yellow", "green", "green", "yellow",
                           "yellow_flash")))  # fmt: skip


def ask(here: SiteStreet, what: str, *how: Any) -> None:
    site = here.site
    if what == "mode":
        site.set_mode(how[0])
    elif what == "plan":
        site.set_plan(how[0])
    elif what == "detector":
        site.force_detector(*how)
    elif what == "new":
        here.ask(how[0], "new", how[1], level=how[2], eta=how[3])
    elif what == "update":
        here.ask(how[0], "update", level=how[1], eta=how[2])
    elif what == "cancel":
        here.ask(how[0], "cancel")
    elif what == "restart":
        site.restart()
    elif what == "reset":
        site.reset()
    elif what == "latch":
        site.watch.judge({}, here.now_ms)
    else:
        here.now_ms += how[0] * 100  # nobody stepped it: a process that stood still


def conflicts(model: Intersection, letters: str) -> list[tuple[str, str]]:
    """Return the pairs that go at once by their letters, and of which neither gives way."""
    green = [LIGHTS[_LETTERS[letter]] == "green" for letter in letters]
    names = [group.name for group in model.groups]
    return [
        (names[one], names[other])
        for one, other in model.intergreens
        if green[one] and green[other]
        and (one, other) not in model.yields and (other, one) not in model.yields
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(demand=st.booleans(), asked=st.lists(st.tuples(SECONDS, ASKED), max_size=14))
def test_no_letters_leave_a_site_that_are_unsafe(
    demand: bool, asked: list[tuple[int, tuple[Any, ...]]]
) -> None:
    here = SiteStreet(crossing(demand=demand))
    here.go(17)
    for seconds, one in [*asked, (10, ("mode", Mode.NORMAL))]:
        for _ in range(seconds * 10):
            here.step()
            letters = here.site.groups()
            assert conflicts(here.model, letters) == []
            lights = [LIGHTS[_LETTERS[letter]] for letter in letters]
            assert lights == [LIGHT_OF[aspect] for aspect in here.lamps.shown]
        ask(here, *one)
        assert len(here.site.priorities()) <= 128
    assert here.unsafe() == []
