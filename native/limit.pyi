"""Typed stub of the raw limit; for benches."""

from array import array

import zmq

def echo(socket: zmq.Socket[bytes], count: int) -> None:
    """Send back ``count`` messages of a ROUTER (identity, token, frame), then return."""

def round_trips(socket: zmq.Socket[bytes], frame: bytes, count: int) -> array[int]:
    """Send ``frame`` with a token and wait for it to come back, ``count`` times; ns of each."""

def pipelined(socket: zmq.Socket[bytes], frame: bytes, count: int, window: int) -> int:
    """Send ``count`` frames, at most ``window`` without an answer; return ns for all of them."""

def push(
    socket: zmq.Socket[bytes], readings: bytes, rows: int, count: int, topic: bytes = b""
) -> None:
    """Send ``count`` messages of ``rows`` readings each, taken from ``readings`` round and round.

    A reading is a record of 24 bytes: slot and zone (u32), value (f64), time (i64). With a
    ``topic``, that is a part before each.
    """

def pull(socket: zmq.Socket[bytes], slots: int, zones: int, count: int) -> tuple[int, array[float]]:
    """Take ``count`` such messages into last values and sums of zones.

    Return how many readings were stored, and the sums.
    """
