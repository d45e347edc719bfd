"""What a device cell knows of commands of before: their ends, and what the field shows now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from jacquemart.runtime.actor.values import check_value
from jacquemart.runtime.cell.asking import ENDED, NEVER, RUNNING, SENT, UNSENT
from jacquemart.runtime.cell.intake import bulk_key
from jacquemart.runtime.cell.ledger_reading import Left, read
from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.kernel.dedup import Seen
from jacquemart.runtime.kernel.readback import judge
from jacquemart.runtime.model.errors import StartError, UsageError
from jacquemart.runtime.model.outcome import Status

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.cell.shard import Shard

#: A fresh reading is waited for so long; after that nobody knows.
PATIENCE_S = 3.0
LOOK_S = 0.02


class Memory:
    """Answers a zone's questions about commands that it had accepted."""

    def __init__(self, cell: DeviceCell) -> None:
        """Know of the commands that came to ``cell`` since now."""
        self._cell = cell
        self._since_ns = cell.clock.boot_ns()
        self._came_ns: dict[str, int] = {}
        """Shard or device -> when it came, if that was later; whoever had it before was another
        cell, whose ledger is not the one that this cell has inherited."""
        self._before: Left | None = None
        """What the predecessor has left; None: nothing is known of it."""
        if cell.config.inherits:
            try:
                self._before = read(cell.config.inherits)
            except StartError:
                self._before = None
        self._leased_ns: dict[str, int] = {}
        """Shard -> when it was granted, if nothing is known of who had it before: that one may have
        written until then."""
        if self._before is None:
            cell.ledger.blind_until(self._since_ns)

    def came(self, names: Iterable[str]) -> None:
        """Take note that shards, or devices of a shard that was here, have come from elsewhere."""
        now = self._cell.clock.boot_ns()
        self._came_ns.update(dict.fromkeys(names, now))
        self._cell.ledger.blind_until(now)

    def leased(self, shard: str) -> None:
        """Take note that a shard was granted for the first time: now nobody else writes to it."""
        if self._before is None or shard in self._came_ns:
            now = self._leased_ns[shard] = self._cell.clock.boot_ns()
            self._cell.ledger.blind_until(now)

    def may_have_had(self, principal: str, id: bytes, first_ns: int, device: str) -> bool:
        """Return whether a command that is new here may have been executed before.

        Args:
            principal, id: its identity.
            first_ns: when it was sent first, on this host's boot-time clock.
            device: whose command it is.
        """
        cell = self._cell
        if first_ns > cell.clock.boot_ns():
            return True  # by a clock that is no more
        if first_ns < max(self._came(device), self._leased(device)):
            return True
        if first_ns >= self._since_ns:  # it may have ended here, and have been forgotten
            return first_ns <= cell.intake.seen.forgotten_ns
        before = self._before
        if before is None or first_ns < before.blind_until_ns:
            return True
        return before.may_have_sent(principal, id, first_ns)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return ``outcome_of`` and ``resolve``; see docs/protocol.md."""
        return {"outcome_of": self._outcome_of, "resolve": self._resolve}

    def _outcome_of(self, args: Mapping[str, Any]) -> list[list[Any]]:
        """Return ``[known, outcome]`` for each of ``commands``.

        Each is ``[principal, id, accepted_ns, device]``; who leaves the device out is told no
        more than what holds for all devices here. With a zone behind it, it is that zone's part of
        a bulk command: ``ended``, ``running``, ``never`` and ``unsent`` mean that it may come
        again, and is done by no device that has it already.

        ``known`` is ``ended`` (with the OUTCOME frame), ``running``, ``never`` (nobody has sent
        it, and it may be sent now), ``unsent`` (this cell's predecessor was lost, and had not
        sent it) or ``sent`` (it may have been).
        """
        commands = args.get("commands")
        if not isinstance(commands, list):
            raise UsageError("argument 'commands' is no list")
        found = []
        for row in commands:
            if not isinstance(row, list) or len(row) < 3 or not isinstance(row[2], int):
                form = "[principal, id, accepted_ns, device]"
                raise UsageError(f"a command is {form}", where="commands")
            device = str(row[3]) if len(row) > 3 else ""
            if len(row) > 4:
                found.append([self._bulk(str(row[0]), bytes(row[1]), row[2], str(row[4])), None])
                continue
            found.append(self._known(str(row[0]), bytes(row[1]), row[2], device))
        return found

    def _known(self, principal: str, id: bytes, accepted_ns: int, device: str) -> list[Any]:
        seen, frame = self._cell.intake.seen.peek((principal, id))
        if seen is Seen.FINISHED:
            return [ENDED, frame]
        if seen is Seen.RUNNING:
            return [RUNNING, None]
        came_ns = self._came(device)
        if accepted_ns < came_ns:
            return [SENT, None]  # another cell had it then, and nobody here knows what that did
        if self._since_ns <= accepted_ns:
            # It may have ended here, and have been forgotten for others that came since.
            forgotten = accepted_ns <= self._cell.intake.seen.forgotten_ns
            return [SENT if forgotten else NEVER, None]
        before = self._before
        if before is None or before.may_have_sent(principal, id, accepted_ns):
            return [SENT, None]
        return [UNSENT, None]

    def _bulk(self, principal: str, id: bytes, accepted_ns: int, zone: str) -> str:
        cell = self._cell
        seen = cell.intake.bulk_seen(bulk_key(principal, zone, id))
        if seen in (Seen.FINISHED, Seen.RUNNING):
            return ENDED if seen is Seen.FINISHED else RUNNING
        # A part may mean devices of other zones that are in this one: so what came from anywhere.
        if accepted_ns < max(self._came_ns.values(), default=0):
            return SENT
        if self._since_ns <= accepted_ns:
            return SENT if accepted_ns <= cell.intake.bulks_forgotten_ns else NEVER
        before = self._before
        return SENT if before is None or accepted_ns < before.sent_since_ns else UNSENT

    def _came(self, device: str) -> int:
        """Return when a device came to this cell after its start; 0: it was here."""
        actor = self._cell.devices.get(device)
        if actor is None:
            return max(self._came_ns.values(), default=0)
        shard = cast("Shard", actor.shard).spec.id
        return max(self._came_ns.get(shard, 0), self._came_ns.get(device, 0))

    def _leased(self, device: str) -> int:
        actor = self._cell.devices.get(device)
        return self._leased_ns.get(cast("Shard", actor.shard).spec.id, 0) if actor else 0

    def _resolve(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Read the feedback of ``device/point`` again; does it show ``value``?

        The answer is ``status`` (APPLIED, FAILED, or INDETERMINATE if it cannot be read now) and
        ``value``, what the field shows.
        """
        device = text_arg(args, "device")
        actor, index = self._cell.find(f"{device}/{text_arg(args, 'point')}")
        spec = actor.template.points[index]
        wanted, refusal = check_value(spec, args.get("value"), "")
        if refusal is not None:
            raise UsageError(refusal[1], where=f"{device}/{spec.name}")
        loop = self._cell.loop
        slot = actor.base + (actor.template.point_index(spec.feedback) if spec.feedback else index)
        asked = self._cell.clock.wall_ns()
        until = loop.time() + PATIENCE_S
        answer: asyncio.Future[dict[str, Any]] = loop.create_future()
        if not cast("Shard", actor.shard).read_again(actor, slot - actor.base):
            answer.set_result({"status": int(Status.INDETERMINATE), "value": None})
            return answer

        def look() -> None:
            if answer.done():
                return
            value, quality, _, receive_ns = actor.shard.table.read(slot)
            verdict = judge(wanted, spec.tolerance, value, quality, settled=True, acknowledged=True)
            fresh = receive_ns > asked and verdict is not None
            if fresh and verdict is not None and verdict.status is not Status.INDETERMINATE:
                answer.set_result({"status": int(verdict.status), "value": value})
            elif loop.time() > until:
                answer.set_result({"status": int(Status.INDETERMINATE), "value": None})
            else:
                loop.call_later(LOOK_S, look)

        loop.call_soon(look)
        return answer
