"""What traffic loses while it goes on, seen by a second client of SUMO.

    python observer.py PORT ORDER EVERY_S

Shares no code with what controls the signals, and imports none of it. Steps the simulation together
with the controller and prints one JSON object each EVERY_S simulated seconds: of buses and of all
others how many have arrived, what they had lost on their whole way, how many are under way, and
the longest wait so far. Ends when the simulation does.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import traci

#: TraCI's numbers (its documentation, "Simulation" and "Vehicle").
DEPARTED, ARRIVED, TIME = 0x74, 0x7A, 0x66
WAITING, TIME_LOSS = 0x7A, 0x8C


class Account:
    """One class of vehicles."""

    def __init__(self) -> None:
        """Begin with none."""
        self.under_way: dict[str, float] = {}
        self.arrived = 0
        self.lost_s = 0.0
        self.longest_wait_s = 0.0

    def told(self) -> dict[str, float]:
        """Return the figures as of now."""
        return {
            "arrived": self.arrived,
            "mean_loss_s": round(self.lost_s / self.arrived, 2) if self.arrived else 0.0,
            "under_way": len(self.under_way),
            "under_way_loss_s": round(sum(self.under_way.values()), 1),
            "longest_wait_s": round(self.longest_wait_s, 1),
        }


def watch(client: Any, every_s: float) -> None:
    """Step and tell, until the simulation has ended."""
    accounts = {"bus": Account(), "other": Account()}
    mine: dict[str, Account] = {}
    client.simulation.subscribe([DEPARTED, ARRIVED, TIME])
    due = 0.0
    while True:
        client.simulationStep()
        news = client.simulation.getSubscriptionResults()
        for vehicle in news[DEPARTED]:
            kind = "bus" if client.vehicle.getVehicleClass(vehicle) == "bus" else "other"
            mine[vehicle] = accounts[kind]
            client.vehicle.subscribe(vehicle, [WAITING, TIME_LOSS])
        for vehicle, about in client.vehicle.getAllSubscriptionResults().items():
            account = mine.get(vehicle)
            if account is not None and about:
                account.under_way[vehicle] = about[TIME_LOSS]
                account.longest_wait_s = max(account.longest_wait_s, about[WAITING])
        for vehicle in news[ARRIVED]:
            if vehicle in mine:
                account = mine.pop(vehicle)
                account.lost_s += account.under_way.pop(vehicle, 0.0)
                account.arrived += 1
        if news[TIME] >= due:
            due = news[TIME] + every_s
            told = {name: account.told() for name, account in accounts.items()}
            sys.stdout.write(json.dumps({"time_s": round(news[TIME], 1), **told}) + "\n")
            sys.stdout.flush()


def main() -> int:
    """Watch; return 0 when the simulation has ended."""
    port, order, every_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    client = traci.connect(port, numRetries=100, host="127.0.0.1", waitBetweenRetries=0.05)
    client.setOrder(order)
    try:
        watch(client, every_s)
    except (traci.exceptions.FatalTraCIError, OSError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
