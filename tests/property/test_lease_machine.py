"""Whatever is lost, late, frozen, killed or restarted: never two cells may write to one shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jacquemart.runtime.kernel.lease import MARGIN_NS, TTL_NS, Act, Holder, Silence
from jacquemart.runtime.kernel.lease_grant import Answer, End, Grantor, Owner, Verb

MS = 1_000_000
SHARD = "north/0"
PICK = st.integers(0, 1_000)
TIMES = st.sampled_from([1, 50, 199, 200, 400, 600, 799, 800, 1_000, 1_199, 1_200, 5_000])
STEPS = st.sampled_from([0, 1, 1, 1, 100])


@dataclass(eq=False)
class Cell:
    """An incarnation, its gate, and what happens to its process."""

    owner: Owner
    holder: Holder = field(default_factory=Holder)
    silence: Silence = field(default_factory=Silence)
    gate_ns: int = 0
    alive: bool = True
    frozen: bool = False
    released: bool = False

    @property
    def runs(self) -> bool:
        return self.alive and not self.frozen and not self.released

    def do(self, acts: list[Act]) -> None:
        for act in acts:
            if act is Act.EXTEND:
                self.gate_ns = max(self.gate_ns, self.holder.until_ns)
            elif act in (Act.CLOSE, Act.SEAL):
                self.gate_ns = 0


class World(RuleBasedStateMachine):
    """Cells on the zone's host renew themselves; those of another host do not."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10**12
        self.cells: list[Cell] = []
        self.journal: tuple[int, Owner | None, bool] = (0, None, False)
        self.grantor: Grantor | None = Grantor()
        self.claims: list[tuple[int, Cell, int]] = []
        self.asked: list[tuple[Cell, int, bool]] = []
        self.releases: list[Cell] = []
        self.replies: list[tuple[Cell, int, Answer]] = []

    def _pick(self, where: list[Any], number: int) -> Any:
        return where[number % len(where)]

    # The world -------------------------------------------------------------------------------

    def time_passes(self, ms: int) -> None:
        self.now += ms * MS

    def come(self, together: bool, step: int, name: int) -> None:
        if len(self.cells) >= 6:
            return
        last = max((cell.owner.epoch for cell in self.cells), default=1)
        place = ("here" if together else "there", len(self.cells), 0, 0)
        self.cells.append(Cell(Owner(f"device-{name}", last + step, place, together)))

    def freeze(self, who: int) -> None:
        self._pick(self.cells, who).frozen = True

    def thaw(self, who: int) -> None:
        self._pick(self.cells, who).frozen = False

    def kill(self, who: int) -> None:
        self._pick(self.cells, who).alive = False

    # Holders ---------------------------------------------------------------------------------

    def ask(self, who: int, lost: bool) -> None:
        cell = self._pick(self.cells, who)
        if cell.runs:
            cell.silence.asked(self.now)
            if not lost and self.grantor is not None:
                self.asked.append((cell, self.now, cell.holder.had))

    def tick(self, who: int) -> None:
        cell = self._pick(self.cells, who)
        if cell.runs:
            gone = self.grantor is None or cell.silence.lasts(self.now)
            cell.do(cell.holder.tick(self.now, alone=gone and cell.owner.renews))

    def release(self, who: int) -> None:
        cell = self._pick(self.cells, who)
        if cell.runs:
            cell.gate_ns, cell.released = 0, True
            self.releases.append(cell)

    def hear(self, which: int, keep: bool) -> None:
        if not self.replies:
            return
        reply = self._pick(self.replies, which)
        cell, asked_ns, answer = reply
        if not keep:
            self.replies.remove(reply)  # a kept one comes a second time, later
        if not cell.runs:
            return
        cell.silence.answered()
        told: dict[Verb, Callable[[], list[Act]]] = {
            Verb.GRANT: lambda: cell.holder.granted(asked_ns, self.now),
            Verb.FENCE: cell.holder.fenced,
            Verb.WAIT: cell.holder.waits,
        }
        cell.do(told[answer.verb]())

    # The grantor -----------------------------------------------------------------------------

    def judge(self, which: int) -> None:
        if not self.asked or self.grantor is None:
            return
        question = self._pick(self.asked, which)
        self.asked.remove(question)
        cell, asked_ns, had = question
        rival = self.grantor.rival(SHARD, cell.owner)
        end = self._end(rival) if rival is not None else End.UNKNOWN
        answer = self.grantor.ask(SHARD, cell.owner, self.now, had=had, end=end)
        if answer.verb is Verb.RECORD:
            self.claims.append((answer.epoch, cell, asked_ns))
        elif answer.verb is not Verb.PENDING:
            self.replies.append((cell, asked_ns, answer))

    def _end(self, rival: Owner) -> End:
        if rival.presence[0] != "here":
            return End.UNKNOWN
        lives = next(cell for cell in self.cells if cell.owner == rival).alive
        return End.LIVES if lives else End.CERTAIN

    def disk(self, works: bool) -> None:
        if not self.claims or self.grantor is None:
            return
        epoch, cell, asked_ns = self.claims.pop(0)
        if not works:
            self.grantor.failed(SHARD)
            return
        assert epoch > self.journal[0], "epochs grow"
        self.journal = (epoch, cell.owner, False)
        self.replies.append((cell, asked_ns, self.grantor.recorded(SHARD, self.now)))

    def hear_release(self, which: int) -> None:
        if not self.releases or self.grantor is None:
            return
        cell = self._pick(self.releases, which)
        self.releases.remove(cell)
        epoch = self.grantor.release(SHARD, cell.owner)
        if epoch == self.journal[0]:
            self.journal = (epoch, cell.owner, True)

    def crash(self, durable: bool) -> None:
        """What was being written may be on disk, although nobody was told."""
        if self.claims and durable:
            epoch, cell, _ = self.claims[0]
            self.journal = (epoch, cell.owner, False)
        self.claims.clear()
        self.asked.clear()
        self.grantor = None

    def restart(self) -> None:
        if self.grantor is not None:
            return
        self.grantor = Grantor()
        epoch, owner, released = self.journal
        if owner is not None:
            self.grantor.load(SHARD, epoch, owner, self.now, released=released)

    @invariant()
    def one_writer_at_most(self) -> None:
        open_to = [cell for cell in self.cells if cell.alive and self.now < cell.gate_ns]
        assert len(open_to) <= 1, open_to

    @invariant()
    def who_writes_is_believed_and_nobody_else(self) -> None:
        if self.grantor is None:
            return
        may = {cell.owner: self.grantor.may_tell(SHARD, cell.owner) for cell in self.cells}
        assert [*may.values()].count(True) <= 1
        for cell in self.cells:
            if cell.alive and self.now < cell.gate_ns:
                assert may[cell.owner] is not False, "what it does now counts"

    @invariant()
    def what_is_fenced_stays_shut(self) -> None:
        for cell in self.cells:
            if cell.holder.standing.value == "fenced":
                assert cell.gate_ns == 0


class Steps(World):
    """Every single step in any order."""

    @initialize(together=st.booleans())
    def begin(self, together: bool) -> None:
        self.come(together, step=1, name=0)

    time_passes = rule(ms=TIMES)(World.time_passes)
    come_too = rule(together=st.booleans(), step=STEPS, name=st.integers(0, 1))(World.come)
    some_freeze = rule(who=PICK)(World.freeze)
    some_thaw = rule(who=PICK)(World.thaw)
    some_die = rule(who=PICK)(World.kill)
    some_ask = rule(who=PICK, lost=st.booleans())(World.ask)
    some_tick = rule(who=PICK)(World.tick)
    some_leave = rule(who=PICK)(World.release)
    some_hear = rule(which=PICK, keep=st.booleans())(World.hear)
    one_is_judged = rule(which=PICK)(World.judge)
    disk_answers = rule(works=st.booleans())(World.disk)
    one_is_released = rule(which=PICK)(World.hear_release)
    zone_crashes = rule(durable=st.booleans())(World.crash)
    zone_comes = rule()(World.restart)


class Living(World):
    """The same, by what cells really do every 200 ms, so that long histories are reached."""

    @initialize(together=st.booleans())
    def begin(self, together: bool) -> None:
        self.come(together, step=1, name=0)

    come_too = rule(together=st.booleans(), step=STEPS, name=st.integers(0, 1))(World.come)

    @rule(who=PICK, what=st.sampled_from(["freeze", "thaw", "thaw", "kill", "release"]))
    def harm(self, who: int, what: str) -> None:
        """Have something happen to a cell."""
        getattr(self, what)(who)
        while self.releases and self.grantor is not None:
            self.hear_release(0)

    @rule(durable=st.booleans(), pause_ms=st.sampled_from([0, 500, 3_000]))
    def zone_is_replaced(self, durable: bool, pause_ms: int) -> None:
        """Have the zone cell crash, and come back after a while in which cells go on."""
        self.crash(durable)
        for _ in range(pause_ms // 200):
            for at in range(len(self.cells)):
                self.tick(at)
            self.now += 200 * MS
            self.one_writer_at_most()
        self.restart()

    @rule(
        rounds=st.integers(1, 8),
        deaf=st.sampled_from([set(), set(), {0}, {0}, {1}, {2}, {0, 2}, {1, 2, 3, 4, 5}]),
        late_ms=st.sampled_from([0, 0, 190, 700]),
        disk=st.sampled_from(["works", "works", "works", "fails", "hangs"]),
    )
    def live(self, rounds: int, deaf: set[int], late_ms: int, disk: str) -> None:
        """Let everybody ask and tick; nobody hears those who are ``deaf``, nor the other way."""
        for _ in range(rounds):
            for at, cell in enumerate(self.cells):
                self.tick(at)
                self.ask(at, at in deaf)
                while self.asked and self.asked[-1][0] is cell and self.grantor is not None:
                    self.judge(len(self.asked) - 1)
            while self.claims and self.grantor is not None and disk != "hangs":
                self.disk(disk == "works")
            self.now += late_ms * MS
            self.one_writer_at_most()
            while self.replies:
                self.hear(0, False)
                self.one_writer_at_most()
            self.now += max(0, 200 - late_ms) * MS
            self.one_writer_at_most()


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLivingLeases = Living.TestCase
TestLivingLeases.settings = settings(max_examples=120, stateful_step_count=20, deadline=None)


def test_the_margins_are_the_twenty_percent_of_the_theory() -> None:
    assert MARGIN_NS * 5 == TTL_NS == 1_000_000_000
