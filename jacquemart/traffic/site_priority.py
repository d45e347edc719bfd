"""Priority at a site, from M0022 to S0033: a granter for each plan that the controller runs.

A granter knows one plan. When the controller changes to another, the requests of the old one end
and the next granter begins with none; whoever still wants something asks again, as after a restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from jacquemart.actors.priority.granter import Changed, Instruction, Reason, Times, Told
from jacquemart.actors.priority.granter.port import PortGranter
from jacquemart.actors.priority.request import ENDS, Ask, Item, VehicleType, Verb
from jacquemart.actors.signals.controller import Controller
from jacquemart.drivers.rsmp.site.controller import Priority, PriorityRequest
from jacquemart.runtime.model.errors import ConfigError, UsageError

#: S0033 has a request that ended for so long.
KEPT_MS: Final = 60_000
#: … and so many of them.
MOST_ENDED: Final = 64
#: A granter of which nobody wants anything looks at its controller so often.
IDLE_MS: Final = 1_000
#: What is told and not fetched, at most.
MOST_TOLD: Final = 256
_REFUSALS: Final = (Reason.KNOWN_ID, Reason.UNKNOWN_ID)


class SitePriority:
    """The requests of one site. ``told`` has what was decided since somebody cleared it."""

    def __init__(
        self, controller: Controller, components: Sequence[str] = (), times: Times | None = None
    ) -> None:
        """Begin beside a controller.

        Args:
            controller: asked for holds, early greens and insertions.
            components: how RSMP calls its groups, in their order; their own names count, too.
            times: how long things may take; None: the usual.
        """
        self._controller, self._times = controller, times
        names = [group.name for group in controller.model.groups]
        self._group_of = {**dict(zip(components, names, strict=False)), **{n: n for n in names}}
        self._granter: PortGranter | None = None
        self._plan = self._looked_ms = 0
        self._why_none = "the controller has not begun"
        self._ended: dict[str, Item] = {}
        self.told: deque[Instruction] = deque(maxlen=MOST_TOLD)

    def request(self, request: PriorityRequest, now_ms: int) -> str:
        """Take one M0022; return why not, or nothing."""
        if self._granter is None:
            return f"there is no priority: {self._why_none}"
        self._look(self._granter, now_ms)
        kinds = [kind for kind in VehicleType if kind.value == request.vehicle]
        new = request.what == Verb.NEW.value
        try:
            ask = Ask(
                request.id, Verb(request.what), request.level, request.eta_s,
                self._movement(request.movement) if new else "",
                kinds[0] if kinds and new else None,
            )  # fmt: skip
        except (UsageError, ValueError) as error:
            return str(error)[:200]
        out = self._granter.asked(ask, now_ms)
        self._take(out)
        for one in out:
            if isinstance(one, Told) and one.request == ask.request and one.reason in _REFUSALS:
                return one.reason.value
        return ""

    def step(self, now_ms: int) -> None:
        """Look at the controller, and ask of it what was granted."""
        plan = self._controller.plan
        if self._granter is not None and (
            plan != self._plan or now_ms - self._looked_ms >= IDLE_MS or self._busy(self._granter)
        ):
            self._look(self._granter, now_ms)  # it ends all if this is not its plan any more
        if plan != self._plan:
            self._plan = plan
            self._granter = self._make(plan)
            if self._granter is not None:
                self._look(self._granter, now_ms)
        self._ended = {
            one.request: one for one in list(self._ended.values())[-MOST_ENDED:]
            if now_ms - one.since_ms <= KEPT_MS
        }  # fmt: skip

    def all(self) -> list[Priority]:
        """Return the requests under way, and those that ended within the last minute."""
        found = dict(self._ended)
        if self._granter is not None:
            found |= {one.request: one for one in self._granter.granter.status()}
        return [
            Priority(
                one.request, one.state.value, one.since_ms / 1_000,
                one.extended_s, one.reduced_s,
            )
            for one in found.values()
        ]  # fmt: skip

    @staticmethod
    def _busy(beside: PortGranter) -> bool:
        """Return whether something is asked for, or to be given back."""
        return bool(beside.granter.queue.entries) or not beside.granter.accounts.settled

    def _look(self, beside: PortGranter, now_ms: int) -> None:
        self._looked_ms = now_ms
        self._take(beside.step(now_ms))

    def _make(self, number: int) -> PortGranter | None:
        plan = self._controller.model.plan(number)
        if plan is None:
            return None
        try:
            return PortGranter(self._controller, plan, self._times)
        except ConfigError as error:
            self._why_none = f"plan {number}: {error}"
            return None

    def _take(self, out: Iterable[Instruction]) -> None:
        for one in out:
            self.told.append(one)
            if isinstance(one, Changed) and one.state in ENDS:
                self._ended.pop(one.request, None)
                self._ended[one.request] = Item(
                    one.request, one.state, one.at_ms, one.extended_s, one.reduced_s
                )
        if self._granter is not None:
            self._granter.granter.sent()

    def _movement(self, movement: Mapping[str, str]) -> str:
        """Return the group that a movement means; what is not known here is rejected by its name.

        Only groups are known by their ids: inputs, connections, approaches and lanes are not.
        """
        text = movement.get("signalGroupId", "")
        return self._group_of.get(text, text) or next(iter(movement.values()), "")
