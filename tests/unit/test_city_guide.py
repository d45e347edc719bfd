"""The guide of the city file: it has every key as the schema has it, and its example loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jacquemart.actors.lighting import LightingCabinet, StreetLight
from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.city import load_city, schema
from jacquemart.runtime.city.checks import REQUIRED, Key
from jacquemart.runtime.city.registry import Offer, driver_registry

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "city-file.md"
_NONE: Offer[Any] = Offer(driver_registry(()), {})

SECTIONS: dict[str, tuple[Key, ...]] = {
    "At the top": schema.DOCUMENT[:1],
    "`[city]`": schema.CITY,
    "`[gateway]`": schema.GATEWAY,
    "`[cells]`": schema.CELLS,
    "`[zones.<id>]`": schema.ZONE,
    "`[links.<id>]` and `[link_templates.<id>]`": schema.link_keys({}, _NONE),
    "`[templates.<id>]`": schema.template_keys(_NONE, _NONE),
    "`[templates.<id>.points.<id>]`": schema.POINT,
    "`[templates.<id>.parameters.<id>]`": schema.PARAMETER,
    "`[[inventory]]`": schema.INVENTORY,
    "`[[device]]`": schema.device_keys({}, (), ()),
}

#: Where the guide says it in other words than a message does.
OTHER_WORDS = {"id", "host", "driver", "kind", "zone", "link", "template", "feedback", "fed_by"}
OTHER_DEFAULTS = {"name", "zone", "template", "feedback", "format", "encoding", "crs"}


def rows(section: str) -> dict[str, list[str]]:
    """Return the rows of a section's table: key -> allowed, default, and more."""
    text = GUIDE.read_text().split(f"\n### {section}\n")[1].split("\n#")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" |")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in cells}


def written(default: Any) -> str:
    if default is REQUIRED:
        return ""
    if default is None:
        return "none"
    text = {True: "true", False: "false"}.get(default) if isinstance(default, bool) else None
    return f"`{text or (f'{default:g}' if isinstance(default, float) else repr(default))}`".replace(
        "'", '"'
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_the_guide_has_every_key_with_what_is_allowed_and_its_default(section: str) -> None:
    found = rows(section)
    assert list(found) == [key.name for key in SECTIONS[section]]
    for key in SECTIONS[section]:
        allowed, default = found[key.name][:2]
        if key.name not in OTHER_WORDS:
            assert allowed == key.check.allowed, key.name
        if key.name not in OTHER_DEFAULTS:
            assert default == written(key.default), key.name


def test_the_example_of_the_guide_is_a_city(tmp_path: Path) -> None:
    text = GUIDE.read_text()
    toml = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]
    (tmp_path / "city.toml").write_text(toml)
    for name in ("cabinets.csv", "lights.csv"):
        block = text.split(f"`{name}`:\n\n```text\n")[1].split("```")[0]
        (tmp_path / name).write_text(block)
    city = load_city(
        tmp_path / "city.toml",
        kinds={"street_light": StreetLight, "lighting_cabinet": LightingCabinet},
        drivers={"modbus": ModbusDriver},
    )
    assert [device.id for device in city.devices] == [
        "c-001", "c-002", "l-00001", "l-00002", "l-00003"
    ]  # fmt: skip
    assert [link.zone for link in city.links] == ["chenove", "talant"]
