"""In which encoding the texts of a shapefile are: its .cpg file, or the mark in its table."""

from __future__ import annotations

import codecs
import re

#: Marks of dBase and FoxPro (the 30th byte of a .dbf) for what is still met; GDAL knows the same.
_MARKS = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x08: "cp865",
    0x0E: "cp437",
    0x1D: "cp850",
    0x25: "cp850",
    0x57: "cp1252",
    0x58: "cp1252",
    0x59: "cp1252",
    0x64: "cp852",
    0xC8: "cp1250",
    0xC9: "cp1251",
}


def by_name(text: str) -> str | None:
    """Return the encoding that a .cpg file names in one of its many ways; None if unknown."""
    bare = text.strip().strip("\ufeff").casefold()
    bare = re.sub(r"^(ansi|oem|ldid/.*?|windows)[ _-]*", "", bare)
    numbers = re.sub(r"[^0-9]", "", bare)
    candidates = [bare, bare.replace(" ", "-")]
    if numbers.startswith("8859") and len(numbers) > 4:
        candidates.append(f"iso8859-{numbers[4:].lstrip('0')}")
    elif numbers == "65001":
        candidates.append("utf-8")
    elif numbers:
        candidates.append(f"cp{numbers}")
    for candidate in candidates:
        try:
            return codecs.lookup(candidate).name
        except (LookupError, ValueError):
            continue
    return None


def by_mark(table: bytes) -> str | None:
    """Return the encoding that the first bytes of a .dbf tell; None if they tell none."""
    return _MARKS.get(table[29]) if len(table) > 29 else None
