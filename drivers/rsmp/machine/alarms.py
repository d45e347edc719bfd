"""The alarms of a site: each with three flags, active, acknowledged and suspended. Pure.

*Theory.* An alarm belongs to a component and a code. Becoming active makes it unacknowledged;
acknowledging and suspending are independent of each other and of whether it is active, and they
count for the alarm as a whole and not for one event of it (RSMP core 3.2.2, "Alarm messages").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from jacquemart.drivers.rsmp.wire import stamp
from jacquemart.drivers.rsmp.wire.sxl import ALARMS

Cause = Literal["Issue", "Acknowledge", "Suspend"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """The state of one alarm; times are ms since 1970 by the site's clock."""

    component: str
    code: str
    active: bool = False
    acknowledged: bool = False
    suspended: bool = False
    issued_ms: int = 0
    acknowledged_ms: int = 0
    suspended_ms: int = 0
    values: Mapping[str, str] = field(default_factory=dict)

    def fields(self, cause: Cause) -> dict[str, Any]:
        """Return the fields of an alarm message that tells this state."""
        at_ms = {
            "Issue": self.issued_ms, "Acknowledge": self.acknowledged_ms,
            "Suspend": self.suspended_ms,
        }[cause]  # fmt: skip
        known = ALARMS[self.code]
        # The schemas of core 3.2 want a capital in the answer to a suspension, and none elsewhere.
        suspended = "Suspended" if cause == "Suspend" else "suspended"
        return {
            "ntsOId": "", "xNId": "", "cId": self.component, "aCId": self.code,
            "xACId": "", "xNACId": "", "aSp": cause,
            "ack": "Acknowledged" if self.acknowledged else "notAcknowledged",
            "aS": "Active" if self.active else "inActive",
            "sS": suspended if self.suspended else "notSuspended",
            "aTs": stamp.to_text(at_ms), "cat": known.category, "pri": known.priority,
            "rvs": [{"n": name, "v": value} for name, value in self.values.items()],
        }  # fmt: skip


class Alarms:
    """All alarms that a site can have."""

    def __init__(self, components: Mapping[str, str], codes: Sequence[str], now_ms: int) -> None:
        """Have each of the codes for every component of its kind, all inactive.

        Args:
            components: kinds by component: tlc, group, detector.
        """
        self._alarms: Final = {
            (component, code): Alarm(
                component, code, acknowledged=True, issued_ms=now_ms, acknowledged_ms=now_ms,
                suspended_ms=now_ms,
            )
            for component, kind in components.items()
            for code in codes
            if ALARMS[code].component == kind
        }  # fmt: skip

    def get(self, component: str, code: str) -> Alarm | None:
        """Return an alarm, or None if there is none such."""
        return self._alarms.get((component, code))

    def all(self) -> list[Alarm]:
        """Return all alarms, also inactive ones."""
        return list(self._alarms.values())

    def issue(
        self, component: str, code: str, active: bool, now_ms: int,
        values: Mapping[str, str] | None = None,
    ) -> Alarm | None:  # fmt: skip
        """Let an alarm become active or inactive; None if it was so already, or is unknown."""
        alarm = self.get(component, code)
        if alarm is None or alarm.active == active:
            return None
        changes: dict[str, Any] = {"active": active, "issued_ms": now_ms}
        if active:
            changes["acknowledged"] = False
        if values is not None:
            changes["values"] = dict(values)
        return self._keep(replace(alarm, **changes))

    def acknowledge(self, component: str, code: str, now_ms: int) -> Alarm | None:
        """Acknowledge an alarm; None if there is none such."""
        alarm = self.get(component, code)
        if alarm is None or alarm.acknowledged:
            return alarm
        return self._keep(replace(alarm, acknowledged=True, acknowledged_ms=now_ms))

    def suspend(self, component: str, code: str, suspended: bool, now_ms: int) -> Alarm | None:
        """Suspend or resume an alarm; None if there is none such."""
        alarm = self.get(component, code)
        if alarm is None or alarm.suspended == suspended:
            return alarm
        return self._keep(replace(alarm, suspended=suspended, suspended_ms=now_ms))

    def _keep(self, alarm: Alarm) -> Alarm:
        self._alarms[alarm.component, alarm.code] = alarm
        return alarm
