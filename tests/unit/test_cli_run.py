"""run: what it tells, how it ends, and what the exit code says; the city itself is played."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from jacquemart.cli import main, progress
from jacquemart.runtime import cluster
from jacquemart.runtime.city import CityErrors, CityProblem
from jacquemart.runtime.model.errors import JacquemartError, StartError

Event = dict[str, Any]

CELL = {"name": "device-1", "role": "device", "pid": 77, "epoch": 9}
START: list[Event] = [
    {"event": "progress", "stage": "city", "seconds": 0.2, "zones": 24, "links": 630,
     "devices": 34_630},
    {"event": "progress", "stage": "ray", "seconds": 4.3, "ray_address": "127.0.0.1:9"},
    {"event": "progress", "stage": "placed", "seconds": 4.4, "cells": {"device-1": 5}},
    {"event": "progress", "stage": "cells", "seconds": 7.6, "cells": 4},
    {"event": "progress", "stage": "connected", "seconds": 7.7},
    *(
        {"event": "progress", "stage": "links", "seconds": 7.8, "links": 630, "links_up": up,
         "devices": 34_630, "cells_ready": 4 if up == 628 else 3, "cells": 4}
        for up in (10, 200, 400, 628)
    ),
    {"event": "ready", "city": "dijon", "api": "tcp://127.0.0.1:4747",
     "stream": "tcp://127.0.0.1:4748", "ready_s": 9.84, "cells": [CELL]},
]  # fmt: skip
LATER: list[Event] = [
    {"event": "cell_late", "cell": "device-1", "misses": 3},
    {"event": "cell_lost", "cell": "device-1", "reason": "it ended", "pause_s": 0.0},
    {"event": "cell_replaced", "cell": CELL, "api": "a", "stream": "b"},
    {"event": "warning", "message": "x\x1b[2J"},
    {"event": "heard_of_never"},
]


class PlayedCity:
    """A city that tells what the test says, then does what the test says."""

    story: ClassVar[list[Event]] = []
    refuse: JacquemartError | None = None
    then: Callable[[], None] = staticmethod(lambda: None)
    made: ClassVar[list[PlayedCity]] = []

    def __init__(self, path: str, *, on_progress: Callable[[Event], None], **options: Any) -> None:
        self.path, self.options, self.tell = path, options, on_progress
        self.failure: JacquemartError | None = None
        self.stops = 0
        PlayedCity.made.append(self)

    def start(self) -> None:
        for event in self.story:
            if event["event"] == "fails":
                self.failure = StartError("Ray is gone")
                event = {"event": "error", "code": "start", "message": "Ray is gone"}
            self.tell(event)
        if self.refuse is not None:
            raise self.refuse
        threading.Timer(0.2, self.then).start()

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture(autouse=True)
def city(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PlayedCity]]:
    class Played(PlayedCity):
        story: ClassVar[list[Event]] = [*START, *LATER]

    monkeypatch.setattr(cluster, "City", Played, raising=False)
    PlayedCity.made.clear()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield Played
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def stopped_from_outside() -> None:
    """What the warden tells when `jacquemart stop` ends it."""
    (city,) = PlayedCity.made
    city.tell({"event": "progress", "stage": "stopping", "seconds": 60.0, "reason": "SIGTERM"})
    city.tell({"event": "stopped", "seconds": 2.04})
    city.tell({"event": "error", "code": "start", "message": "the warden ended"})


def test_it_tells_how_it_goes_and_that_it_is_ready(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    city.then = staticmethod(stopped_from_outside)
    assert main(["run", "c.toml", "--cells", "3", "--port", "0", "--stream-port", "9"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "   0.2 s  city       24 zones, 630 links, 34,630 devices",
        "   4.3 s  ray        at 127.0.0.1:9",
        "   4.4 s  placed     5 shards in 1 device cells",
        "   7.6 s  cells      4 cells started",
        "   7.7 s  connected",
        "   7.8 s  links      10 of 630 links up, 34,630 devices, 3 of 4 cells ready",
        "   7.8 s  links      628 of 630 links up, 34,630 devices, 4 of 4 cells ready",
        "ready in 9.8 s; API tcp://127.0.0.1:4747, streams tcp://127.0.0.1:4748; "
        "stop with Ctrl-C or `jacquemart stop`",
        "cell device-1 is late: 3 answers missed",
        "cell device-1 lost: it ended; started again now",
        "cell device-1 replaced: pid 77, epoch 9",
        r"warning: x\x1b[2J",
        "  60.0 s  stopping   SIGTERM",
        "stopped in 2.0 s",
    ]
    assert shown.err == ""
    (made,) = PlayedCity.made
    assert made.options == {
        "ray_address": None, "network": None, "gateway_port": 0, "stream_port": 9, "cells": 3,
        "state": None, "awake": False,
    }  # fmt: skip
    assert made.stops == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_city_that_runs(city: type[PlayedCity], number: int) -> None:
    city.then = staticmethod(send(number))
    assert main(["run", "c.toml"]) == 0
    assert PlayedCity.made[0].stops == 1


def test_a_signal_while_it_starts_is_exit_code_130(city: type[PlayedCity]) -> None:
    def start(self: PlayedCity) -> None:
        send(signal.SIGINT)()
        threading.Event().wait(5.0)

    city.start = start  # type: ignore[method-assign]
    assert main(["run", "c.toml"]) == 130
    assert PlayedCity.made[0].stops == 1


def test_a_second_signal_asks_for_patience(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(self: PlayedCity) -> None:
        self.stops += 1
        send(signal.SIGINT)()

    city.then, city.stop = staticmethod(send(signal.SIGINT)), stop  # type: ignore[method-assign]
    assert main(["run", "c.toml"]) == 0
    assert capsys.readouterr().err == "jacquemart: stopping; please wait\n"


def test_a_program_gets_every_event_as_a_line(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    city.then = staticmethod(stopped_from_outside)
    assert main(["run", "c.toml", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[: len(START) + len(LATER)] == [*START, *LATER]
    assert [event["event"] for event in found[-3:]] == ["progress", "stopped", "error"]


def test_a_wrong_city_file_is_said_problem_by_problem(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    problem = CityProblem("c.toml", 3, "city.id", '"a b"', "letters and digits")
    city.story, city.refuse = [], CityErrors((problem,), 1)
    assert main(["run", "c.toml"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [str(problem), "and 1 more", "2 problems"]
    assert PlayedCity.made[0].stops == 1


def test_a_city_that_cannot_start_says_why_in_one_line(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    city.refuse = StartError("cannot listen there", where="tcp://127.0.0.1:4747", advice="choose")
    assert main(["run", "c.toml"]) == 1
    assert capsys.readouterr().err == (
        "jacquemart: error: tcp://127.0.0.1:4747: cannot listen there (choose)\n"
    )


def test_a_city_that_ends_by_itself_is_a_failure(
    city: type[PlayedCity], capsys: pytest.CaptureFixture[str]
) -> None:
    city.story = [*START, {"event": "fails"}]
    assert main(["run", "c.toml"]) == 1
    assert capsys.readouterr().err == "jacquemart: error: Ray is gone\n"


def test_a_stage_that_nobody_knows_yet_is_still_told() -> None:
    event = {"event": "progress", "stage": "journal", "seconds": 1.0, "records": 7}
    assert progress.line(event) == "   1.0 s  journal    records 7"
