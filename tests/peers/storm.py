"""A Modbus city behind bad weather, commands that never repeat a value, and what must hold then.

The invariants are those of the fault catalogue: none applied twice (I2), none after its deadline
(I4), exactly one end, in time (I6); and nothing is called applied that the field does not have.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from logging_field import LoggingField

from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.testing import LocalCity

LAMPS = 4
NEVER_SENT = (Status.REJECTED, Status.EXPIRED)
TEMPLATE = """
[city]
id = "stormy"
[zones.north]
[templates.lamp]
kind = "generic"
driver = "modbus"
[templates.lamp.points.setpoint]
range = [0, 65535]
writable = true
poll_ms = 0
settle_ms = 300
address = { table = "holding", address = 0, step = 1 }
[templates.lamp.points.level]
poll_ms = 200
address = { table = "holding", address = 0, step = 1 }
"""


@contextmanager
def stormy_city(folder: Path, places: Sequence[tuple[str, int]]) -> Iterator[LocalCity]:
    """Run a city with one link a place (host and port), and ``LAMPS`` lamps on each."""
    text = TEMPLATE
    for at, (host, port) in enumerate(places):
        text += f'[links.line-{at}]\ndriver = "modbus"\nzone = "north"\nhost = "{host}"\n'
        text += f"port = {port}\ntimeout_ms = 300\nconnect_timeout_ms = 500\nunit_retry_ms = 500\n"
    for at in range(len(places)):
        for lamp in range(LAMPS):
            text += f'[[device]]\nid = "lamp-{at}-{lamp}"\ntemplate = "lamp"\n'
            text += f'link = "line-{at}"\nindex = {lamp}\nunit_id = {at + 1}\n'
    (folder / "city.toml").write_text(text)
    with LocalCity(folder / "city.toml") as city:
        yield city


@dataclass
class Sent:
    """One command: its value is no other one's."""

    value: int
    deadline_ns: int
    outcome: Outcome
    began: float
    seconds: float
    """How long its end took."""


@dataclass
class Storm:
    """Commands from a thread for each lamp, for as long as the weather is bad."""

    client: Client
    lamps: Sequence[str]
    within_s: float = 1.0
    sent: list[Sent] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _values: Iterator[int] = field(default_factory=lambda: iter(range(1, 60_000)))

    @contextmanager
    def blowing(self) -> Iterator[None]:
        """Send all the time; at the end, wait for every outcome."""
        threads = [threading.Thread(target=self._send, args=(lamp,)) for lamp in self.lamps]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(30.0)
        assert not any(thread.is_alive() for thread in threads), "a command never ended"

    def _send(self, lamp: str) -> None:
        while not self._stop.is_set():
            value, began = next(self._values), time.monotonic()
            deadline = boot_ns() + int(self.within_s * 1e9)
            outcome = self.client.set(f"{lamp}/setpoint", value, within_s=self.within_s)
            self.sent.append(Sent(value, deadline, outcome, began, time.monotonic() - began))
            time.sleep(0.01)

    def count(self, *statuses: Status) -> int:
        """Return how many ended so."""
        return sum(one.outcome.status in statuses for one in self.sent)


def check(
    storm: Storm, field: LoggingField, on_the_way_s: float = 0.0, end_after_s: float = 5.0
) -> None:
    """Hold every outcome against the field's own account.

    ``on_the_way_s``: so long may a write be under way once it was sent in time.
    """
    arrived: dict[int, list[int]] = {}
    for at_ns, _, _, value in field.writes:
        arrived.setdefault(value, []).append(at_ns)
    assert storm.sent
    for one in storm.sent:
        times, status = arrived.get(one.value, []), one.outcome.status
        assert len(times) <= 1, f"I2: {one} was written {len(times)} times"
        assert one.seconds <= storm.within_s + end_after_s, f"I6: {one}"
        slack = int((on_the_way_s + 0.2) * 1e9)
        assert all(at <= one.deadline_ns + slack for at in times), f"I4: {one} came late"
        if status is Status.APPLIED:
            assert times, f"{one} is called applied, and the field never had it"
        if status in NEVER_SENT:
            assert not times, f"{one} is said not to have been sent"


def settle(client: Client, lamps: Sequence[str], within_s: float = 10.0) -> None:
    """Wait until every lamp takes commands again; its value ends above those of the storm."""
    give_up, value = time.monotonic() + within_s, 60_000
    for lamp in lamps:
        while True:
            value += 1
            outcome = client.set(f"{lamp}/setpoint", value, within_s=1.0)
            if outcome.applied:
                break
            assert time.monotonic() < give_up, outcome
            time.sleep(0.05)


def until(found: Callable[[], bool], seconds: float) -> float:
    """Wait, and return how long it took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.01)
    return time.monotonic() - began
