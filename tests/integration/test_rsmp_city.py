"""A city that runs traffic signals by RSMP, and an emulated site that connects to it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jacquemart import Client, Quality, Status
from jacquemart.runtime.model.outcome import Reason
from jacquemart.runtime.testing.local_city import LocalCity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CITY = """
[city]
id = "rsmp-city"
[zones.north]
[links.signals]
driver = "jacquemart.drivers.rsmp:RsmpDriver"
zone = "north"
port = {port}
site = "RN+SI0001"
component = "RN+SI0001=001TC000"
security_code_2 = "2222"
timeout_ms = 2000
ack_timeout_ms = 3000

[templates.tlc]
kind = "signal_controller"
driver = "jacquemart.drivers.rsmp:RsmpDriver"
[templates.tlc.points]
mode = {{ writable = true, feedback = "mode_state", poll_ms = 0, settle_ms = 5000, address = {{ command = "M0001/status", status = "mode" }} }}
mode_state = {{ poll_ms = 500, address = {{ status = "mode" }} }}
local = {{ poll_ms = 500, address = {{ status = "local" }} }}
plan = {{ range = [1, 255], writable = true, feedback = "plan_state", poll_ms = 0, settle_ms = 60000, address = {{ command = "M0002/timeplan", status = "S0014/status" }} }}
plan_state = {{ range = [0, 255], poll_ms = 500, address = {{ status = "S0014/status" }} }}
state = {{ poll_ms = 500, address = {{ status = "state" }} }}
status = {{ range = [0, 255], poll_ms = 500, address = {{ status = "aggregated" }} }}

[templates.cabinet]
kind = "generic"
driver = "jacquemart.drivers.rsmp:RsmpDriver"
[templates.cabinet.points]
group_1 = {{ address = {{ status = "S0001/signalgroupstatus", item = 1 }} }}
door = {{ urgent = true, poll_ms = 500, address = {{ status = "alarm/A0010" }} }}
input_1 = {{ range = [0, 1], writable = true, address = {{ command = "M0006/status", with = {{ input = 1 }}, status = "S0003/inputstatus", item = 1 }} }}
priority = {{ range = [0, 15999], writable = true, settle_ms = 5000, address = {{ command = "M0022", with = {{ signalGroupId = "SG1", vehicleType = "bus" }}, status = "priority" }} }}

[[device]]
id = "crossing-1"
template = "tlc"
link = "signals"
[[device]]
id = "cabinet-1"
template = "cabinet"
link = "signals"
"""  # noqa: E501


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def site(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable, "-m", "jacquemart.cli", "rsmp-site", "--supervisor", f"127.0.0.1:{port}",
        "--site", "RN+SI0001", "--component", "RN+SI0001=001TC000", "--reconnect", "0.3",
        "--alarm-input", "1=A0010",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        assert process.wait(20) == 0


def until(true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 40.0
    while not true():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.05)


def shows(client: Client, point: str, value: float) -> bool:
    reading = client.get(point)
    return reading.quality is Quality.GOOD and reading.value == value


def test_a_site_is_read_commanded_lost_and_found_again(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "city.toml").write_text(CITY.format(port=port))
    with site(port) as process, LocalCity(tmp_path / "city.toml") as city:
        client = city.client()
        until(lambda: shows(client, "crossing-1/plan_state", 1.0), "the plan is read")
        until(lambda: shows(client, "crossing-1/state", 1.0), "the start-up is over")
        assert shows(client, "crossing-1/local", 0.0)
        assert shows(client, "crossing-1/status", 32.0)
        until(lambda: client.get("cabinet-1/group_1").good, "a signal group is read")

        outcome = client.set("crossing-1/plan", 2.0, within_s=60.0)
        assert (outcome.status, outcome.value) == (Status.APPLIED, 2.0)
        assert outcome.stages.finished >= outcome.stages.acknowledged
        assert shows(client, "crossing-1/plan_state", 2.0)
        refused = client.set("crossing-1/plan", 99.0)
        assert (refused.status, refused.reason) == (Status.FAILED, Reason.REFUSED)
        assert "no plan 99" in refused.detail

        flash = client.set("crossing-1/mode", 1.0)
        assert flash.applied
        until(lambda: shows(client, "cabinet-1/group_1", 5.0), "it flashes")
        assert client.set("crossing-1/mode", 0.0).applied
        until(lambda: shows(client, "crossing-1/state", 1.0), "it runs again")

        asked = client.set("cabinet-1/priority", 8012.0)
        assert asked.applied, asked
        assert client.set("cabinet-1/priority", 0.0).applied

        assert client.set("cabinet-1/input_1", 1.0).applied
        until(lambda: shows(client, "cabinet-1/door", 1.0), "the door is open")
        process.send_signal(signal.SIGSTOP)
        until(lambda: not client.why("crossing-1")["link"]["up"], "the site is given up")
        assert client.get("crossing-1/plan_state").quality is Quality.BAD_COMM
        process.send_signal(signal.SIGCONT)
        until(lambda: shows(client, "cabinet-1/door", 1.0), "it is back, its alarm with it")
        assert client.set("cabinet-1/input_1", 0.0).applied
        until(lambda: shows(client, "cabinet-1/door", 0.0), "the door is closed")
        assert shows(client, "crossing-1/plan_state", 2.0)
