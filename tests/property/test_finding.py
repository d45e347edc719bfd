"""Who looks for a device is told where it is, or that nobody has it: once, truly, in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jacquemart.runtime.kernel.finding import Finding, Home, Question, Told

DEVICES = [f"d{n}" for n in range(6)]
CELLS = ("zone-0", "zone-1", "zone-2")
MOST_KEPT, MOST_A_QUESTION = 3, 2


class FindingModel(RuleBasedStateMachine):
    """A city whose devices are somewhere else, or nowhere, whenever its directory changes."""

    def __init__(self) -> None:
        super().__init__()
        self.finding: Finding[int] = Finding(MOST_KEPT, MOST_A_QUESTION)
        self.where: dict[str, str] = {}
        """Device -> the zone cell that has it, by the directory of now."""
        self.cells: tuple[str, ...] = ()
        self.waiting: dict[str, list[tuple[int, int]]] = {}
        """Device -> (waiter, until), in the order of coming."""
        self.asked: list[tuple[Question, dict[str, Home]]] = []
        """Questions under way, with what their cell will say: it was asked then."""
        self.now = self.number = 0

    def home(self, device: str) -> Home | None:
        cell = self.where.get(device)
        return Home(f"zone of {cell}", f"shard of {cell}") if cell is not None else None

    @initialize()
    def begin(self) -> None:
        """Nobody knows of any zone cell yet."""

    @rule(cells=st.sets(st.sampled_from(CELLS), min_size=1), data=st.data())
    def connect(self, cells: set[str], data: st.DataObject) -> None:
        self.cells = tuple(sorted(cells))
        places = st.sampled_from((*self.cells, None))
        drawn = {device: data.draw(places) for device in DEVICES}
        self.where = {device: cell for device, cell in drawn.items() if cell is not None}
        self.finding.connect(cells)
        assert self.finding.kept == 0

    @rule(device=st.sampled_from(DEVICES), patience=st.integers(1, 5))
    def find(self, device: str, patience: int) -> None:
        self.number += 1
        found = self.finding.find(device, self.number, self.now + patience)
        if found is None:
            self.waiting.setdefault(device, []).append((self.number, self.now + patience))
        else:
            assert found == self.home(device)
            assert device not in self.waiting, "those before it would be overtaken"

    @rule()
    def ask(self) -> None:
        for question in self.finding.questions():
            assert question.cell in self.cells
            assert 0 < len(question.devices) <= MOST_A_QUESTION
            for known, _ in self.asked:
                again = known.turn == question.turn and known.cell == question.cell
                assert not again or not set(known.devices) & set(question.devices), "asked twice"
            says = {
                device: home
                for device in question.devices
                if self.where.get(device) == question.cell and (home := self.home(device))
            }
            self.asked.append((question, says))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), answers=st.booleans())
    def end_a_question(self, data: st.DataObject, answers: bool) -> None:
        question, says = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        if answers:
            self.tell(self.finding.answered(question, says))
        else:
            self.finding.silent(question)

    def tell(self, told: list[Told[int]]) -> None:
        for waiter, home in told:
            device = next(one for one, row in self.waiting.items() if row[0][0] == waiter)
            self.waiting[device].pop(0)
            if not self.waiting[device]:
                del self.waiting[device]
            assert home == self.home(device)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        late = {waiter for row in self.waiting.values() for waiter, until in row
                if until <= self.now}  # fmt: skip
        gone = self.finding.overdue(self.now)
        assert sorted(gone) == sorted(late)
        rows = {device: [one for one in row if one[0] not in late]
                for device, row in self.waiting.items()}  # fmt: skip
        self.waiting = {device: row for device, row in rows.items() if row}

    @rule(device=st.sampled_from(DEVICES))
    def forget(self, device: str) -> None:
        self.finding.forget(device)

    @invariant()
    def it_is_bounded_and_forgets_nobody(self) -> None:
        assert self.finding.kept <= MOST_KEPT
        assert self.finding.sought == len(self.waiting)

    def teardown(self) -> None:
        """When every zone answers, nobody waits any more."""
        while self.cells and self.waiting:
            before = len(self.asked)
            self.ask()
            assert self.asked or before, "somebody waits, and nobody is asked"
            while self.asked:
                question, says = self.asked.pop()
                self.tell(self.finding.answered(question, says))


FindingModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestFinding = FindingModel.TestCase


def test_homes_that_devices_have_in_common_are_kept_once() -> None:
    finding: Finding[int] = Finding()
    finding.connect(["zone-0"])
    for device in ("a", "b"):
        assert finding.find(device, 1, 10) is None
    (question,) = finding.questions()
    told = finding.answered(question, {one: Home("z", "s", frozenset("v")) for one in "ab"})
    assert [one.home for one in told] == [Home("z", "s", frozenset("v"))] * 2
    assert finding.find("a", 2, 10) is finding.find("b", 2, 10)


def test_what_is_used_least_is_forgotten_first() -> None:
    finding: Finding[int] = Finding(most_kept=2)
    finding.connect(["zone-0"])
    for device in ("a", "b", "a", "c"):  # "a" is used again before there is too much
        if finding.find(device, 1, 10) is None:
            (question,) = finding.questions()
            finding.answered(question, {device: Home("z", "s")})
    assert finding.find("a", 1, 10) is not None
    assert finding.find("c", 1, 10) is not None
    assert finding.find("b", 1, 10) is None
