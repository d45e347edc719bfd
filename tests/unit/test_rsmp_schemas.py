"""Every message that we send validates against the published schemas, in every version."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from rsmp_pair import Pair
from rsmp_schemas import complaints

from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.machine.supervisor import Answer
from jacquemart.drivers.rsmp.wire import sxl, versions

EXAMPLES = {
    "M0001": {"status": "YellowFlash", "timeout": "1", "intersection": "0"},
    "M0002": {"status": "True", "timeplan": "2"},
    "M0003": {"status": "True", "traficsituation": "2"},
    "M0004": {"status": "True"},
    "M0005": {"status": "True", "emergencyroute": "3"},
    "M0006": {"status": "True", "input": "1"},
    "M0007": {"status": "False"},
    "M0008": {"status": "True", "mode": "True"},
    "M0010": {"status": "True"},
    "M0011": {"status": "True"},
    "M0012": {"status": "5,4134,65;5,11"},
    "M0013": {"status": "1,3,12"},
    "M0014": {"plan": "1", "status": "1-12"},
    "M0015": {"plan": "1", "status": "9"},
    "M0016": {"status": "0-1,6-2"},
    "M0017": {"status": "12-1-12-59,1-0-23-12"},
    "M0018": {"plan": "1", "status": "40"},
    "M0019": {"status": "True", "input": "2", "inputValue": "True"},
    "M0020": {"status": "True", "output": "2", "outputValue": "True"},
    "M0021": {"status": "3"},
    "M0022": {
        "requestId": "r1", "signalGroupId": "SG2", "type": "new", "level": "7", "eta": "10",
        "vehicleType": "bus",
    },
    "M0023": {"status": "10"},
    "M0103": {"status": "Level2", "oldSecurityCode": "2222", "newSecurityCode": "2222"},
    "M0104": {
        "year": "2026", "month": "5", "day": "4", "hour": "3", "minute": "2", "second": "1",
    },
}  # fmt: skip
COMPONENT = {"tlc": "TC", "group": "SG1", "detector": "DL1"}


class Judge:
    """Validates each form of message once: what differs in ids and times only is the same."""

    def __init__(self, core: str, list_: str) -> None:
        self.core, self.sxl = core, list_
        self.seen: set[str] = set()
        self.found: list[str] = []

    def __call__(self, message: dict[str, Any]) -> None:
        fixed = ("mId", "oMId", "aTs", "sTs", "wTs", "cTS", "aSTS")
        form = json.dumps({**message, **dict.fromkeys(fixed, "")})
        if form not in self.seen:
            self.seen.add(form)
            self.found += [f"{one}: {message}" for one in complaints(message, self.core, self.sxl)]


@functools.cache
def spoken(core: str, list_: str, judged: bool = True) -> tuple[Pair, Judge]:
    """Have both sides say all they can; ``judged``: by the list of signals, too."""
    judge = Judge(core, list_ if judged else "")
    options = SiteOptions(SessionOptions(core=(core,), sxl=(list_,)), buffered=frozenset({"S0014"}))
    pair = Pair((core,), list_, site=options, judge=judge)
    pair.connect()
    supervisor = pair.supervisor
    assert pair.ready
    assert supervisor is not None
    for code, its in sxl.STATUSES.items():
        if sxl.has(its.versions, list_):
            names = [name for name, a in its.arguments.items() if sxl.has(a.versions, list_)]
            component = COMPONENT[its.component]
            supervisor.request(component, [(code, name) for name in names], pair.now, 5.0)
    supervisor.request("nowhere", [("S0001", "stage")], pair.now, 5.0)
    for code, arguments in EXAMPLES.items():
        its = sxl.COMMANDS[code]
        level = {"securityCode": "1111" if code == "M0104" else "2222"}
        own = {**arguments, **(level if "securityCode" in its.arguments else {})}
        supervisor.command(COMPONENT[its.component], code, own, pair.now, 5.0)
    supervisor.command("nowhere", "M0004", {"status": "True", "securityCode": ""}, pair.now, 5.0)
    rows = [("S0001", "signalgroupstatus", 0.0), ("S0014", "status", 2.0), ("S0033", "status", 0.0)]
    supervisor.subscribe("TC", rows, pair.now)
    supervisor.request_aggregated("TC", pair.now)
    pair.wait(3.0)
    pair.tlc.raise_alarm("DL1", "A0301", True)
    pair.wait(1.0)
    for what in ("Acknowledge", "Suspend", "Resume", "Request"):
        supervisor.alarm("DL1", "A0301", what, pair.now)
    pair.wait(1.0)
    supervisor.unsubscribe("TC", [("S0001", "signalgroupstatus")], pair.now)
    pair.cut()
    pair.tlc.raise_alarm("TC", "A0007", True)
    pair.wait(5.0)
    pair.connect()
    pair.wait(70.0)
    return pair, judge


@pytest.mark.parametrize("list_", versions.SXL)
def test_all_that_is_said_in_any_version_of_the_sxl_is_valid(list_: str) -> None:
    pair, judge = spoken("3.2.2", list_)
    assert not judge.found, judge.found[:3]
    assert not pair.closed
    assert len(judge.seen) > 100


@pytest.mark.parametrize("core", versions.CORE[:-1])
def test_all_that_is_said_in_any_version_of_the_core_is_valid(core: str) -> None:
    pair, judge = spoken(core, "1.2.1", judged=False)
    assert not judge.found, judge.found[:3]
    assert not pair.closed


def test_the_emulated_controller_knows_every_status_but_counts_of_loops_it_has_not() -> None:
    pair, _ = spoken("3.2.2", "1.2.1")
    unknown = {
        row["sCI"]
        for _, message in pair.sent
        if message["type"] == "StatusResponse" and message["cId"] != "nowhere"
        for row in message["sS"]
        if row["q"] != "recent"
    }
    assert unknown == {"S0025", *(f"S020{n}" for n in range(1, 9))}


def test_every_command_is_carried_out_but_that_for_nobody() -> None:
    pair, _ = spoken("3.2.2", "1.2.1")
    answers = {one.token: one for one in pair.of(Answer)}
    assert not [one for one in answers.values() if one.error]
    kept = {value.code for one in answers.values() for value in one.values}
    assert set(EXAMPLES) < kept
    nobody = [v for one in answers.values() for v in one.values if v.quality == "undefined"]
    assert {value.code for value in nobody} == {"S0001", "M0004"}


def test_the_schemas_do_judge() -> None:
    wrong = {"mType": "rSMsg", "type": "Watchdog", "mId": "7", "wTs": "now"}
    assert len(complaints(wrong, "3.2.2", "1.2.1")) == 2
    plan = {"cCI": "M0002", "n": "timeplan", "cO": "setValue", "v": "x"}
    order = {**wrong, "type": "CommandRequest", "cId": "TC", "arg": [plan]}
    assert any("setPlan" in one for one in complaints(order, "3.1.2", "1.1.0"))
