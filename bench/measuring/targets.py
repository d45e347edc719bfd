"""What each bench of the data plane has to reach, by the keys of its figures."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """One key: what it means, and its limit."""

    key: str
    about: str
    most: float | None = None
    """It is to be at most this …"""
    least: float | None = None
    """… or at least this; neither: it is told."""

    def text(self) -> str:
        """Return the limit for people."""
        if self.most is not None:
            return f"{self.most:,g} or less" if self.most else "0"
        return f"{self.least:,g} or more" if self.least is not None else ""

    def met(self, value: float) -> bool | None:
        """Return whether a value reaches it; None: there is nothing to reach."""
        if self.most is not None:
            return value <= self.most
        return value >= self.least if self.least is not None else None


TARGETS: dict[str, tuple[Target, ...]] = {
    "commands": (
        Target("direct_p50_ratio", "volatile, cell to cell, plain handler, over raw", 1.4),
        Target("async_p50_ratio", "the same with an async handler"),
        Target("zone_p50_ratio", "from a zone supervisor"),
        Target("gateway_p50_ratio", "from a client, through the gateway", 3.0),
        Target("journalled_p50_ratio", "journalled, cell to cell"),
        Target("gateway_journalled_p50_ratio", "journalled, through the gateway"),
        Target("loaded_p50_ratio", "direct, at 50,000 readings a second", 2.0),
        Target("loaded_p99_over_raw_p50", "the same, its p99 over the raw p50", 10.0),
        Target("pipelined_per_s", "direct, 256 on their way, a second", least=400_000),
        Target("pipelined_async_per_s", "the same with an async handler", least=150_000),
    ),
    "telemetry": (
        Target("single_fraction_of_raw", "readings, one a message, over raw", least=0.5),
        Target("batch_fraction_of_raw", "in batches, applied with rollups, over raw", least=0.5),
        Target("single_per_s", "readings a second, one a message"),
        Target("batch_per_s", "in batches"),
        Target("batch_consumer_cpu_s_per_million", "processor s of the consumer", 0.06),
        Target("end_to_end_per_s", "driver, cell, zone, centre, subscriber", least=3_000_000),
        Target("publish_columns_per_s", "published by a Python driver in columns", least=1_000_000),
        Target("publish_single_per_s", "singly", least=400_000),
        Target("lost", "readings lost", 0.0),
    ),
    "actors": (
        Target("bytes_per_actor", "a device actor with four points", 1_000.0),
        Target("create_100k_s", "creation of 100,000, in s", 0.25),
    ),
    "bulk": (Target("bulk_100k_s", "one command to 100,000 devices, with outcomes, in s", 0.15),),
    "modbus": (
        Target("cpu_ratio_pymodbus", "processor time a transaction over bare pymodbus", 1.2),
        Target("transactions_per_s", "transactions a second"),
    ),
    "startup": (
        Target("ready_1x_s", "the example city, ready, in s"),
        Target("ready_10x_s", "ten times of it", 45.0),
        Target("cells_pss_mb_1x", "memory of all cells, in MB"),
        Target("cells_pss_mb_10x", "ten times of it", 2_500.0),
    ),
}
