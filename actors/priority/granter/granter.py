"""The granter of a site: requests and what the controller shows in, instructions out. Pure.

*Theory.* The site's half of priority, as RSMP splits it: the queue (``queue``), what the signals
are asked for (``serving``), and the books of what was taken (``accounts``). Each thing that happens
is taken first, then requests end that must end, then who can be is activated, and then the present
turn is decided anew. Whatever is asked for binds one green until a time that is said with it. So
when nothing more is heard, by the controller of the granter or by the granter of the vehicle, the
green ends by itself.

*Rules.* Total and deterministic; time is given. It never touches an output: the controller's
interlock decides about all of it.
"""

from __future__ import annotations

from jacquemart.actors.priority.granter.accounts import Accounts
from jacquemart.actors.priority.granter.actions import (
    Direct,
    Instruction,
    Reason,
    Release,
    Told,
    View,
)
from jacquemart.actors.priority.granter.entry import Entry
from jacquemart.actors.priority.granter.queue import Queue
from jacquemart.actors.priority.granter.serving import Choice, choose, planned_start
from jacquemart.actors.priority.granter.site import Site
from jacquemart.actors.priority.granter.turn import Course, Turn
from jacquemart.actors.priority.granter.waits import Waits
from jacquemart.actors.priority.request import Ask, Item, Verb

#: A controller ends a green that much later or earlier than it was asked to: it runs in steps.
STEP_MS = 1_500


class Granter:
    """Grants priority at one site. Methods take the site's clock in ms, and return what to do.

    A clock that runs backwards is held at the latest time that it said.
    """

    __slots__ = ("_asked_ms", "_directed", "_heard_ms", "_now_ms", "_number", "_out", "_said",
                 "_turn", "_view", "accounts", "queue", "site", "waits")  # fmt: skip

    def __init__(self, site: Site) -> None:
        """Begin without having seen the controller: until then every request is rejected."""
        self.site = site
        self.accounts = Accounts(site)
        self.waits = Waits(site)
        self.queue = Queue(site)
        self._turn: Turn | None = None
        self._view = View(normal=False)
        self._heard_ms = self._now_ms = self._asked_ms = -(1 << 62)
        self._number = 0
        self._directed: Direct | Release | None = None
        self._said: Reason | None = None
        self._out: list[Instruction] = []

    # What happens --------------------------------------------------------------------------

    def asked(self, ask: Ask, now_ms: int) -> list[Instruction]:
        """Take one M0022."""
        now_ms = self._at(now_ms)
        entry = self.queue.entries.get(ask.request)
        if ask.verb is Verb.NEW:
            if entry is not None:
                self._out.append(Told(ask.request, Reason.KNOWN_ID, ""))
            else:
                self._number += 1
                entry = Entry.of(ask, self._number, now_ms, self.site.times)
                self.queue.receive(entry, self._turn is not None, now_ms)
        elif entry is None:
            self._out.append(Told(ask.request, Reason.UNKNOWN_ID, ""))
        elif ask.verb is Verb.UPDATE:
            entry.heard(ask, now_ms)
        else:
            self._count_extension(entry, now_ms)
            self.queue.cancel(ask.request, now_ms)
        return self._step(now_ms)

    def seen(self, view: View, now_ms: int) -> list[Instruction]:
        """Take what the controller shows, at each change and at least every few seconds."""
        now_ms = self._at(now_ms)
        self._heard_ms = now_ms
        self._view = view
        if not view.normal or view.stage not in self.site.by_id:
            self._off(Reason.NOT_NORMAL, now_ms)
        elif self._turn is None:
            self._turn = Turn(view.stage, view.green_ms)
            self.waits.began(view.stage, "", min(now_ms, view.green_ms))
        elif view.stage != self._turn.stage:
            self._next_turn(self._turn, view)
        else:
            self._turn.green_ms = view.green_ms
        return self._step(now_ms)

    def tick(self, now_ms: int) -> list[Instruction]:
        """Take note that time has passed; call it every second or so."""
        return self._step(self._at(now_ms))

    @property
    def turn(self) -> Turn | None:
        """Return the present turn; None: the controller is not in normal control, or not heard."""
        return self._turn

    def status(self) -> tuple[Item, ...]:
        """Return S0033. Requests that ended are in it until ``sent``."""
        return self.queue.items()

    def sent(self) -> None:
        """Take note that S0033 was sent."""
        self.queue.sent()

    # Inside --------------------------------------------------------------------------------

    def _at(self, now_ms: int) -> int:
        self._now_ms = max(self._now_ms, now_ms)
        return self._now_ms

    def _step(self, now_ms: int) -> list[Instruction]:
        if self._turn is not None and now_ms - self._heard_ms >= self.site.times.view:
            self._off(Reason.SITE_SILENT, now_ms)
        self.queue.expire(now_ms)
        if self._turn is not None:
            course = self._course(self._turn, now_ms)
            for entry in self.queue.admit(now_ms):
                self._hope(entry, course)
            self._forgive(course)
            if not self._view.ending:
                self._decide(course)
        told = self.queue.changes()
        out, self._out = [*self._out, *told], []
        # States first: who hears of a grant has heard before that it is activated.
        out.sort(key=lambda one: isinstance(one, (Direct, Release)))
        return out

    def _off(self, reason: Reason, now_ms: int) -> None:
        """Serve nobody: the controller runs something else than the plan that is known here."""
        self.queue.end_all(reason, now_ms)
        if self._turn is not None:
            self._turn = None
            self.accounts.clear()
            self.waits.forget()
            self._release(reason)

    def _forgive(self, course: Course) -> None:
        """Forget what is still owed when it should long have been given back.

        The controller has limits of its own (a maximum green that spans several stages, say), so
        that a debt may not get smaller. Its plan comes back into step by itself then.
        """
        if self.accounts.settled or self.queue.active() or course.turn.resume:
            self._asked_ms = course.now_ms
        elif course.now_ms - self._asked_ms >= self.site.forgiven_ms:
            self.accounts.clear()
            course.turn.dirty = False

    def _course(self, turn: Turn, now_ms: int) -> Course:
        return Course(self.site, self.accounts, self.waits, turn, now_ms)

    def _hope(self, entry: Entry, course: Course) -> None:
        """Note when the green of a request would have begun without help."""
        stages = self.queue.stages([entry])
        if course.turn.stage not in stages:
            entry.hoped_ms = planned_start(course, stages)

    def _next_turn(self, turn: Turn, view: View) -> None:
        """Book the turn that has ended, and begin the next."""
        site, new = self.site, view.stage
        change = site.change_ms.get((turn.stage, new), 0)
        ended = max(turn.green_ms, view.green_ms - change)
        by_plan = turn.resume or site.after[turn.stage]
        inserted = new != by_plan and new in turn.inserting
        course = self._course(turn, ended)
        self._book_extensions(course.planned_end(), ended)
        # What the controller does by itself is its own, and so are its steps of a second or less.
        exact = turn.end_ms if abs(ended - turn.end_ms) <= STEP_MS else ended
        green = exact - turn.green_ms
        if turn.resume:
            over = green + turn.extra_ms + site.change_ms[turn.stage, turn.resume]
            self.accounts.booked(turn.stage, over)
        elif turn.dirty:
            self.accounts.booked(turn.stage, green - site.by_id[turn.stage].planned_ms)
        self.waits.began(new, turn.stage, ended)
        self._turn = Turn(new, view.green_ms, way_ms=change)
        self._said = None
        if inserted:
            self._turn.resume = by_plan
            self._turn.extra_ms = change - site.change_ms[turn.stage, by_plan]
        elif new != by_plan:
            self.accounts.clear()  # the controller has skipped stages: its plan is elsewhere now
            self._out.append(Told("", Reason.OFF_SEQUENCE, new))
        for entry in self.queue.active():
            if entry.helped and entry.hoped_ms and new in site.serving[entry.group]:
                entry.reduced_ms = max(0, entry.hoped_ms - view.green_ms)
                entry.hoped_ms = 0

    def _book_extensions(self, planned_ms: int, ended_ms: int) -> None:
        for entry in self.queue.active():
            if entry.extending:
                entry.extended_ms += max(0, ended_ms - planned_ms)
                entry.extending = False

    def _count_extension(self, entry: Entry, now_ms: int) -> None:
        """Count what the green that is on was held for a request that ends now."""
        if entry.extending and self._turn is not None:
            planned = self._course(self._turn, now_ms).planned_end()
            entry.extended_ms += max(0, now_ms - planned)
            entry.extending = False

    def _decide(self, course: Course) -> None:
        turn, active = course.turn, self.queue.active()
        choice = choose(course, active, self.queue.stages(active))
        planned = course.planned_end()
        for entry, reason in choice.told:
            self._tell(entry, reason, choice)
        if not active:
            if choice.reason is not self._said and choice.reason is not Reason.ON_PLAN:
                given = choice.end_ms - planned
                self._out.append(Told("", choice.reason, turn.stage, given))
            self._said = choice.reason
        # A green that is over by plan and not yet off: the controller ends it in its next step.
        as_planned = choice.end_ms == max(planned, course.now_ms) and not choice.insert
        if as_planned and not turn.dirty and self.accounts.settled and not turn.resume:
            self._release(Reason.GREEN_ANYWAY if active else Reason.ON_PLAN)
            return
        turn.dirty, turn.end_ms = True, choice.end_ms
        if choice.insert:
            turn.inserting |= {choice.then}
        direct = Direct(turn.stage, choice.end_ms, choice.then, planned, choice.insert,
                        choice.reason, choice.request)  # fmt: skip
        if direct != self._directed:
            self._directed = direct
            self._out.append(direct)

    def _tell(self, entry: Entry, reason: Reason, choice: Choice) -> None:
        assert self._turn is not None
        entry.extending = reason is Reason.EXTENDED
        if reason in (Reason.EXTENDED, Reason.EARLY, Reason.INSERTED):
            entry.helped = True
        if reason is not entry.told:
            entry.told = reason
            given = choice.end_ms - choice.plain_ms
            self._out.append(Told(entry.request, reason, self._turn.stage, given))

    def _release(self, reason: Reason) -> None:
        if not isinstance(self._directed, Release) and self._directed is not None:
            self._out.append(Release(reason))
        self._directed = None
