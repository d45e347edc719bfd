"""``jacquemart journal``: look at the journals of a city, copy them, and repair them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say
from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import JournalError, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.store.verify import Report

_WHERE = (
    "a state folder, one journal in it, or the id of a city of this user "
    "(default: the only city that has a state folder)"
)


def add(commands: Any) -> None:
    """Add the command, with its own commands."""
    from jacquemart.cli import journal_show

    parser = commands.add_parser(
        "journal",
        help="look at journals, copy and repair them",
        description="The journals of a city's zones: what was commanded, claimed and granted. "
        "They can be read, verified, exported and backed up while the city runs. "
        "Each of these commands takes --json.",
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify = actions.add_parser(
        "verify",
        help="look through journals whole",
        description="Read every record and snapshot, compare all hashes and the watermark. "
        "Exit code 1 if anything that was acknowledged is lost or altered.",
    )
    _add_where(verify, run=_verify)
    journal_show.add(actions, _WHERE)
    backup = actions.add_parser(
        "backup",
        help="copy journals while they are in use",
        description="Copy each journal as it is at one moment, verify the copy, and give it its "
        "name. A damaged journal is not copied.",
    )
    _add_where(backup, run=_backup, needed=True)
    backup.add_argument("target", metavar="DIR", help="a folder without journals of those names")
    restore = actions.add_parser(
        "restore",
        help="make a state folder from a backup",
        description="Copy a backup into an empty folder. Who owned the journals "
        "before is fenced off: they get a higher epoch.",
    )
    restore.add_argument("where", metavar="BACKUP", help="what `backup` made")
    restore.add_argument("target", metavar="DIR", help="the state folder")
    api.add_json(restore)
    restore.set_defaults(run=_restore)
    repair = actions.add_parser(
        "repair",
        help="repair a damaged journal from a copy",
        description="Keep what can be trusted, take what is missing from a copy, and have the "
        "hashes lead to the watermark. The city, or at least its zones, must not run.",
    )
    _add_where(repair, run=_repair, needed=True)
    repair.add_argument(
        "--from", dest="copy", metavar="BACKUP", help="a backup: its folder, or the journal in it"
    )
    repair.add_argument(
        "--accept-loss",
        action="store_true",
        help="go on without what is in no copy: accepted commands may be lost then",
    )


def _add_where(parser: argparse.ArgumentParser, *, run: Any, needed: bool = False) -> None:
    parser.add_argument(
        "where", metavar="WHERE", nargs=None if needed else "?", default="", help=_WHERE
    )
    api.add_json(parser)
    parser.set_defaults(run=run)


def place(where: str) -> Path:
    """Return the path that is meant.

    Raises:
        UsageError: there is none, or more than one.
    """
    from jacquemart.runtime.store import folder

    if where:
        path = Path(where)
        return path if path.exists() or not (city := folder.state_folder(where)).is_dir() else city
    home = folder.state_home()
    cities = sorted(one for one in home.glob("*") if one.is_dir() and folder.journals_in(one))
    if len(cities) == 1:
        return cities[0]
    names = ", ".join(folder.zone_of(one) for one in cities)
    raise UsageError(
        "several cities have a state folder" if cities else "no city has a state folder",
        where=str(home),
        advice=f"name one: {names}" if cities else "name it, as `jacquemart run --state` did",
    )


def _verify(args: argparse.Namespace) -> int:
    from jacquemart.runtime.store.reader import find
    from jacquemart.runtime.store.verify import verify_journal

    reports = [verify_journal(path) for path in find(place(args.where))]
    return _show(reports, as_json=args.json)


def _backup(args: argparse.Namespace) -> int:
    from jacquemart.runtime.store.copies import backup

    return _show(backup(place(args.where), Path(args.target)), as_json=args.json)


def _restore(args: argparse.Namespace) -> int:
    from jacquemart.runtime.store.copies import restore

    return _show(restore(Path(args.where), Path(args.target)), as_json=args.json)


def _repair(args: argparse.Namespace) -> int:
    from jacquemart.runtime.store.reader import find
    from jacquemart.runtime.store.repair import copy_of, repair_journal
    from jacquemart.runtime.store.snapshots import NOTHING
    from jacquemart.runtime.store.verify import verify_journal

    if not args.copy and not args.accept_loss:
        raise UsageError("nothing to repair it from", advice="name a copy with --from BACKUP")
    copies = {path.name: path for path in find(Path(args.copy))} if args.copy else {}
    reports = []
    for path in find(place(args.where)):
        report = verify_journal(path)
        if report.whole:
            reports.append(report)
            continue
        if args.copy and path.name not in copies:
            raise JournalError(f"there is no copy of {path.name}", where=args.copy)
        records, base = copy_of(copies[path.name]) if args.copy else ([], NOTHING)
        reports.append(
            repair_journal(
                path.parent, report.zone, records, base=base, accept_loss=args.accept_loss
            )
        )
    return _show(reports, as_json=args.json)


def _show(reports: list[Report], *, as_json: bool) -> int:
    code = say.DONE if all(report.whole for report in reports) else say.REFUSED
    if as_json:
        from jacquemart.cli import document

        document.show({"ok": code == say.DONE, "journals": [_fields(one) for one in reports]})
        return code
    for report in reports:
        print(escape(_line(report)))
        for problem in report.problems:
            print(escape(f"  {problem}"))
    return code


def _fields(report: Report) -> dict[str, Any]:
    facts = report.facts
    return {
        "zone": report.zone,
        "path": str(report.path),
        "whole": report.whole,
        "problems": report.problems,
        "records": report.records,
        "last": report.tip.sequence,
        "digest": report.tip.digest,
        "acknowledged": report.acknowledged,
        "first": facts.first if facts else None,
        "epoch": facts.epoch if facts else None,
        "format": facts.format if facts else None,
        "snapshots": facts.snapshots if facts else None,
        "bytes": facts.bytes if facts else None,
        "owner_pid": facts.owner or None if facts else None,
    }


def _line(report: Report) -> str:
    facts = report.facts
    if facts is None:
        return f"{report.zone}: damaged"
    parts = [f"{report.records:,} records"]
    if report.records:
        parts[0] += f" ({report.tip.sequence - report.records + 1:,} to {report.tip.sequence:,})"
    if facts.snapshots:
        parts.append(f"snapshot of {facts.snapshots[0]:,}")
    parts.append(f"{facts.bytes / 1e6:.1f} MB")
    if facts.owner:
        parts.append(f"in use by process {facts.owner}" if facts.owner > 0 else "in use")
    return f"{report.zone}: {'whole' if report.whole else 'damaged'}; {', '.join(parts)}"
