"""Actors: one mailbox, one message at a time, timers and state of their own."""

from __future__ import annotations

from jacquemart.runtime.actor.base import Actor, command
from jacquemart.runtime.actor.declare import Argument, Point
from jacquemart.runtime.actor.device import Aggregate, DeviceActor, DeviceShard
from jacquemart.runtime.actor.ticket import Ticket

__all__ = [
    "Actor",
    "Aggregate",
    "Argument",
    "DeviceActor",
    "DeviceShard",
    "Point",
    "Ticket",
    "command",
]
