"""The bench of the start: whose processor time is told, and of which stage."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def startup(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The bench as a module; nothing of it stays importable."""
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("bench_startup", BENCH / "startup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in set(sys.modules) - before:
        if name in ("city", "measure", "field_process", "generate") or name.startswith("parts"):
            del sys.modules[name]


def test_time_is_told_by_stage_and_process_and_nothing_twice(
    startup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([{1: 1.0}, {1: 1.5, 2: 4.0}, {1: 1.5, 2: 5.0, 3: 0.5}, {2: 7.0, 3: 0.5}])
    spent = startup.Spent()
    monkeypatch.setattr(spent, "_times", lambda: next(times))
    spent.hear({"event": "progress", "stage": "placed"})
    spent.hear({"event": "progress", "stage": "links"})  # ends no stage
    spent.hear({"event": "progress", "stage": "cells"})
    spent.hear({"event": "ready"})
    spent.mark("links")  # the same once more, later
    assert spent.by_process({1: "warden", 2: "device-1"}) == {
        "warden": {"load": 1.0, "cells": 0.5, "links": 0.0},
        "device-1": {"load": 0.0, "cells": 4.0, "links": 3.0},
        "others": {"load": 0.0, "cells": 0.0, "links": 0.5},
    }


def test_a_real_child_is_heard(startup: ModuleType) -> None:
    import subprocess

    code = "import time\nwhile time.process_time() < 0.05: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        spent = startup.Spent()
        spent.mark("load")
        child.communicate(b"\n")
    assert spent.by_process({child.pid: "child"})["child"]["load"] >= 0.04
