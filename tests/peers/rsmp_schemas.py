"""The published JSON schemas of RSMP, as a judge of what we send."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

FOLDER = Path(__file__).resolve().parents[1] / "data" / "rsmp-schemas"
BASE = "https://rsmp.test/"
#: The schemas say ``"type": "string, null"`` where they mean either.
_TYPES = Draft7Validator.TYPE_CHECKER.redefine(
    "string, null", lambda checker, value: value is None or isinstance(value, str)
)
#: A pattern that calls itself, which Python's expressions cannot; here it is written out.
_BANDS = r"^$|^\d{1,2}-\d{1,2}-\d{1,2}(,\d{1,2}-\d{1,2}-\d{1,2})*$"


def _load(path: Path) -> Any:
    def fix(pair: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pair)
        if "\\g<item>" in str(found.get("pattern", "")):
            found["pattern"] = _BANDS
        return found

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=fix)


@functools.cache
def _registry() -> Registry:
    pairs = []
    for path in sorted(FOLDER.rglob("*.json")):
        name = BASE + path.relative_to(FOLDER).as_posix()
        pairs.append((name, Resource.from_contents(_load(path), default_specification=DRAFT7)))
    return Registry().with_resources(pairs)


@functools.cache
def _validator(name: str) -> Any:
    kind = extend(Draft7Validator, type_checker=_TYPES)
    return kind({"$ref": BASE + name}, registry=_registry())


def complaints(body: dict[str, Any], core: str, sxl: str) -> list[str]:
    """Return what the schemas of these versions find wrong with a message; no ``sxl``, no list."""
    found = []
    for name in (f"core/{core}/rsmp.json", *([f"tlc/{sxl}/rsmp.json"] if sxl else [])):
        found += [
            f"{name}: {error.message} at {'/'.join(map(str, error.absolute_path))}"
            for error in _validator(name).iter_errors(body)
        ]
    return found


def schema(name: str) -> Any:
    """Return one schema, as it is."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
