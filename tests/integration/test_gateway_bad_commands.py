"""Commands that cannot be: refused with a reason, and the field never hears of them."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from small_city import field, small_city, writes

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import AsyncClient, Client
from jacquemart.runtime.client.requests import bulk_outcome, outcome
from jacquemart.runtime.model.city import GatewaySpec
from jacquemart.runtime.model.errors import (
    ConfigError,
    JacquemartError,
    StartError,
    UnknownDevice,
    UnknownPoint,
    UsageError,
)
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import messages

S = 1_000_000_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    with small_city(tmp_path_factory.mktemp("city"), zones=("north", "south")) as running:
        yield running


@pytest.fixture
def client(city: LocalCity) -> Iterator[Client]:
    with Client(city.api, principal="tester") as made:
        yield made


def long_ago(seconds: float) -> int:
    """Return a boot-time that has passed; a machine that has just begun knows no hour ago."""
    return max(0, boot_ns() - int(seconds * S))


def how(found: Outcome) -> tuple[str, str]:
    return found.status.name, found.reason


def send(client: Client, **change: Any) -> Outcome:
    """Send a command as it is, past the checks of the client."""
    fields: dict[str, Any] = {
        "id": os.urandom(16), "principal": "tester", "device": "north-1", "verb": "set",
        "point": "setpoint", "value": 50.0, "unit": "", "priority": 8,
        "deadline_ns": boot_ns() + 5 * S, "epoch": 0,
    }  # fmt: skip
    made = frames.Command(*{**fields, **change}.values())
    return outcome(made, client._caller.ask(frames.encode_command(made), 15.0, 5.0))


def send_bulk(client: Client, **change: Any) -> BulkOutcome:
    made = messages.Bulk(
        os.urandom(16), "tester", "*", "*", "*", "setpoint", 50.0, "", 8, boot_ns() + 5 * S
    )
    made = replace(made, **change)
    answer = client._caller.ask(messages.encode_bulk(made), 25.0, 5.0)
    assert answer is not None
    return bulk_outcome(made, answer, 0.0)


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"device": "nobody"}, "unknown_device", "'nobody'"),
        ({"device": ""}, "unknown_device", "''"),
        ({"device": "north-1/setpoint"}, "unknown_device", ""),
        ({"point": "colour"}, "unknown_point", "setpoint, level"),
        ({"point": ""}, "unknown_point", "setpoint, level"),
        ({"verb": "dance"}, "unknown_command", "'dance'"),
        ({"verb": ""}, "unknown_command", "''"),
        ({"point": "level"}, "not_writable", "level"),
        ({"value": 100.5}, "out_of_range", "0 to 100 %"),
        ({"value": -0.1}, "out_of_range", "0 to 100 %"),
        ({"value": math.nan}, "bad_value", "finite"),
        ({"value": math.inf}, "bad_value", "finite"),
        ({"value": 2**64 - 1}, "out_of_range", "0 to 100 %"),
        ({"value": None}, "bad_value", "number"),
        ({"value": "80"}, "bad_value", "number"),
        ({"value": "é" * 500}, "bad_value", "number"),
        ({"unit": "W"}, "wrong_unit", "in %, not W"),
        ({"deadline_ns": boot_ns() + 30 * 86_400 * S}, "deadline", "24 h"),
        ({"deadline_ns": 2**64 - 1}, "deadline", "24 h"),
    ],
)
def test_a_command_that_cannot_be_is_rejected_by_name_and_never_sent(
    client: Client, change: dict[str, Any], reason: str, says: str
) -> None:
    before = len(field().arrivals)
    found = send(client, **change)
    assert how(found) == ("REJECTED", reason)
    assert says in found.detail
    assert found.stages.dispatched == 0
    assert len(field().arrivals) == before
    assert client.get("north-1/level").good


def test_a_deadline_that_has_passed_expires_at_the_gateway(client: Client) -> None:
    before = len(field().arrivals)
    for late in (boot_ns() - 1, long_ago(3_600), 1, 0):
        assert how(send(client, deadline_ns=late)) == ("EXPIRED", "deadline")
    assert len(field().arrivals) == before


def test_the_epoch_of_a_client_is_not_what_routes_its_command(client: Client) -> None:
    assert send(client, epoch=77, value=11.0).applied


def test_the_same_id_again_is_the_same_command_and_is_executed_once(client: Client) -> None:
    identity = os.urandom(16)
    first = client.set("north-2/setpoint", 44.0, id=identity)
    assert first.applied
    for _ in range(3):
        assert client.set("north-2/setpoint", 44.0, id=identity) == first
    assert writes("north-2") == [44.0]
    other = client.set("north-2/setpoint", 45.0, id=identity)
    assert how(other) == ("REJECTED", "duplicate_id")
    assert writes("north-2") == [44.0]
    with Client(client.api, principal="somebody else") as stranger:
        assert stranger.set("north-2/setpoint", 45.0, id=identity).applied
    assert writes("north-2") == [44.0, 45.0]


def test_the_same_id_many_times_at_once_is_executed_once(city: LocalCity) -> None:
    async def story() -> list[Outcome]:
        identity = os.urandom(16)
        async with AsyncClient(city.api, principal="hasty") as client:
            return await asyncio.gather(
                *(client.set("north-3/setpoint", 33.0, id=identity) for _ in range(20))
            )

    found = asyncio.run(story())
    assert len({(o.id, o.status, o.value, o.stages) for o in found}) == 1
    assert found[0].applied
    assert writes("north-3") == [33.0]


def test_a_bulk_command_is_executed_once_too(client: Client) -> None:
    identity = os.urandom(16)
    sent = {"id": identity, "zone": "south", "value": 21.0, "deadline_ns": boot_ns() + 9 * S}
    first, again = send_bulk(client, **sent), send_bulk(client, **sent)
    assert first.counts() == {"APPLIED": 3}
    assert again.outcomes == first.outcomes
    assert [writes(f"south-{n}") for n in (1, 2, 3)] == [[21.0]] * 3
    other = send_bulk(client, **{**sent, "value": 22.0})
    assert {how(o) for o in other.outcomes} == {("REJECTED", "duplicate_id")}
    assert len(other.outcomes) == 3
    assert [writes(f"south-{n}") for n in (1, 2, 3)] == [[21.0]] * 3


def test_a_bulk_command_that_is_repeated_after_its_deadline_has_the_result_of_the_first(
    client: Client,
) -> None:
    sent = {"id": os.urandom(16), "zone": "south", "value": 23.0, "deadline_ns": boot_ns() + S}
    first = send_bulk(client, **sent)
    assert first.counts() == {"APPLIED": 3}
    time.sleep(1.1)
    assert send_bulk(client, **sent).outcomes == first.outcomes, "a lost answer is asked for again"
    never = send_bulk(client, **{**sent, "id": os.urandom(16)})
    assert {how(o) for o in never.outcomes} == {("EXPIRED", "deadline")}
    assert [writes(f"south-{n}")[-1:] for n in (1, 2, 3)] == [[23.0]] * 3


@pytest.mark.parametrize(
    "change", [{"kind": "tram"}, {"device": "nobody-*"}, {"device": "[z-a]"},
               {"device": "NORTH-*"}, {"device": "("}], ids=str,
)  # fmt: skip
def test_a_bulk_command_that_means_nobody_has_an_empty_answer(
    client: Client, change: dict[str, str]
) -> None:
    before = len(field().arrivals)
    assert send_bulk(client, **change).outcomes == []
    assert len(field().arrivals) == before


@pytest.mark.parametrize("zone", ["west", "", "nort", "NORTH", "[z-a]"])
def test_a_bulk_command_for_a_zone_that_there_is_not_is_refused_by_name(
    client: Client, zone: str
) -> None:
    with pytest.raises(UsageError, match="no zone matches") as caught:
        send_bulk(client, zone=zone)
    assert caught.value.where == "zone"


def test_a_bulk_command_that_cannot_be_says_so_for_each_device(client: Client) -> None:
    for change, reason in (
        ({"point": "colour"}, "unknown_point"),
        ({"value": 101.0}, "out_of_range"),
        ({"value": math.nan}, "bad_value"),
        ({"value": None}, "bad_value"),
        ({"unit": "W"}, "wrong_unit"),
        ({"point": "level"}, "not_writable"),
    ):
        found = send_bulk(client, **change)
        assert [how(o) for o in found.outcomes] == [("REJECTED", reason)] * 6


def test_a_bulk_command_with_a_deadline_too_far_away_is_refused_whole(client: Client) -> None:
    with pytest.raises(UsageError, match="nothing was sent") as caught:
        send_bulk(client, deadline_ns=boot_ns() + 30 * 86_400 * S)
    assert caught.value.where == "deadline_ns"


@pytest.mark.parametrize("late_s", [1.0, 0.0, 3_600.0])
def test_a_bulk_command_that_is_late_expires_and_nothing_is_sent(
    client: Client, late_s: float
) -> None:
    before = len(field().arrivals)
    found = send_bulk(client, deadline_ns=long_ago(late_s))
    assert [how(o) for o in found.outcomes] == [("EXPIRED", "deadline")] * 6
    assert len(field().arrivals) == before


@pytest.mark.parametrize(
    ("verb", "args", "error", "says"),
    [
        ("get", {"points": ["nobody/level"]}, UnknownDevice, "nobody"),
        ("get", {"points": ["north-1/colour"]}, UnknownPoint, "setpoint, level"),
        ("get", {"points": ["north-1"]}, UsageError, "device/point"),
        ("get", {"points": "north-1/level"}, UsageError, "list"),
        ("get", {}, UsageError, "points"),
        ("get", {"points": [5]}, UsageError, "points"),
        ("why", {}, UsageError, "subject"),
        ("why", {"subject": 5}, UsageError, "subject"),
        ("why", {"subject": "nobody"}, UnknownDevice, "nobody"),
        ("why", {"subject": "north-1/"}, UsageError, "device/point"),
        ("why", {"subject": "a/b/c"}, JacquemartError, ""),
        ("ls", {"pattern": 5}, UsageError, "pattern"),
        ("ls", {"limit": "all"}, UsageError, "limit"),
        ("ls", {"limit": math.inf}, UsageError, "limit"),
        ("ls", {"offset": math.nan}, UsageError, "offset"),
        ("ls", {"zone": None}, UsageError, "zone"),
        ("events", {"number": "all"}, UsageError, "number"),
        ("snapshot", {"topic": "r/nowhere/"}, UsageError, "topics"),
        ("snapshot", {"topic": ""}, UsageError, "topic"),
        ("snapshot", {"topic": "c/d/"}, UsageError, "topic"),
        ("snapshot", {}, UsageError, "topic"),
        ("dance", {}, UsageError, "hello"),
        ("x" * 60_000, {}, UsageError, "hello"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    client: Client, verb: str, args: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        client.query(verb, **args)
    assert not isinstance(caught.value, JacquemartError) or caught.value.code != "internal"
    assert says in str(caught.value)


def test_a_list_past_its_end_is_empty_and_not_an_error(client: Client) -> None:
    assert client.ls("*", offset=1e9)["rows"] == []
    assert client.ls("*", limit=0)["rows"] == []
    assert client.ls("*", limit=-5)["total"] == 6


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_a_gateway_binds_to_loopback_and_refuses_any_other_address(
    city: LocalCity, host: str
) -> None:
    spec = replace(city.spec, gateway=GatewaySpec(host))
    open_city = LocalCity(spec)
    with pytest.raises(ConfigError, match="not a loopback address") as caught, open_city:
        pass
    assert caught.value.where == "gateway.host"
    assert not open_city.hosts


def test_a_port_that_is_taken_is_told_and_everything_ends(city: LocalCity) -> None:
    taken = int(city.api.rpartition(":")[2])
    host = city.hosts["gateway-0"]
    spec = replace(host.config, gateway=GatewaySpec("127.0.0.1", taken, 0), epoch=9)
    second = type(host)(spec)
    with pytest.raises(StartError, match=str(taken)):
        second.start()
    second.stop()
    assert city.client().get("north-1/level").good
