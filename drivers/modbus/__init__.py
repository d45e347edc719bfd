"""Modbus TCP: coils, discrete inputs, input and holding registers, on pymodbus."""

from __future__ import annotations

from jacquemart.drivers.modbus.driver import ModbusDriver

__all__ = ["ModbusDriver"]
