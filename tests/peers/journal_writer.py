"""Run as a program: write a journal as stdin says, one line an order, one line an answer.

``write N``: N appends at once; says ``acknowledged A refused B last L`` when all are answered.
``snapshot``: make one of what there is. ``fault``: say the journal's fault. ``end``: close.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from disk_shim import ACKNOWLEDGED
from journals import ZONE, OpenJournal, accepted

from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.verify import verify_journal


def main() -> None:
    """Do what stdin says."""
    folder = Path(sys.argv[1])
    log = os.open(folder / ACKNOWLEDGED, os.O_RDWR | os.O_CREAT, 0o600)
    journal = OpenJournal(folder, checkpoint_pages=40, waiting_records=400)
    told = 0

    def tell() -> None:
        nonlocal told
        for number, error in journal.answers[told:]:
            if error is None:
                os.pwrite(log, number.to_bytes(8, "little"), 0)
        told = len(journal.answers)

    print("open", flush=True)
    for line in sys.stdin:
        order, *more = line.split()
        if order == "write":
            before = len(journal.answers)
            for number in range(int(more[0])):
                journal.append(accepted(number), accepted(number))
            while len(journal.answers) < before + int(more[0]):
                journal.turn(30.0)
                tell()
            news = journal.answers[before:]
            good = [number for number, error in news if error is None]
            print("acknowledged", len(good), "refused", len(news) - len(good), "last",
                  max(good, default=0), flush=True)  # fmt: skip
        elif order == "snapshot":
            journal.journal.snapshot(b"state" * 500, journal.journal.durable)
            print("asked", flush=True)
        elif order == "fault":
            print(type(journal.journal.fault).__name__, flush=True)
        elif order == "wait":
            journal.until(lambda: journal.journal.fault is None)
            print("well", flush=True)
        elif order == "sleep":
            time.sleep(float(more[0]))
            print("slept", flush=True)
        elif order == "fill":  # the disk, to its last byte
            with open(folder / "filler", "ab", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(bytes(4096))
            print("filled", flush=True)
        elif order == "free":
            (folder / "filler").unlink()
            print("freed", flush=True)
        elif order == "verify":
            report = verify_journal(journal_path(folder, ZONE))
            print(*(report.problems or ["whole", report.tip.sequence]), flush=True)
        elif order == "end":
            journal.close()
            print("closed", flush=True)
            return


if __name__ == "__main__":
    main()
