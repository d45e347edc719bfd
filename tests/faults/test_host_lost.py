"""P15, N1: a host with device cells is lost under load, all at once or by a cut between the hosts.

The hosts are network namespaces with a node of one Ray each. The far one lives in a time namespace
as well: its boot-time clock is a day ahead, so that no deadline means there what it means here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from box_city import write_boxes
from faults_process import field_ports
from host_loss import DEVICES, Trial, lose_host
from namespaces import inside
from two_hosts import FIELD, NEAR, NETWORK, TwoHosts, why_not

import jacquemart

WHY_NOT = why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no two hosts here: {WHY_NOT}"),
]


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # the hosts' Ray is this test's own
        with TwoHosts() as made:
            yield made


def check(trial: Trial) -> None:
    """No command of the trial is lost, doubled, late or without an end, and all devices go on."""
    verdict, near = trial.verdict, set(range(DEVICES)) - trial.far
    assert verdict is not None
    assert near
    said = (verdict, trial.errors)
    assert (verdict.lost, verdict.applied_twice, verdict.late, verdict.unfinished) == (0,) * 4, said
    assert verdict.refused_but_applied == 0, said
    applied = [one for one in trial.commands if one.status == "APPLIED"]
    before = {one.device for one in applied if one.end_ns < trial.at_ns}
    after = {one.device for one in applied if one.sent_ns > trial.at_ns}
    assert before == after == near | trial.far
    # What was under way ends, one command a device at most; all others are whole.
    unknown = [one for one in trial.commands if one.status == "INDETERMINATE"]
    assert {one.device for one in unknown} <= trial.far
    assert len(unknown) <= len(trial.far)
    assert all(one.sent_ns < trial.at_ns + 2_000_000_000 for one in unknown)
    assert trial.await_event("cell_lost")["reason"].startswith("its zone has not heard of it")
    for device, home in trial.homes.items():
        (cell, _, epoch), after_home = home.partition("@"), trial.homes_after[device]
        if int(device[1:]) in trial.far:
            assert after_home.startswith(f"{cell}@")
            assert int(after_home.partition("@")[2]) > int(epoch)
        else:
            assert after_home == home, "nobody touched it"
    assert trial.seconds < 10.0, "and on a machine that is not busy, 2.5"


def test_n1_hosts_that_lose_each_other_have_one_writer_and_the_one_cut_off_ends(
    hosts: TwoHosts,
) -> None:
    def heal(trial: Trial, city: jacquemart.City) -> None:
        (far,) = {trial.homes[f"d{device}"].partition("@")[0] for device in trial.far}
        time.sleep(1.0)  # both sides go on, with the field in reach of both
        hosts.deafen()  # now the zone hears the old one again, which hears no answer
        time.sleep(1.0)
        hosts.cut(whole=True)
        until = time.monotonic() + 30.0
        while psutil.pid_exists(trial.pids[far]):
            assert time.monotonic() < until, "the old one finds its lease gone, and ends"
            time.sleep(0.1)
        time.sleep(1.0)

    try:
        check(lose_host(hosts, hosts.cut, heal))
    finally:
        hosts.cut(whole=True)


def test_p15_all_processes_of_a_host_end_at_once_and_the_other_goes_on_for_its_devices(
    hosts: TwoHosts,
) -> None:
    check(lose_host(hosts, hosts.kill))
    assert hosts.pids_of_far() == []


def start_a_city(hosts: TwoHosts, folder: Path) -> tuple[set[str], list[dict[str, Any]], str]:
    """Start one on both hosts; return where its cells are, its events, and a command's end."""
    events: list[dict[str, Any]] = []
    before = ("ip", "netns", "exec", hosts.field)
    with field_ports(folder / "field.log", 2, FIELD, before=before) as ports:
        path = write_boxes(folder, f"late-{os.getpid()}", ports, 1, ("north", "south"), FIELD)
        city = jacquemart.City(
            path, ray_address=hosts.address, network=NETWORK, cells=2, standby=False,
            state=folder / "state", on_progress=events.append,
        )  # fmt: skip
        with city, city.client() as client:
            where = {cell["host"] for cell in city.cells}
            return where, events, client.set("d1/value", 5.0, within_s=5.0).status.name


def test_p15_a_city_that_is_started_right_after_a_host_was_lost_does_without_it(
    hosts: TwoHosts, tmp_path: Path
) -> None:
    hosts.start_far()
    hosts.hollow()  # so that neither Ray nor who knocks at its door knows yet
    where, events, end = inside(hosts.near, lambda: start_a_city(hosts, tmp_path))
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert where == {NEAR}
    assert end == "APPLIED"
    assert any(text.startswith("cell device-2: ") and "try 2" in text for text in warnings), events
