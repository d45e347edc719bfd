"""A traffic-signal controller: its mode, its plan, and what it says of itself.

The safety of a junction is the controller's own (conflict monitor, minimum green, intergreen
times): from here it is only *asked* for a mode or a plan, and what it does is read back. A
controller under local control is not asked at all, and one of which nobody knows who controls it
neither. One that was not heard for 4 s counts as lost, as it counts us as lost.
"""

from __future__ import annotations

from typing import Any, ClassVar

from jacquemart.actors.signals.declared import check_tables
from jacquemart.actors.traffic.aggregated import MOST, SEVERITIES, SiteStatus, severity_of
from jacquemart.runtime.actor import Aggregate, DeviceActor, Point
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.outcome import Reason, Status
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
_EVENTS = {"fault": ("signals_in_fault", 2), "flash": ("signals_flash", 1), "dark":
           ("signals_dark", 2), "starting": ("signals_starting", 1), "normal":
           ("signals_normal", 0)}  # fmt: skip


class SignalController(DeviceActor):
    """One controller and the junction that it serves.

    Rules: mode and plan are refused in local mode, and while it is not known whether it is in
    local mode. After 4 s without a word from it, ``contact`` is 0.
    """

    __slots__ = ("_contact", "_local", "_severity", "_state")

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
        Point("contact", "whether the controller was heard in the last 4 s", "flag",
              derived=True, urgent=True),
        Point("severity", "its worst fault", "enumeration", words=SEVERITIES, derived=True,
              urgent=True),
    )  # fmt: skip
    watched = frozenset({"local", "state", "status"})
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
        self.after(SILENCE_S, self._look)

    def rule(self, point: str, value: float) -> str | None:
        """Refuse to ask a controller that somebody at the junction has in hand."""
        if point not in ("mode", "plan"):
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
            self._set_contact(False)
            return
        self._set_contact(True)
        if point == "local":
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
