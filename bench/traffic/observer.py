"""What traffic loses, seen by a second client of SUMO. Shares no code with what controls it.

    python observer.py PORT ORDER FROM_S UNTIL_S

Steps the simulation together with the controller, and prints one JSON object when simulated time
has come to UNTIL_S. Counted are the vehicles that came in from FROM_S on and left before UNTIL_S;
of vehicles still under way what they have lost so far is given apart, so that nothing hides there.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import traci

DEPARTED, ARRIVED, TIME, PENDING = 0x74, 0x7A, 0x66, 0x94
WAITING, TIME_LOSS, LANE = 0x7A, 0x8C, 0x51


class Account:
    """What one class of vehicles has lost."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.under_way: list[float] = []
        self.longest_wait = 0.0


def watch(client: Any, begin_s: float, end_s: float) -> dict[str, Any]:
    """Step until the end; return what was seen."""
    buses, others = Account(), Account()
    mine: dict[str, Account] = {}
    lost: dict[str, float] = {}
    lane_of: dict[str, str] = {}
    passed: dict[str, int] = {}
    signal_lanes = {
        link[0][0]
        for signal in client.trafficlight.getIDList()
        for link in client.trafficlight.getControlledLinks(signal)
        if link
    }
    client.simulation.subscribe([DEPARTED, ARRIVED, TIME, PENDING])
    while True:
        client.simulationStep()
        news = client.simulation.getSubscriptionResults()
        now = news[TIME]
        # Nothing is asked after the last step: SUMO serves clients in their order, and the first
        # one says nothing more.
        last = now >= end_s
        for vehicle in () if last else news[DEPARTED]:
            bus = client.vehicle.getVehicleClass(vehicle) == "bus"
            if now >= begin_s:
                mine[vehicle] = buses if bus else others
            client.vehicle.subscribe(vehicle, [WAITING, TIME_LOSS, LANE])
        for vehicle, about in client.vehicle.getAllSubscriptionResults().items():
            if not about:
                continue
            lane, before = about[LANE], lane_of.get(vehicle, "")
            if lane != before:
                if before in signal_lanes and now >= begin_s and lane[:1] == ":":
                    passed[before] = passed.get(before, 0) + 1
                lane_of[vehicle] = lane
            account = mine.get(vehicle)
            if account is not None:
                lost[vehicle] = about[TIME_LOSS]
                if about[WAITING] > account.longest_wait:
                    account.longest_wait = about[WAITING]
        for vehicle in news[ARRIVED]:
            lane_of.pop(vehicle, None)
            if vehicle in mine:
                mine.pop(vehicle).losses.append(lost.pop(vehicle, 0.0))
        if last:
            break
    for vehicle, account in mine.items():
        account.under_way.append(lost.get(vehicle, 0.0))
    return {
        "passed": passed,
        "seconds": end_s - begin_s,
        "pending": len(news[PENDING]),
    } | {
        name: {
            "vehicles": len(account.losses),
            "loss_s": sum(account.losses),
            "under_way": len(account.under_way),
            "under_way_loss_s": sum(account.under_way),
            "longest_wait_s": account.longest_wait,
        }
        for name, account in (("bus", buses), ("other", others))
    }


def main() -> int:
    port, order = int(sys.argv[1]), int(sys.argv[2])
    client = traci.connect(port, numRetries=60, host="127.0.0.1", waitBetweenRetries=0.05)
    client.setOrder(order)
    seen = watch(client, float(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(seen), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
