"""Typed stub of the native batch; users take it from ``frames``."""

from typing import final

@final
class Batch:
    """Changed points of one shard: parallel columns, little-endian, readable in place.

    The columns are read-only memoryviews into the frame (kept alive by them):
    slots u32, values f64, qualities u8, source_ns i64, receive_ns i64 (both wall clock).
    """

    @property
    def topic(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def slots(self) -> memoryview: ...
    @property
    def values(self) -> memoryview: ...
    @property
    def qualities(self) -> memoryview: ...
    @property
    def source_ns(self) -> memoryview: ...
    @property
    def receive_ns(self) -> memoryview: ...
