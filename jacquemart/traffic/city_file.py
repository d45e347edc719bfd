"""The city file of a world: its signals over RSMP, its buses over AVL, and who gets priority.

Nothing in it is of simulation but the key ``simulated`` of the feed: a city with real signals and
buses is declared in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jacquemart.actors.priority.approach import Approach
from jacquemart.traffic.world import World

#: So many requests at one signal at one time; see docs/guides/priority.md.
SLOTS: Final = 6
BROKER: Final = "priority"
_HEAD: Final = """\
# Written by `jacquemart traffic`: a city whose signals and buses are simulated by SUMO.
[city]
id = "traffic"
name = "A world of traffic"

[gateway]
port = {port}
stream_port = {stream_port}

[cells]
count = 1

[zones.streets]
name = "Streets"

# Each signal is a site of RSMP, which connects here.
[links.signals]
driver = "jacquemart.drivers.rsmp:RsmpDriver"
zone = "streets"
port = {rsmp_port}
security_code_2 = "2222"

# Where the buses are, by NMEA 0183.
[links.buses]
driver = "jacquemart.drivers.avl:AvlDriver"
zone = "streets"
host = "127.0.0.1"
port = {avl_port}
simulated = true

[links.inside]
driver = "simulated"
zone = "streets"

[templates.signal]
kind = "signal_controller"
driver = "jacquemart.drivers.rsmp:RsmpDriver"
[templates.signal.points]
mode = {{ writable = true, feedback = "mode_state", poll_ms = 0, settle_ms = 60_000, address = {{ command = "M0001/status", status = "mode" }} }}
mode_state = {{ address = {{ status = "mode" }} }}
plan = {{ range = [1, 255], writable = true, feedback = "plan_state", poll_ms = 0, settle_ms = 120_000, address = {{ command = "M0002/timeplan", status = "S0014/status" }} }}
plan_state = {{ range = [0, 255], address = {{ status = "S0014/status" }} }}
local = {{ address = {{ status = "local" }} }}
state = {{ address = {{ status = "state" }} }}
status = {{ range = [0, 255], address = {{ status = "aggregated" }} }}
{slots}
[templates.bus]
kind = "bus"
driver = "jacquemart.drivers.avl:AvlDriver"
options = {{ broker = "{broker}" }}
[templates.bus.points]
status = {{}}
latitude = {{}}
longitude = {{}}
speed = {{}}
heading = {{}}
line = {{}}
delay = {{}}

[templates.feed]
kind = "generic"
driver = "jacquemart.drivers.avl:AvlDriver"
[templates.feed.points]
lines = {{}}
refused = {{ urgent = true }}
late = {{}}

[templates.broker]
kind = "jacquemart.actors.priority.broker:PriorityBroker"
driver = "simulated"
points = {{ enabled = {{ address = {{ initial = 1 }} }} }}

[[device]]
id = "{broker}"
template = "broker"
link = "inside"

[[device]]
id = "feed"
template = "feed"
link = "buses"

[priority]
ahead_s = 45

[priority.bus]
ask = "{ask}"
level = 6
"""  # noqa: E501 - a table of TOML is one line
_SLOT: Final = """\
priority_{n} = {{ address = {{ command = "M0022", with = {{ signalGroupId = "SG#" }}, status = "priority", item = {n} }} }}
request_{n} = {{ address = {{ status = "request", item = {n} }} }}
"""  # noqa: E501
_DEVICE: Final = '\n[[device]]\nid = "{id}"\ntemplate = "{template}"\nlink = "{link}"\n'
_APPROACH: Final = """
[approaches."{id}"]
signal = "{signal}"
group = {group}
path = [{path}]
lines = [{lines}]
width_m = {width:g}
speed_mps = {speed:.2f}
queue_m = {queue:g}
"""


def write_city(
    world: World, approaches: Sequence[Approach], avl_port: int, *, ask: str = "always",
    port: int = 0, stream_port: int = 0,
) -> Path:  # fmt: skip
    """Write the city file of a world into its folder; return where it is.

    Args:
        world: what is simulated.
        approaches: with the city's names of signals and numbers of groups.
        avl_port: where the feed of positions is.
        ask: who asks for priority: "always", "need" or "never".
        port, stream_port: of the city's API.
    """
    slots = "".join(_SLOT.format(n=number + 1) for number in range(SLOTS))
    text = [
        _HEAD.format(
            port=port, stream_port=stream_port, rsmp_port=world.rsmp_port, avl_port=avl_port,
            slots=slots, broker=BROKER, ask=ask,
        )
    ]  # fmt: skip
    signals = world.signals.values()
    text += [_DEVICE.format(id=one, template="signal", link="signals") for one in signals]
    text += [_DEVICE.format(id=one, template="bus", link="buses") for one in world.fleet]
    text += [_declared(one) for one in approaches]
    path = Path(world.folder) / "city.toml"
    path.write_text("".join(text), encoding="utf-8")
    return path


def _declared(one: Approach) -> str:
    return _APPROACH.format(
        id=one.id.replace(".", "-"), signal=one.site, group=one.group,
        path=", ".join(f"[{lat:.7f}, {lon:.7f}]" for lat, lon in one.path),
        lines=", ".join(f'"{line}"' for line in sorted(one.lines)),
        width=one.width_m, speed=one.speed_mps, queue=one.queue_m,
    )  # fmt: skip
