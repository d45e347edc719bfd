"""The bulk commands that a zone remembers: each is executed once, over any restart.

Their results are large, so only few are kept whole; of the others it is known that they came and
have ended. As with single commands (``command_window``), nothing is forgotten before its deadline
has passed, and the latest deadline that was forgotten is the **low-water mark**.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import Any

from jacquemart.runtime.kernel.command_window import Body, Key

#: Ended bulk commands whose results are kept.
RESULTS_KEPT = 32
#: Ended bulk commands that are kept, if their deadline has passed; others are kept in any case.
KEPT = 4_096
#: Those that are kept in any case are so many at most; then a zone takes no more.
MOST_KEPT = 20_000

_RESULT = ("devices", "statuses", "values", "dispatched_ns", "finished_ns", "exceptions")


def bulk_digest(body: Body) -> bytes:
    """Return what tells one content from another: sixteen bytes, the same in any process."""
    names = ("zone", "kind", "device", "point", "value", "unit")
    content = repr([body.get(name) for name in names])
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class BulkWindow:
    """Bulk commands without an end, ended ones in the order of their ends, and the mark."""

    def __init__(self) -> None:
        """Remember nothing."""
        self.running: dict[Key, Body] = {}
        self.ended: dict[Key, Body] = {}
        """``digest``, ``deadline_ns``; of the latest also ``devices``, ``statuses`` and
        ``exceptions``."""
        self.low_water_ns = 0
        """Boot-time: of what had its deadline until then, some is forgotten."""
        self.boot_ns = 0
        """The latest boot-time that a record has told."""
        self._whole: deque[Key] = deque()
        self._by_deadline: list[tuple[int, Key]] = []

    def accept(self, body: Body) -> None:
        """Take a BULK_ACCEPTED record."""
        self.running[(body["principal"], body["id"])] = body
        self.boot_ns = max(self.boot_ns, body.get("boot_ns", 0))

    def cancel(self, body: Body) -> None:
        """Take a CANCEL record: what was not sent of it shall not be."""
        key = (body["principal"], body["id"])
        accepted = self.running.get(key)
        if accepted is not None:
            self.running[key] = {**accepted, "cancelled": True}

    def end(self, body: Body) -> Body | None:
        """Take a BULK_ENDED record; return the body of its BULK_ACCEPTED, None if none."""
        key = (body["principal"], body["id"])
        accepted = self.running.pop(key, None)
        if accepted is None:
            return None
        deadline_ns = accepted.get("deadline_ns", 0)
        self.ended[key] = {
            "digest": bulk_digest(accepted),
            "deadline_ns": deadline_ns,
            **{name: body[name] for name in _RESULT if name in body},
        }
        heappush(self._by_deadline, (deadline_ns, key))
        self._whole.append(key)
        self._trim()
        return accepted

    def full(self, now_ns: int) -> bool:
        """Return whether all places are taken, and none gets free at boot-time ``now_ns``."""
        return len(self.ended) >= MOST_KEPT and self._by_deadline[0][0] > now_ns

    def rebase(self, offset_ns: int) -> None:
        """Shift all boot-times by ``offset_ns``: the host was started anew."""
        for window in (self.running, self.ended):
            for key, body in window.items():
                deadline_ns = max(0, body.get("deadline_ns", 0) + offset_ns)
                window[key] = {**body, "deadline_ns": deadline_ns, "boot_ns": 0}
        self.low_water_ns = max(0, self.low_water_ns + offset_ns)
        self.boot_ns = max(0, self.boot_ns + offset_ns)
        self._order()

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values, for a snapshot."""
        return {
            "running": list(self.running.values()),
            "ended": [[*key, body] for key, body in self.ended.items()],
            "low_water_ns": self.low_water_ns,
            "boot_ns": self.boot_ns,
        }

    def take(self, values: Mapping[str, Any]) -> None:
        """Take back what ``plain`` returned; what is missing is as at the beginning."""
        self.running = {(body["principal"], body["id"]): body for body in values.get("running", ())}
        self.ended = {(row[0], row[1]): row[2] for row in values.get("ended", ())}
        self.low_water_ns = values.get("low_water_ns", 0)
        self.boot_ns = values.get("boot_ns", 0)
        self._order()

    def _order(self) -> None:
        self._by_deadline = [(body["deadline_ns"], key) for key, body in self.ended.items()]
        heapify(self._by_deadline)
        self._whole = deque(key for key, body in self.ended.items() if "devices" in body)

    def _trim(self) -> None:
        while len(self._whole) > RESULTS_KEPT:
            old = self._whole.popleft()
            found = self.ended.get(old)
            if found is not None:
                names = found.keys() - set(_RESULT)
                self.ended[old] = {name: found[name] for name in sorted(names)}
        first = self._by_deadline
        while len(self.ended) > KEPT and first[0][0] <= self.boot_ns:
            deadline_ns, key = heappop(first)
            del self.ended[key]
            self.low_water_ns = max(self.low_water_ns, deadline_ns)
