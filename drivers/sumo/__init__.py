"""Real traffic to control, simulated by Eclipse SUMO: vehicles, detectors and lamps over TraCI.

A field, not a driver: signals and buses of this world are reached as those of a real city are, by
what stands between (a site of RSMP for each signal, a feed of positions). Needs the extra
``traffic``.
"""

from jacquemart.drivers.sumo.launch import Scenario
from jacquemart.drivers.sumo.simulation import Seen, Simulation

__all__ = ["Scenario", "Seen", "Simulation"]
