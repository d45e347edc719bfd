"""After a restart of its zone: which cells may get a bulk command again.

It goes out again so that the cells that had it tell what they did, and those that never had it do
it, or find its deadline passed. That is only true of a cell that knows what was done with its
devices before: itself, or by the ledger of its predecessor. After the loss of a host there is no
ledger. Such a cell must not get it: it would say EXPIRED of what was sent, or send it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.runtime.cell.asking import SENT
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service
    from jacquemart.runtime.wire.messages import Bulk

ASK_NS = 1_000_000_000
AGAIN_S = 0.2
#: A cell that does not answer so many questions knows nothing.
QUESTIONS = 10


class BulkAsker:
    """One bulk command, and the cells that are asked about it."""

    def __init__(
        self,
        service: Service,
        bulk: Bulk,
        accepted_ns: int,
        cells: Collection[str],
        done: Callable[[frozenset[str]], object],
    ) -> None:
        """Ask ``cells``; ``done`` gets those that must not have it again.

        Args:
            service: the zone cell.
            bulk: the zone's part.
            accepted_ns: boot-time of its acceptance; 0: before this start of the host.
            cells: where its devices are now.
            done: called once, in a later turn of the loop.
        """
        self._service = service
        self._done = done
        row = [bulk.principal, bulk.id, accepted_ns, "", bulk.zone]
        self._frame = messages.query("outcome_of", commands=[row])
        self._left = set(cells)
        self._doubtful: set[str] = set()
        if not self._left:
            service.loop.call_soon(done, frozenset[str]())
        for name in cells:
            self._ask(name, QUESTIONS)

    def _ask(self, name: str, tries: int) -> None:
        expires = self._service.clock.boot_ns() + ASK_NS
        try:
            caller = self._service.caller(name)
            sent = caller.call(self._frame, expires, partial(self._answered, name, tries))
        except JacquemartError:
            sent = False
        if not sent:
            self._answered(name, tries, None)

    def _answered(self, name: str, tries: int, frame: bytes | None) -> None:
        if name not in self._left:
            return
        known = ""
        if frame is not None:
            try:
                [[known, _]] = messages.decode_reply(frame)
            except (JacquemartError, ValueError, TypeError):
                known = SENT  # one of a version that does not know the question
        if not known and tries > 1:
            self._service.loop.call_later(AGAIN_S, self._ask, name, tries - 1)
            return
        if known in ("", SENT):
            self._doubtful.add(name)
        self._left.discard(name)
        if not self._left:
            self._done(frozenset(self._doubtful))
