"""Make the golden journal of the current format: ``python tests/golden/journal/make.py``.

Writes ``format-N/``: a state folder with one journal as a crash leaves it (records, a snapshot in
the middle, a log that is not in the database yet), and what it must say for ever, in
``expected.json``. Clocks and ids are fixed. A folder that is there is never written again: it is
what somebody's disk holds.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "peers"))

from journals import ZONE, OpenJournal, accepted  # noqa: E402

from jacquemart.cli.document import plain  # noqa: E402
from jacquemart.runtime.model.record import Draft, RecordKind  # noqa: E402
from jacquemart.runtime.store.folder import LOCK_SUFFIX  # noqa: E402
from jacquemart.runtime.store.reader import JournalReader  # noqa: E402
from jacquemart.runtime.store.schema import MIGRATIONS  # noqa: E402

ID = bytes(range(16))
#: One of each kind, with every type that a body may hold.
DRAFTS = (
    Draft(RecordKind.EPOCH, {"shard": "north/0", "epoch": 7, "holder": "device-1", "host": "h"}),
    accepted(1, until_wall_ns=2**62, why="essai été", grace_ms=-1, ok=True, none=None),
    Draft(
        RecordKind.ENDED,
        {"id": ID, "principal": "operator", "status": 5, "reason": "", "detail": {"a": [1, -2]},
         "value": 80.25, "stages": [1, 2, 3, 2**63 - 1]},
    ),
    Draft(RecordKind.RESOLVED, {"id": ID, "principal": "operator", "status": 5, "value": 1e-300}),
    Draft(RecordKind.BULK_ACCEPTED, {"id": ID, "kind": "*", "device": "lamp-*", "value": 0.0}),
    Draft(
        RecordKind.BULK_ENDED,
        {"id": ID, "devices": ["lamp-1", "lamp-2"], "statuses": b"\x05\x06",
         "exceptions": [[1, "offline", ""]]},
    ),
    Draft(RecordKind.CLAIM_ENDED, {"device": "lamp-1", "point": "p", "slot": 8, "why": "expired"}),
    Draft(RecordKind.STATE, {"device": "lamp-1", "kind": "light", "state": {"hours": 12.5}}),
    Draft(RecordKind.DEAD_LETTER, {"id": ID, "device": "lamp-1", "attempts": 3, "stack": "x\ny"}),
    Draft(RecordKind.DEAD_LETTER_ENDED, {"id": ID, "by": "operator", "how": "replayed"}),
    Draft(RecordKind.PARKED, {"device": "lamp-1", "parked": True, "why": "restarts"}),
)  # fmt: skip


def write(folder: Path) -> None:
    """Write the journal, and copy its files before its owner closes them."""
    with tempfile.TemporaryDirectory() as made:
        state = Path(made)
        with OpenJournal(state) as journal:
            for draft in DRAFTS:
                assert journal.write(draft) is None
            journal.journal.snapshot("état".encode() * 100, 6)
            writer = journal.journal._writer
            journal.until(lambda: journal.journal._intake._task is None and writer._job is None)
            journal.until(lambda: writer._pages is False)
            assert journal.write(*DRAFTS) is None
            folder.mkdir()
            for path in state.iterdir():
                if not path.name.endswith(("-shm", LOCK_SUFFIX)):
                    shutil.copyfile(path, folder / path.name)
    (folder / "expected.json").write_text(json.dumps(expected(folder), indent=1) + "\n")


def expected(folder: Path) -> dict[str, Any]:
    """Return all that a journal says."""
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made) / "state"
        shutil.copytree(folder, copy)
        with JournalReader(copy / f"{ZONE}.journal") as reader:
            facts = reader.facts()
            return {
                "zone": facts.zone,
                "format": facts.format,
                "snapshots": {
                    str(upto): reader.snapshot(upto).state.hex() for upto in facts.snapshots
                },
                "records": [
                    [*plain(record[:3]), int(record.kind), plain(record.body), digest.hex()]
                    for record, digest in reader.links()
                ],
            }


if __name__ == "__main__":
    target = HERE / f"format-{len(MIGRATIONS)}"
    if target.exists():
        sys.exit(f"{target} is there, and stays as it is")
    write(target)
    print(target)
