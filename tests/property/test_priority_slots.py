"""Whatever is asked of a signal and whatever its site says: no request outlives who asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.priority.messages import HIGHEST_CODE, Request, code_of
from jacquemart.actors.priority.request import ENDS, State, VehicleType, Verb
from jacquemart.actors.priority.slots import AGAIN_MS, HOLD_MS, WORDS, How, Refused, Set, Slots

SLOTS = (1, 2, 3)
IDS = ("a", "b", "c", "d")


@dataclass
class Field:
    """A site with slots, as its actor sees it: sets take effect, are refused, or get lost."""

    slots: Slots = field(default_factory=lambda: Slots(SLOTS))
    codes: dict[int, int] = field(default_factory=lambda: dict.fromkeys(SLOTS, 0))
    now: int = 1_000
    asked: dict[str, int] = field(default_factory=dict)
    """Request -> when it was said last."""

    def carry_out(self, found: Set, request: str, how: How) -> None:
        if how is How.APPLIED:
            self.codes[found.slot] = found.code
        self.slots.taken(found.slot, request, found.code, how, self.now)

    def tick(self, how: How) -> None:
        for found, request in list(self.slots.due(self.now)):
            self.carry_out(found, request.id if request is not None else "", how)

    def say(self, slot: int, state: State | None) -> None:
        if state in ENDS or state is None:
            self.codes[slot] = 0
        self.slots.told(slot, state, self.now)


ASKS = st.tuples(
    st.just("ask"), st.sampled_from(IDS), st.sampled_from(list(Verb)), st.integers(1, 3),
    st.sampled_from([3, 6, 13]), st.sampled_from(list(How)),
)  # fmt: skip
SAYS = st.tuples(st.just("say"), st.sampled_from(SLOTS), st.sampled_from([*State, None]))
WAITS = st.tuples(st.just("wait"), st.integers(100, 20_000), st.sampled_from(list(How)))


@given(st.lists(ASKS | SAYS | WAITS, max_size=40))
@settings(max_examples=300, deadline=None)
def test_what_nobody_says_again_is_gone_in_the_end(steps: list[tuple[object, ...]]) -> None:
    field_ = Field()
    for step in steps:
        if step[0] == "ask":
            _, name, verb, group, level, how = step
            assert isinstance(name, str)
            assert isinstance(verb, Verb)
            assert isinstance(group, int)
            assert isinstance(level, int)
            assert isinstance(how, How)
            request = Request(name, verb, group, level, 10, VehicleType.BUS)
            found = field_.slots.ask(request, field_.now)
            if isinstance(found, Set):
                assert found.slot in SLOTS
                assert found.code == (0 if verb is Verb.CANCEL else code_of(request))
                field_.carry_out(found, name, how)
        elif step[0] == "say":
            _, slot, state = step
            assert isinstance(slot, int)
            assert state is None or isinstance(state, State)
            field_.say(slot, state)
        else:
            _, passed, how = step
            assert isinstance(passed, int)
            assert isinstance(how, How)
            field_.now += passed
            field_.tick(how)
    # Everybody falls silent; the site is sound from now on, and says what it has.
    for _ in range(2 * (HOLD_MS + AGAIN_MS) // 500):
        field_.now += 500
        for slot, code in field_.codes.items():
            field_.slots.told(slot, State.ACTIVATED if code else None, field_.now)
        field_.tick(How.APPLIED)
    assert field_.codes == dict.fromkeys(SLOTS, 0)
    assert field_.slots.standing(field_.now) == []


@given(st.lists(st.tuples(st.sampled_from(IDS), st.integers(1, 3)), min_size=1, max_size=12))
def test_two_requests_are_never_in_one_slot(asks: list[tuple[str, int]]) -> None:
    slots = Slots(SLOTS)
    places: dict[str, int] = {}
    groups: dict[str, int] = {}
    for at, (name, group) in enumerate(asks):
        found = slots.ask(Request(name, Verb.NEW, group, 6, 5), at)
        if isinstance(found, Refused):
            assert len(places) == len(SLOTS) or groups[name] != group
            continue
        assert isinstance(found, Set)
        slots.taken(found.slot, name, found.code, How.APPLIED, at)
        assert places.setdefault(name, found.slot) == found.slot
        groups.setdefault(name, group)
    assert len(set(places.values())) == len(places)
    first = next(iter(places))
    gone = slots.ask(Request(first, Verb.CANCEL), 100)
    assert gone == Set(places[first], 0, "it was cancelled")
    for name, slot in places.items():
        if name != first:  # taking back the first leaves the others
            request = slots.request_in(slot)
            assert request is not None
            assert request.id == name


@given(
    st.sampled_from([None, *VehicleType]), st.integers(1, 255), st.integers(0, 14),
    st.none() | st.integers(0, 255),
)  # fmt: skip
def test_a_request_and_its_number_say_the_same(
    kind: VehicleType | None, group: int, level: int, eta: int | None
) -> None:
    code = code_of(Request("r", Verb.NEW, group, level, eta, kind))
    assert 0 < code <= HIGHEST_CODE
    assert code % 1_000 == (999 if eta is None else eta)
    assert code // 1_000 % 100 == level + 1
    assert code // 100_000 % 1_000 == group
    assert code // 100_000_000 == (0 if kind is None else list(VehicleType).index(kind) + 1)


def test_an_emergency_takes_the_slot_of_the_least_and_nobody_else_does() -> None:
    slots = Slots((1, 2))
    for name, level in (("a", 6), ("b", 4)):
        found = slots.ask(Request(name, Verb.NEW, 1, level, 5), 0)
        assert isinstance(found, Set)
        slots.taken(found.slot, name, found.code, How.APPLIED, 0)
    assert slots.ask(Request("c", Verb.NEW, 1, 11, 5), 1) == Refused(
        "all 2 slots of the signal are taken"
    )
    taken = slots.ask(Request("d", Verb.NEW, 1, 14, 5), 2)
    assert isinstance(taken, Set)
    assert taken.slot == 2
    assert slots.ask(Request("b", Verb.UPDATE, 1, 4, 3), 3) == Refused("it has ended: stale")


def test_an_end_that_was_heard_frees_the_slot_and_is_remembered() -> None:
    slots = Slots((1,))
    found = slots.ask(Request("a", Verb.NEW, 1, 6, 5, answer="broker"), 0)
    assert isinstance(found, Set)
    assert slots.told(1, State.COMPLETED, 1) is None  # of whatever was there before
    slots.taken(1, "a", found.code, How.APPLIED, 2)
    granted = slots.told(1, State.ACTIVATED, 3)
    assert granted is not None
    assert (granted.request.id, granted.state) == ("a", State.ACTIVATED)
    assert slots.told(1, State.ACTIVATED, 4) is None
    ended = slots.told(1, State.STALE, 5)
    assert ended is not None
    assert slots.ask(Request("a", Verb.UPDATE, 1, 6, 3), 6) == Refused("it has ended: stale")
    assert isinstance(slots.ask(Request("b", Verb.NEW, 1, 6, 3), 7), Set)
    assert WORDS[0] == "none"
