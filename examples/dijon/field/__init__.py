"""The field of the example city: real Modbus TCP servers, one for each lighting cabinet.

A process of its own that shares no code with the drivers: what it knows of Modbus was written
from the MODBUS Application Protocol Specification V1.1b3 and the MODBUS Messaging on TCP/IP
Implementation Guide V1.0b. It keeps its own account of every lamp, which can be asked for on a
control port, so that what a control system reports can be compared with what really happened.

*Layers.* ``lamp``, ``segment``, ``controller``, ``cabinet``, ``modbus``, ``registers`` and
``faults`` are pure: the time is an argument. ``connection``, ``station``, ``control`` and
``process`` do the I/O.
"""
