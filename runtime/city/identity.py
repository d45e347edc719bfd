"""Ids for rows that have none: out of their columns, or of where they stand.

An id must be the same in the next version of a file, whatever the order of its rows; so a row's
number is never one. Two rows are never merged: an id that comes twice is a problem, and rows at
one place are numbered by what they say.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Sequence

from jacquemart.runtime.city.checks import IDENTIFIER
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import NOTHING
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.ids import valid_id

_OTHER = re.compile(r"[^a-z0-9_.:-]+")
#: What NFKD does not take apart.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ß": "ss", "đ": "d", "ł": "l"})


def slug(text: str) -> str:
    """Return a text as an id: small letters without accents, and - for all that ids may not have.

    Empty if nothing is left: "Chenôve" becomes "chenove", "L'Eau (nord)" "l-eau-nord".
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _OTHER.sub("-", plain.casefold()).strip("-_.:")


def ids_of_columns(inventory: Inventory, rows: Rows, names: Sequence[str]) -> list[str | None]:
    """Return the slug of some columns for each row; None, with the problem told, if it is none."""
    prefix = inventory.says["id_prefix"]
    cells = [rows.cells(name) for name in names]
    made: list[str | None] = []
    for row, parts in enumerate(zip(*cells, strict=True)):
        slugs = [slug(part) for part in parts]
        name = prefix + "-".join(slugs)
        if all(slugs) and valid_id(name):
            made.append(name)
            continue
        made.append(None)
        column = next((n for n, part in zip(names, slugs, strict=True) if not part), names[0])
        found = name if all(slugs) else (parts[names.index(column)] or NOTHING)
        allowed = "text of which an id can be made: " + IDENTIFIER.allowed
        inventory.problems.add(row, rows.place(row, "id", column), found, allowed)
    return made


def ids_with_prefix(
    inventory: Inventory, rows: Rows, ids: Sequence[str | None]
) -> list[str | None]:
    """Return ids of a column with the prefix in front; None, with the problem told, if too long."""
    prefix = inventory.says["id_prefix"]
    made = [name and prefix + name for name in ids]
    for row, name in enumerate(made):
        if name is not None and not valid_id(name):
            place = inventory.place_of(rows, row)("id")
            inventory.problems.add(row, place, name, IDENTIFIER.allowed)
            made[row] = None
    return made


def ids_of_places(
    inventory: Inventory,
    places: Sequence[tuple[int, int] | None],
    contents: Sequence[Sequence[Hashable]],
) -> list[str | None]:
    """Return an id for each place, in whole centimetres or ten-millionths of a degree.

    Args:
        inventory: whose ``id_prefix`` they get.
        places: where each row is; None if that is not known.
        contents: columns that tell rows at one place apart. Of rows that are alike in all of
            them it does not matter which gets which id.
    """
    prefix = inventory.says["id_prefix"]
    ids: list[str | None] = []
    crowds: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for row, place in enumerate(places):
        if place is None:
            ids.append(None)
            continue
        ids.append(f"{prefix}x{place[0]}y{place[1]}")
        crowds[place].append(row)
    for crowd in crowds.values():
        if len(crowd) > 1:
            crowd.sort(key=lambda row: [str(column[row]) for column in contents])
            for number, row in enumerate(crowd[1:], 2):
                ids[row] = f"{ids[row]}-{number}"
    return ids
