"""RSMP, the protocol of traffic-light controllers in the Nordic countries: both roles.

``wire`` and ``machine`` are pure. ``RsmpDriver`` is the supervisor, which a city runs; ``site`` is
an emulated controller for whoever has no hardware.
"""

from jacquemart.drivers.rsmp.driver import RsmpDriver

__all__ = ["RsmpDriver"]
