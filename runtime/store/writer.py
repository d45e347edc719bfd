"""The thread that writes a journal: group commits, and what to do when the disk fails.

*After an error.* Nothing is accepted any more, and what waited is refused: it was never written.
Of the commit in hand it is not known whether it is on disk, and ``fsync`` is never just called
again, since the kernel may have thrown away what it could not write. So the files are closed,
what the kernel has cached of them is dropped, and they are opened and read as after a crash. If
all that was acknowledged is there, and the disk takes a write again, the journal goes on; the
commit in hand is acknowledged if it was found, after it was moved from the log to the database,
and refused if it was not. If something acknowledged is missing, the journal is corrupt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from jacquemart.runtime.model.errors import (
    JournalCorrupt,
    JournalError,
    JournalFenced,
    JournalFull,
)
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.format import Tip, chain
from jacquemart.runtime.store.intake import Append, Intake, Task
from jacquemart.runtime.store.journal import Done
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.settings import StoreSettings

log = logging.getLogger("jacquemart.journal")

Answer = tuple[Done, JournalError | None]
#: So many are told in one turn of the loop: what else it has to do, leases first, must not wait for
#: all that was written together.
TOLD_A_TURN = 128


class Writer(threading.Thread):
    """One journal's writer."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        settings: StoreSettings,
        tip: Tip,
        *,
        post: Callable[[Callable[[], object]], object],
    ) -> None:
        """Write what ``intake`` gives to an open database; ``post`` answers on the loop."""
        super().__init__(name=f"journal-{database.path.stem}", daemon=True)
        self.tip = tip
        """The last durable record."""
        self._database = database
        self._intake = intake
        self._settings = settings
        self._post = post
        self._told: deque[Answer] = deque()
        """What the loop has to hear, in order; it takes from the left."""
        self._durable: list[Append] = []
        """What is on disk, and not answered yet: see ``_tell``."""
        self._doubt: list[Append] = []
        """What may be on disk or not."""
        self._doubt_tip = tip
        """Where the chain ends if it is; that of ``tip`` if nothing is in doubt."""
        self._only_full = False
        """Whether the disk was full, and nothing else: then the files are as we know them."""
        self._take_over: Callable[[Recovered], Tip] | None = None
        """What is left to do before the journal is ours."""
        self._job: Iterator[None] | None = None
        self._pages = False
        """Whether there is something in the log to be moved."""
        self._backoff_s = settings.probe_first_s
        self._begun_s = 0.0
        self._crowd = False
        self._written = 0

    def begin(self, tip: Tip) -> None:
        """Start, behind the OPENED record."""
        self.tip = self._doubt_tip = tip
        self._intake.go_on(tip.sequence)
        self.start()

    def begin_later(self, take_over: Callable[[Recovered], Tip], why: JournalError) -> None:
        """Start without being able to write; ``take_over`` when it is."""
        log.warning("nothing is accepted: %s", why)
        self._intake.stop(why)
        self._take_over = take_over
        self.start()

    def run(self) -> None:
        """Write until the intake is closed, then close the files."""
        try:
            self._database.stretch()  # here, so that nobody waits for it to open
            while self._turn():
                pass
        except BaseException as error:
            log.exception("the writer of %s ends", self._database.path)
            self._broken(JournalError(f"its writer ended: {error}", where=self._where))
        finally:
            self._tell()
            end = self._intake.fault or JournalError("the journal is closed", where=self._where)
            self._answer([*self._doubt, *self._intake.stop(end)], end)
            self._database.close()

    @property
    def _where(self) -> str:
        return str(self._database.path)

    def _turn(self) -> bool:
        """Do one thing; return whether to go on."""
        fault = self._intake.fault
        if fault is not None:
            final = not fault.retryable
            work = self._intake.take(
                None if final else self._backoff_s, appends=False, first=self._tell
            )
            if not work.closing and not final:
                self._resume()
            return not work.closing
        work = self._intake.take(self._patience_s(), first=self._tell)
        if work.task is not None:
            self._begin(work.task)
        if work.appends:
            self._commit(work.appends)
        if self._job is not None:  # also while appends never cease to come
            self._advance()
        elif not work.appends:
            if work.closing:
                return False
            if self._pages:
                self._checkpoint()
        return True

    def _patience_s(self) -> float | None:
        if self._job is not None:
            return 0.0
        if self._crowd:
            rest_s = self._begun_s + self._settings.gather_s - time.monotonic()
            if rest_s > 0:
                self._tell()
                time.sleep(rest_s)
        return self._settings.idle_s if self._pages else None

    # Commits ---------------------------------------------------------------------------------

    def _commit(self, appends: list[Append]) -> None:
        self._begun_s = time.monotonic()
        self._crowd = len(appends) >= self._settings.gather_from
        tip, body = chain(self.tip, self._database.epoch, [append.parcel for append in appends])
        first = appends[0].parcel
        try:
            self._database.append(first.first, tip, first.wall_ns, body)
        except JournalError as error:
            self._failed(appends, tip, error)
            return
        self.tip = tip
        self._durable = appends
        self._pages = True
        self._written += len(body) // 4096 + 3
        if self._written > self._settings.checkpoint_pages:
            self._tell()
            self._checkpoint()

    def _tell(self) -> None:
        """Answer what is on disk: the last thing before the next wait, commit or other work.

        The loop that it wakes needs the interpreter, which is ours until then.
        """
        durable, self._durable = self._durable, []
        self._answer(durable, None)

    def _answer(self, appends: list[Append], error: JournalError | None) -> None:
        """Have the loop call what waits for these; one wake-up for all."""
        if not appends:
            return
        self._intake.settle(appends)
        self._told.extend((append.done, error) for append in appends)
        try:
            self._post(self._tell_some)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.debug("nobody hears of %d appends of %s", len(appends), self._where)

    def _tell_some(self) -> None:
        """Tell those that have waited longest, on the loop; the others in its next turns."""
        told = self._told
        for _ in range(min(TOLD_A_TURN, len(told))):
            done, error = told.popleft()
            try:
                done(error)
            except Exception:
                log.exception("what waited for a journal failed")
        if told:
            try:
                self._post(self._tell_some)
            except RuntimeError:  # the loop is closed
                log.debug("nobody hears of %d appends of %s", len(told), self._where)

    def _checkpoint(self) -> None:
        self._written, self._pages = 0, False
        try:
            self._database.checkpoint()
        except JournalError as error:
            self._failed([], self.tip, error)

    # Snapshots -------------------------------------------------------------------------------

    def _begin(self, task: Task) -> None:
        self._job = self._database.snapshot(task.state, task.upto, task.wall_ns)

    def _advance(self) -> None:
        assert self._job is not None
        self._tell()
        try:
            next(self._job)
        except StopIteration:
            self._job = None
        except JournalError as error:
            self._failed([], self.tip, error)
        except ValueError as error:
            log.warning("%s: no snapshot: %s", self._where, error)
            self._job = None
        self._pages = True

    # Faults ----------------------------------------------------------------------------------

    def _failed(self, appends: list[Append], tip: Tip, error: JournalError) -> None:
        """Refuse from now on; decide later what became of the commit in hand."""
        if isinstance(error, JournalFenced | JournalCorrupt):
            self._broken(error, appends)
            return
        log.warning("nothing is accepted: %s", error)
        refused = self._intake.stop(error)
        self._only_full = isinstance(error, JournalFull) and self._certainly_not()
        if self._only_full:
            refused, self._doubt_tip = appends + refused, self.tip
        else:
            self._doubt, self._doubt_tip = appends, tip
        self._answer(refused, error)
        self._backoff_s, self._job = self._settings.probe_first_s, None

    def _certainly_not(self) -> bool:
        """Return whether a commit for which there was no room left nothing behind.

        No room means that a write ended early, and so that the commit has no end in the log.
        """
        return not self._database.committed(self.tip.sequence + 1)

    def _broken(self, error: JournalError, appends: list[Append] | None = None) -> None:
        """Accept nothing any more, until the journal is opened anew."""
        log.error("nothing is accepted any more: %s", error)
        refused = self._intake.stop(error)
        self._answer([*self._doubt, *(appends or []), *refused], error)
        self._doubt, self._doubt_tip, self._job = [], self.tip, None

    def _resume(self) -> None:
        """Go on if one can write; look first what is on disk, unless it is only full."""
        try:
            if not self._only_full:
                self._look()
            if self._take_over is None:
                self._database.probe()
                self._database.write_mark(self._doubt_tip)
                self._database.stretch()
        except JournalError as error:
            self._backoff_s = min(2 * self._backoff_s, self._settings.probe_longest_s)
            if isinstance(error, JournalFenced | JournalCorrupt):
                self._broken(error)
            else:
                self._only_full = self._only_full and isinstance(error, JournalFull)
                self._intake.stop(error)
            return
        self.tip = self._doubt_tip
        kept, self._doubt = self._doubt, []
        log.warning("%s works again", self._where)
        self._intake.go_on(self.tip.sequence)
        self._answer(kept, None)

    def _look(self) -> None:
        """Open the files anew, and find out what became of the commit in hand."""
        if self._doubt:  # the answer must not wait until one can write again
            self._read_anew(alone=True)
        recovered = self._read_anew(alone=False)
        if self._take_over is not None:
            self._doubt_tip = self._take_over(recovered)
            self._take_over = None
        else:
            self._database.checkpoint(whole=True)

    def _read_anew(self, *, alone: bool) -> Recovered:
        """Open the files anew; refuse the commit in hand if it is not in them."""
        self._database.close()
        self._database.forget_cached()
        recovered = self._database.open(alone=alone)
        self._check(recovered)
        if recovered.tip != self._doubt_tip and self._take_over is None:
            self._answer(self._doubt, self._intake.fault)
            self._doubt, self._doubt_tip = [], self.tip
        return recovered

    def _check(self, recovered: Recovered) -> None:
        """Compare what is on disk with what was acknowledged.

        Raises:
            JournalCorrupt: it is not all there. JournalFenced: somebody else owns the journal.
        """
        if recovered.in_file > self._database.epoch and self._take_over is None:
            raise JournalFenced("another owner has taken the journal over", where=self._where)
        verdict, known = recovered.verdict.corrupt, recovered.tip in (self.tip, self._doubt_tip)
        if self._take_over is not None:  # what is behind may be an OPENED record of ours
            known = recovered.tip.sequence >= self.tip.sequence
        if not verdict and not known:
            verdict = f"its end is not record {self.tip.sequence}, the last acknowledged one"
        if verdict:
            raise JournalCorrupt(verdict, where=self._where, advice=schema.REPAIR)
