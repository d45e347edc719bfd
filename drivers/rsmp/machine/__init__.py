"""The two roles of RSMP as pure machines: events in, instructions out. No I/O, no clock."""

from jacquemart.drivers.rsmp.machine.session import Close, Moment, Ready, Send

__all__ = ["Close", "Moment", "Ready", "Send"]
