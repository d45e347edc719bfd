"""``simulated``, the reference driver: a field inside the process, to try, train and test on.

Every behaviour and every fault on request, and the same seed gives the same history.
"""

from jacquemart.drivers.simulated.driver import SimulatedDriver
from jacquemart.drivers.simulated.faults import Fault
from jacquemart.drivers.simulated.field import SimulatedField

__all__ = ["Fault", "SimulatedDriver", "SimulatedField"]
