"""A small city and a cell without drivers or wire, to test starting, watching and stopping.

Loaded by the warden and by Ray's workers through the seams of ``WardenOptions``. The endpoints
are real TCP sockets, so that two incarnations cannot hold one port.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import ConfigError, StartError


def load(path: str) -> CitySpec:
    """Build the city that a JSON file describes."""
    about = json.loads(Path(path).read_text(encoding="utf-8"))
    if about.get("wrong"):
        raise ConfigError(str(about["wrong"]), where=path)
    zones, links, devices = [], [], []
    for z in range(about.get("zones", 2)):
        zones.append(ZoneSpec(f"zone-{z}"))
        for k in range(about.get("links", 3)):
            link = f"link-{z}-{k}"
            alone = about.get("alone") == link
            links.append(
                LinkSpec(
                    link,
                    "fake",
                    f"zone-{z}",
                    isolation="process" if alone else "shared",
                    node=about.get("nodes", {}).get(link, ""),
                )
            )
            devices += [
                DeviceSpec(f"lamp-{z}-{k}-{i}", "lamp", f"zone-{z}", link, index=i)
                for i in range(about.get("devices", 4))
            ]
    rows = {device.id: device for device in devices}
    for gone in about.get("remove", []):
        del rows[gone]
    for id, link in about.get("add", {}).items():
        rows[id] = DeviceSpec(id, "lamp", next(one.zone for one in links if one.id == link), link)
    for id, index in about.get("change", {}).items():
        rows[id] = replace(rows[id], index=index)
    devices = list(rows.values())
    lamp = TemplateSpec("lamp", "light", "fake", (PointSpec("level"), PointSpec("power")))
    return CitySpec(
        id=about["id"],
        name=about["id"],
        zones=tuple(zones),
        templates={"lamp": lamp},
        links=tuple(links),
        devices=tuple(devices),
        gateway=GatewaySpec(port=0, stream_port=0),
        tick_ms=about.get("tick_ms", 20),
        cells=about.get("cells", 2),
        source=path,
    )


class FakeCell:
    """Has the interface of ``CellHost``; writes what it is told into the city file's folder."""

    def __init__(self, config: CellConfig) -> None:
        self.config = config
        self.sockets: list[socket.socket] = []
        self.versions: list[int] = []

    def start(self) -> CellAddress:
        if os.environ.get("FAKE_CELL_FAILS") == self.config.name:
            raise StartError("this cell was told to fail", where=self.config.name)
        gateway = self.config.gateway if self.config.role == "gateway" else GatewaySpec(port=0)
        commands = self._listen(gateway.port)
        stream = self._listen(gateway.stream_port if self.config.role == "gateway" else 0)
        return CellAddress(
            self.config.name,
            self.config.role,
            self.config.epoch,
            commands,
            stream,
            os.getpid(),
            self.config.host,
        )

    def _listen(self, port: int) -> str:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((self.config.host, port))
        one.listen()
        self.sockets.append(one)
        return f"tcp://{self.config.host}:{one.getsockname()[1]}"

    def prepare(self) -> None:
        if os.environ.get("FAKE_STANDBY_FAILS"):
            raise StartError("this standby was told to fail", where=self.config.name)

    def adopt(self, config: CellConfig) -> CellAddress:
        self.config = config
        return self.start()

    def connect(self, directory: Directory) -> None:
        self.versions.append(directory.version)
        folder = os.environ.get("FAKE_CELL_DIARY")
        if folder:
            epochs = {name: cell.epoch for name, cell in directory.cells.items()}
            line = {"version": directory.version, "epochs": epochs, "homes": dict(directory.homes)}
            with open(Path(folder) / f"{self.config.name}.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def change(self, config: CellConfig) -> None:
        folder = Path(os.environ["FAKE_CELL_DIARY"])
        refusal = folder / f"refuse-{config.name}"
        death = folder / f"die-{config.name}"
        if death.exists():
            death.unlink()
            os._exit(1)
        line = {
            "epoch": config.epoch,
            "lamps": sorted(device.id for shard in config.shards for device in shard.devices),
            "refused": refusal.exists(),
        }
        with open(folder / f"{config.name}.changes", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if refusal.exists():
            refusal.unlink()
            raise ConfigError("this cell was told to refuse", where=config.name)
        assert config.epoch == self.config.epoch
        self.config = config

    def progress(self) -> dict[str, Any]:
        devices = sum(len(shard.devices) for shard in self.config.shards)
        return {"ready": bool(self.versions), "devices": devices, "detail": "fake"}

    def health(self) -> dict[str, Any]:
        return {"versions": len(self.versions), "nofile": _open_files()}

    def drain(self, grace_s: float) -> None:
        pass

    def stop(self, grace_s: float) -> None:
        for one in self.sockets:
            one.close()


def _open_files() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
