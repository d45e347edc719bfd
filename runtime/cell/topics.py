"""The names of streams; see docs/protocol.md."""

from __future__ import annotations


def readings_topic(shard: str) -> str:
    """Return the topic of a shard's readings."""
    return f"r/{shard}/"


def facts_topic(shard: str) -> str:
    """Return the topic of a shard's events, which its zone supervisor reads."""
    return f"f/{shard}/"


def layout_topic(shard: str) -> str:
    """Return the topic whose number tells which layout a shard has; it has heartbeats only."""
    return f"l/{shard}/"


def topics_of(shard: str) -> tuple[str, str, str]:
    """Return the topics of a shard."""
    return readings_topic(shard), facts_topic(shard), layout_topic(shard)
