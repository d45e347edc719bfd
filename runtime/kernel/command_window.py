"""The commands that a zone remembers: one execution for each (principal, id), over any restart.

*Theory.* The window is bounded, so old commands must leave it, and then a repeat of one of them
looks new. Ids are random, so they have no order; deadlines have. A command leaves the window only
after its deadline has passed, the one with the earliest deadline first, and the latest deadline
that has left is the **low-water mark**. A repeated command carries its deadline. So an unknown
command whose deadline lies ahead was never accepted, and may be; one whose deadline has passed is
never executed, whatever it is; and whether it was ever accepted is known down to the mark: above
it, it was not (EXPIRED), at or below it nobody can tell (TOO_OLD).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.kernel.ended_commands import Ended, EndedCommands, Key
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.outcome import Status

__all__ = [
    "KEPT", "Body", "CommandWindow", "Ended", "EndedBody", "Key", "digest_of", "outcome_frame_of",
]  # fmt: skip

Body = Mapping[str, Any]

#: Ended commands that are kept, if their deadline has passed; others are kept in any case.
KEPT = 50_000
NO_STAGES = (0, 0, 0, 0)


def digest_of(body: Body) -> bytes:
    """Return what tells one content from another: sixteen bytes, the same in any process."""
    get = body.get
    verb = get("verb")
    content: tuple[Any, ...] = (
        get("device"), verb, get("point"), get("value"), get("unit"),
    )  # fmt: skip
    if verb in CLAIM_VERBS:
        content += tuple(map(get, ("priority", "lease_ms", "grace_ms", "why")))
    return blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def outcome_frame_of(accepted: Body, ended: Body) -> bytes:
    """Return the OUTCOME of a command from its two records."""
    received, dispatched, acknowledged, finished = (ended.get("stages") or NO_STAGES)[:4]
    return frames.encode_outcome(
        frames.OutcomeFrame(
            accepted["id"], accepted.get("device", ""), accepted.get("point", ""),
            ended.get("status", Status.INDETERMINATE), ended.get("reason", ""),
            ended.get("detail", ""), ended.get("value"), received, dispatched, acknowledged,
            finished,
        )
    )  # fmt: skip


class EndedBody(dict[str, Any]):
    """The body of an ENDED record, and the OUTCOME it was made of: that need not be made again."""

    __slots__ = ("frame",)

    def __init__(self, fields: Body, frame: bytes) -> None:
        """Take what the record says, and the frame that says the same."""
        super().__init__(fields)
        self.frame = frame


class CommandWindow:
    """Commands without an end, all of them; ended ones, the later ones; and the mark."""

    def __init__(self, kept: int = KEPT) -> None:
        """Remember nothing; keep ``kept`` ended commands at least."""
        self.kept = kept
        self.running: dict[Key, Body] = {}
        """ACCEPTED bodies, in the order of acceptance."""
        self._claims: dict[str, dict[Key, None]] = {}
        """Device -> its claims and releases among them."""
        self.ended = EndedCommands()
        self.low_water_ns = 0
        """Boot-time: of what had its deadline until then, some is forgotten."""
        self.boot_ns = 0
        """The latest boot-time that a record has told."""

    def __len__(self) -> int:
        return len(self.running) + len(self.ended)

    def full(self, most: int, now_ns: int) -> bool:
        """Return whether ``most`` commands are here, and none may leave at boot-time ``now_ns``.

        They leave when a record tells that time has passed: to refuse while one may leave would
        be to refuse for ever, since without a new command there is no new record.
        """
        return len(self) >= most and not (len(self.ended) > self.kept and self.ended.due(now_ns))

    def accept(self, body: Body) -> None:
        """Take an ACCEPTED record."""
        key = (body["principal"], body["id"])
        before = self.running.get(key)
        if before is not None:  # no journal has one twice, unless it is damaged
            self._forget_claim(key, before)
        self.running[key] = body
        self._note_claim(key, body)
        self.boot_ns = max(self.boot_ns, body.get("boot_ns", 0))

    def claims_of(self, device: str) -> list[tuple[Key, Body]]:
        """Return the claims and releases of a device that run, in the order of acceptance."""
        return [(key, self.running[key]) for key in self._claims.get(device, ())]

    def _note_claim(self, key: Key, body: Body) -> None:
        if body.get("verb") in CLAIM_VERBS:
            self._claims.setdefault(body.get("device", ""), {})[key] = None

    def _forget_claim(self, key: Key, body: Body) -> None:
        device = body.get("device", "")
        found = self._claims.get(device)
        if found is not None:
            found.pop(key, None)
            if not found:
                del self._claims[device]

    def cancel(self, body: Body) -> None:
        """Take a CANCEL record: what runs shall not be sent, if it was not yet."""
        key = (body["principal"], body["id"])
        accepted = self.running.get(key)
        if accepted is not None:
            self.running[key] = {**accepted, "cancelled": True}

    def claim_over(self, key: Key) -> None:
        """Take it that a claim is no more, though its own end is not known yet.

        Or that a release has ended what it was meant for.
        """
        accepted = self.running.get(key)
        if accepted is not None:
            self.running[key] = {**accepted, "over": True}

    def end(self, body: Body) -> Body | None:
        """Take an ENDED record; return the body of its ACCEPTED, None if there is none."""
        key = (body["principal"], body["id"])
        accepted = self.running.pop(key, None)
        if accepted is None:
            return None
        self._forget_claim(key, accepted)
        stages = body.get("stages") or NO_STAGES
        self.boot_ns = max(self.boot_ns, stages[3])
        digest = accepted.get("digest") or digest_of(accepted)
        frame = body.frame if type(body) is EndedBody else outcome_frame_of(accepted, body)
        self.ended[key] = Ended(accepted.get("deadline_ns", 0), digest, frame)
        self.trim()
        return accepted

    def rebase(self, offset_ns: int) -> None:
        """Shift all boot-times by ``offset_ns``: the host was started anew, its clock too.

        What lies before the new clock's zero is zero: long over.
        """
        for key, body in self.running.items():
            times = {
                name: max(0, body[name] + offset_ns)
                for name in ("deadline_ns", "boot_ns")
                if name in body
            }
            if body.get("until_boot_ns"):
                times["until_boot_ns"] = max(1, body["until_boot_ns"] + offset_ns)
            self.running[key] = {**body, **times, "rebooted": True}
        self.ended = self.ended.shifted(offset_ns)
        self.low_water_ns = max(0, self.low_water_ns + offset_ns)
        self.boot_ns = max(0, self.boot_ns + offset_ns)

    def trim(self) -> None:
        """Forget what is over, if there is more than must be kept."""
        while len(self.ended) > self.kept and self.ended.due(self.boot_ns):
            self.low_water_ns = max(self.low_water_ns, self.ended.drop_first())

    # As plain values -------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """Return all but the ended commands as plain values, for a snapshot."""
        return {
            "running": list(self.running.values()),
            "low_water_ns": self.low_water_ns,
            "boot_ns": self.boot_ns,
        }

    def rows(self) -> tuple[int, Iterator[list[Any]]]:
        """Return how many commands have ended, and each as plain values, as of now."""
        count, kept = self.ended.rows()
        return count, ([*key, *ended] for key, ended in kept)

    def take(self, values: Mapping[str, Any], rows: Iterable[Sequence[Any]]) -> None:
        """Take back what ``plain`` and ``rows`` gave; what is missing is as at the beginning."""
        self.running = {(body["principal"], body["id"]): body for body in values.get("running", ())}
        self._claims = {}
        for key, body in self.running.items():
            self._note_claim(key, body)
        self.ended = EndedCommands()
        for row in rows:
            self.ended[row[0], row[1]] = Ended(row[2], row[3], row[4])
        self.low_water_ns = values.get("low_water_ns", 0)
        self.boot_ns = values.get("boot_ns", 0)
