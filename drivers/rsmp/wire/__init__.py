"""RSMP on the wire: packets, messages, versions and the signal exchange list. No I/O, no clock."""
