"""Shards that were built before anybody needed them: what a standby has ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.directory import CellConfig, ShardSpec


class WarmShards:
    """Tables, actors, drivers and plans of shards; no link is open, and no actor has started."""

    def __init__(self) -> None:
        """Have none."""
        self._shards: dict[str, Shard] = {}

    def build(
        self, config: CellConfig, kinds: Mapping[str, Any], drivers: Mapping[str, Any], host: Any
    ) -> None:
        """Build all shards of a config."""
        for spec in config.shards:
            self._shards[spec.id] = Shard(spec, config.templates, kinds, drivers, host)

    def take(
        self,
        specs: Iterable[ShardSpec],
        templates: Mapping[str, TemplateSpec],
        kinds: Mapping[str, Any],
        drivers: Mapping[str, Any],
        host: Any,
    ) -> list[Shard]:
        """Return these shards, as built or built now, and forget all others."""
        built, self._shards = self._shards, {}
        found: list[Shard] = []
        for spec in specs:
            shard = built.get(spec.id)
            if shard is None or shard.spec != spec or shard.layout.templates != templates:
                shard = Shard(spec, templates, kinds, drivers, host)
            found.append(shard)
        return found
