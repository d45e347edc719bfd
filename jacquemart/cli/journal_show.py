"""``jacquemart journal show`` and ``export``: the records of journals, for people and programs."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, journal, say, table, values
from jacquemart.cli.colour import DIM, paint_for
from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.store.reader import JournalReader, find

if TYPE_CHECKING:
    from jacquemart.runtime.model.record import Record

_NUMBER = 20
#: What a record shows first; the rest of its body follows in its own order.
_FIRST = ("status", "verb", "device", "point", "value", "reason", "principal", "owner", "why")
#: What says nothing to a person.
_HIDDEN = frozenset(
    ("id", "boot_ns", "wall_ns", "deadline_ns", "deadline_wall_ns", "stages", "digest")
)
_LONGEST = 60
_STATUSES = {int(status): status.name for status in Status}


def add(actions: Any, where: str) -> None:
    """Add both commands."""
    show = actions.add_parser(
        "show",
        help="show the newest records",
        description="Show the newest records of each journal, the newest last.",
    )
    show.add_argument("where", metavar="WHERE", nargs="?", default="", help=where)
    show.add_argument(
        "-n", "--number", type=_count, default=_NUMBER, metavar="N",
        help=f"how many; 0: all that are kept (default: {_NUMBER})",
    )  # fmt: skip
    show.add_argument("--zone", default="*", help="only of this zone, or zones of a pattern")
    show.add_argument("--device", default="*", help="only of this device, or devices of a pattern")
    show.add_argument(
        "--kind", default="*", help="only records of this kind: accepted, ended, claim_ended …"
    )
    api.add_json(show)
    show.set_defaults(run=_show)
    export = actions.add_parser(
        "export",
        help="write out all records as JSON, one a line",
        description="Write every record that is kept, in order, with its hash, as one JSON "
        "object a line. Bytes are hexadecimal.",
    )
    export.add_argument("where", metavar="WHERE", nargs="?", default="", help=where)
    export.add_argument("--zone", default="*", help="only of this zone, or zones of a pattern")
    export.add_argument(
        "--after", type=_count, default=0, metavar="N", help="only records behind number N"
    )
    api.add_json(export)
    export.set_defaults(run=_export)


def _show(args: argparse.Namespace) -> int:
    kind = args.kind.upper()
    selected = args.device != "*" or kind != "*"
    shown, code, rows = 0, say.DONE, []
    for path in find(journal.place(args.where)):
        try:
            with JournalReader(path) as reader, reader.moment():
                facts = reader.facts()
                if not fnmatchcase(facts.zone, args.zone):
                    continue
                after = max(0, facts.last - args.number) if args.number and not selected else 0
                newest: deque[Record] = deque(maxlen=args.number or None)
                for record, _ in reader.links(after):
                    name = _kind(record)
                    if fnmatchcase(name, kind) and _about(record, args.device):
                        newest.append(record)
        except JournalError as error:
            say.note(str(error))  # the others can still be shown
            code = say.REFUSED
            continue
        shown += len(newest)
        if args.json:
            for record in newest:
                _print(facts.zone, record)
            continue
        rows += [_row(facts.zone, record) for record in newest]
    for line in table.lines(rows, paint_for(sys.stdout), right=(1,)):
        print(line)
    if not shown and code == say.DONE:
        say.note("no record")
    return code


def _export(args: argparse.Namespace) -> int:
    for path in find(journal.place(args.where)):
        with JournalReader(path) as reader:
            zone = reader.facts().zone
            if fnmatchcase(zone, args.zone):
                for record, digest in reader.links(args.after):
                    _print(zone, record, digest=digest)
    return say.DONE


def _print(zone: str, record: Record, **more: Any) -> None:
    from jacquemart.cli import document

    document.show(
        {
            "zone": zone,
            "sequence": record.sequence,
            "epoch": record.epoch,
            "wall_ns": record.wall_ns,
            "kind": _kind(record),
            "body": record.body,
            **more,
        }
    )


def _kind(record: Record) -> str:
    return record.kind.name if isinstance(record.kind, RecordKind) else f"KIND_{record.kind}"


def _about(record: Record, pattern: str) -> bool:
    return pattern == "*" or fnmatchcase(str(record.body.get("device", "")), pattern)


def _row(zone: str, record: Record) -> list[table.Cell]:
    return [
        zone,
        str(record.sequence),
        table.Styled(values.local_time(record.wall_ns), DIM),
        _kind(record).lower(),
        ", ".join(_texts(record)),
    ]


def _texts(record: Record) -> Iterator[str]:
    body = record.body
    names = [name for name in _FIRST if name in body]
    names += [name for name in body if name not in names and name not in _HIDDEN]
    for name in names:
        value = body[name]
        if value is None or value == "" or value == b"":
            continue
        text = value.hex() if isinstance(value, bytes) else str(value)
        if name == "status" and value in _STATUSES:
            text = _STATUSES[value]
        yield f"{name} {text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; allowed: 0 and above")
    return int(text)
