"""The city of boxes that faults are tried on: each holds one number, which the field notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HEAD = """
[city]
id = "{id}"
[gateway]
port = 0
stream_port = 0
{zones}
[templates.box]
kind = "generic"
driver = "modbus"
[templates.box.points.value]
range = [0, 4294967295]
writable = true
tolerance = 0
poll_ms = 1000
address = {{ table = "holding", address = 0, step = 2, format = "u32" }}
"""


def write_boxes(
    folder: Path, id: str, ports: Sequence[int], per_link: int,
    zones: Sequence[str] = ("north",), host: str = "127.0.0.1",
) -> Path:  # fmt: skip
    """Write the city file; boxes d0, d1 … live on one link a port, links in the zones in turn."""
    text = HEAD.format(id=id, zones="\n".join(f"[zones.{zone}]" for zone in zones))
    for link, port in enumerate(ports):
        text += f'[links.l{link}]\ndriver = "modbus"\nzone = "{zones[link % len(zones)]}"\n'
        text += f'host = "{host}"\nport = {port}\ntimeout_ms = 500\n'
    for device in range(len(ports) * per_link):
        link, index = divmod(device, per_link)
        text += f'[[device]]\nid = "d{device}"\ntemplate = "box"\n'
        text += f'link = "l{link}"\nindex = {index}\n'
    path = folder / "city.toml"
    path.write_text(text)
    return path
