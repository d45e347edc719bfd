"""A traffic-signal controller: its mode, its plan, and what it says of itself.

The safety of a junction is the controller's own (conflict monitor, minimum green, intergreen
times): from here it is only *asked* for a mode, a plan, or priority for somebody, and what it does
is read back. A controller under local control is not asked at all, and one of which nobody knows
who controls it neither. One that was not heard for 4 s counts as lost, as it counts us as lost.

A request for priority is in a slot: a point ``priority_N`` that it is asked by, and ``request_N``
that shows what became of it (``actors.priority.slots``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from jacquemart.actors.priority.declared import SLOT
from jacquemart.actors.priority.messages import (
    HIGHEST_CODE,
    LONGEST_TEXT,
    PRIORITY,
    REQUEST_STATE,
    Request,
    Told,
)
from jacquemart.actors.priority.request import ENDS, State
from jacquemart.actors.priority.slots import WORDS, Changed, How, Refused, Set, Slots
from jacquemart.actors.signals.declared import check_tables
from jacquemart.actors.traffic.aggregated import MOST, SEVERITIES, SiteStatus, severity_of
from jacquemart.runtime.actor import Aggregate, Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality

MODES = ("normal_control", "yellow_flash", "dark")
STATES = ("starting", "normal", "flash", "dark", "fault")
FAULT = STATES.index("fault")
#: A controller leaves central control after so much silence; so do we take it for lost.
SILENCE_S = 4.0
#: Pause between two looks at a controller that is silent.
LOOK_S = 1.0
SOON_S = 0.1
#: A plan changes at the end of a cycle, and no cycle is longer.
LONGEST_CYCLE_MS = 120_000
#: How often requests are looked at that nobody says again, and how long taking one back may take.
SLOTS_S = 1.0
TAKE_BACK_S = 2.0
_STATE = "request_"
_TOLD = {
    State.ACTIVATED: "granted", State.QUEUED: "queued", State.REJECTED: "refused",
    State.COOLDOWN: "refused",
}  # fmt: skip
_HOW = {
    Status.APPLIED: How.APPLIED, Status.FAILED: How.REFUSED, Status.INDETERMINATE: How.UNKNOWN,
}  # fmt: skip
_EVENTS = {"fault": ("signals_in_fault", 2), "flash": ("signals_flash", 1), "dark":
           ("signals_dark", 2), "starting": ("signals_starting", 1), "normal":
           ("signals_normal", 0)}  # fmt: skip


class SignalController(DeviceActor):
    """One controller and the junction that it serves.

    Rules: mode, plan and priority are refused in local mode, and while it is not known whether it
    is in local mode; to take a request back is always allowed. After 4 s without a word from it,
    ``contact`` is 0. A request for priority that is not said again for 15 s is taken back.
    """

    __slots__ = ("_contact", "_local", "_requests", "_severity", "_state")

    kind = "signal_controller"
    points = (
        Point("mode", "how the controller shall run its signals", "enumeration", words=MODES,
              writable=True, feedback="mode_state", settle_ms=10_000, poll_ms=0,
              guards=("local", "status")),
        Point("mode_state", "how the controller runs its signals", "enumeration", words=MODES,
              stale_after_ms=4_000, urgent=True),
        Point("local", "whether a switch at the junction has taken control", "flag",
              stale_after_ms=4_000, urgent=True),
        Point("plan", "the time plan that it shall run", "count", low=1, high=255, writable=True,
              feedback="plan_state", settle_ms=LONGEST_CYCLE_MS, poll_ms=0,
              guards=("local", "status")),
        Point("plan_state", "the time plan that it runs; 0: none", "count", low=0, high=255,
              stale_after_ms=4_000),
        Point("state", "what its signals do", "enumeration", words=STATES, stale_after_ms=4_000,
              urgent=True),
        Point("status", "its aggregated status, as the eight bits of RSMP", "count", low=0,
              high=MOST, stale_after_ms=4_000, urgent=True),
        Point("occupancy_*", "share of the time that a detector was occupied", unit="%", low=0,
              high=100, poll_ms=10_000, required=False),
        Point("request_*", "what became of the request in a slot", "enumeration", words=WORDS,
              poll_ms=2_000, stale_after_ms=10_000, urgent=True, required=False),
        Point("priority_*", "a request for priority in a slot, as one number; 0: none", "count",
              low=0, high=HIGHEST_CODE, writable=True, volatile=True, settle_ms=2_000, poll_ms=0,
              required=False),
        Point("contact", "whether the controller was heard in the last 4 s", "flag",
              derived=True, urgent=True),
        Point("severity", "its worst fault", "enumeration", words=SEVERITIES, derived=True,
              urgent=True),
    )  # fmt: skip
    watched = frozenset({"local", "state", "status", "request_*"})
    #: Tables of the city file that are this kind's, and what checks them.
    city_tables: ClassVar[dict[str, Any]] = {"signals": check_tables}
    summary = (
        Aggregate("in contact", "contact", "sum"),
        Aggregate("local mode", "local", "sum"),
        Aggregate("worst fault", "severity", "maximum"),
    )

    def on_start(self) -> None:
        """Begin without an opinion, and look at the silence from now on."""
        self._contact: bool | None = None
        self._local: bool | None = None
        self._severity: int | None = None
        self._state = ""
        names = [point.name for point in self.template.points]
        slots = [name.removeprefix(SLOT) for name in names if name.startswith(SLOT)]
        self._requests = Slots(tuple(int(one) for one in slots if one.isdecimal()))
        self.after(SILENCE_S, self._look)
        if slots:
            self.every(SLOTS_S, self._look_at_requests)

    @command(PRIORITY, "asks the site for priority, or takes a request back",
             Argument(text=LONGEST_TEXT), volatile=True, beside=True)  # fmt: skip
    def priority(self, ticket: Ticket) -> None:
        """Have the site be asked; the command ends as the write of the slot does."""
        now = self._now_ms()
        try:
            request = Request.read(str(ticket.value))
        except UsageError as error:
            self._refuse(ticket, Reason.BAD_VALUE, error.message)
            return
        found = self._requests.ask(request, now)
        if isinstance(found, Refused):
            self._refuse(ticket, Reason.RULE, found.why)
        elif found is not None:
            self.write(
                f"{SLOT}{found.slot}", float(found.code), ticket, self._then(found, request.id)
            )

    def rule(self, point: str, value: float) -> str | None:
        """Refuse to ask a controller that somebody at the junction has in hand."""
        if point.startswith(SLOT):
            if not value:  # what is there is taken back, whoever has the junction
                return None
        elif point not in ("mode", "plan"):
            return None
        local, status = self.good("local"), self.good("status")
        if local is None or status is None:
            return "it is not known whether the controller is in local mode"
        if local or int(status) & SiteStatus.LOCAL_MODE:
            return "the controller is in local mode: the centre has no control"
        return None

    def interlock(self, point: str, value: float) -> str | None:
        """Look once more right before it is asked: somebody may have turned the switch."""
        return self.rule(point, value)

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow who has control, what the signals do, and what is faulty."""
        if quality >= Quality.STALE_AGE:
            if not point.startswith(_STATE):
                self._set_contact(False)
            return
        self._set_contact(True)
        if point.startswith(_STATE):
            self._look_at(int(point.removeprefix(_STATE)))
        elif point == "local":
            self._set_local(bool(value))
        elif point == "state":
            self._set_state(int(value))
        else:
            self._set_severity(severity_of(value))

    def link_changed(self, up: bool) -> None:
        """A link that is down is a controller that is not heard."""
        if not up:
            self._set_contact(False)

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        """Say that a controller in fail-safe follows nobody."""
        if verdict.status is Status.FAILED and self.good("state") == FAULT:
            return Verdict(Status.FAILED, Reason.DEVICE_FAULT, f"in fault; {verdict.detail}")
        return verdict

    def _look(self) -> None:
        """Look whether the controller was heard, and again when it could be too long ago."""
        silent_s = self.age("state")
        usable = self.quality("state") < Quality.STALE_AGE
        heard = silent_s < SILENCE_S and usable
        self._set_contact(heard)
        self.after(max(SOON_S, SILENCE_S - silent_s) if heard else LOOK_S, self._look)

    def _set_contact(self, heard: bool) -> None:
        if heard != self._contact:
            if self._contact is not None or not heard:
                self.emit("contact" if heard else "no_contact", 0 if heard else 2)
            self._contact = heard
            self.publish("contact", float(heard))
            self._tell_severity()

    def _set_local(self, local: bool) -> None:
        if local != self._local:
            if self._local is not None or local:
                self.emit("local_mode" if local else "central_mode", 1 if local else 0)
            self._local = local

    def _set_state(self, state: int) -> None:
        word = STATES[state] if 0 <= state < len(STATES) else f"state_{state}"
        if word != self._state:
            first, self._state = not self._state, word
            name, severity = _EVENTS.get(word, ("signals_unknown", 2))
            if severity or not first:
                self.emit(name, severity)

    def _set_severity(self, severity: int) -> None:
        if severity == self._severity:
            return
        if severity:
            level = 1 if severity == 1 else 2
            self.emit("signal_fault", level, worst=SEVERITIES[severity])
        elif self._severity:
            self.emit("signal_fault_cleared")
        self._severity = severity
        self._tell_severity()

    def _tell_severity(self) -> None:
        """Show the worst fault; of a controller that is silent it is only the last one heard."""
        if self._severity is not None:
            quality = Quality.GOOD if self._contact else Quality.STALE_AGE
            self.publish("severity", float(self._severity), quality)

    # Priority ------------------------------------------------------------------------------

    def texts(self) -> Mapping[str, str]:
        """Say who has asked for priority here, and what became of it."""
        said = self._requests.standing(self._now_ms())
        return {"priority": "; ".join(said)} if said else {}

    def _look_at_requests(self) -> None:
        """Take back what nobody has said again, and what nobody here knows."""
        for found, request in self._requests.due(self._now_ms()):
            who = {"request": request.id, "vehicle": request.vehicle} if request else {}
            self.emit("priority_taken_back", 1, slot=found.slot, why=found.why, **who)
            name = request.id if request is not None else ""
            then = self._then(found, name)
            self.act(f"{SLOT}{found.slot}", 0.0, within_s=TAKE_BACK_S, then=then)

    def _then(self, found: Set, request: str) -> Callable[[Outcome], None]:
        """Return what hears of the end of a set of a slot."""

        def ended(outcome: Outcome) -> None:
            how = _HOW.get(outcome.status, How.UNSENT)
            self._requests.taken(found.slot, request, found.code, how, self._now_ms())
            if how is How.APPLIED and found.code:
                self._look_at(found.slot)

        return ended

    def _look_at(self, slot: int) -> None:
        """Follow what the site says of a slot."""
        value = self.good(f"{_STATE}{slot}")
        if value is None:
            return
        state = State(WORDS[int(value)]) if 0 < value < len(WORDS) else None
        changed = self._requests.told(slot, state, self._now_ms())
        if changed is not None:
            self._tell(changed)

    def _tell(self, changed: Changed) -> None:
        """Tell what became of a request: as an event, and to whoever asked to hear of it."""
        one, state = changed.request, changed.state
        name = _TOLD.get(state, "ended" if state in ENDS else "")
        if name:
            self.emit(
                f"priority_{name}", 0, request=one.id, vehicle=one.vehicle, group=one.group,
                level=one.level, state=state.value,
            )  # fmt: skip
        if one.answer:
            self.command(one.answer, REQUEST_STATE, Told(one.id, state).text(), within_s=5.0)

    def _now_ms(self) -> int:
        return self.host.clock.boot_ns() // 1_000_000
