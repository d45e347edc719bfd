"""The examples of the protocol's page are what the code writes and reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jacquemart.native import frames

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMAND = frames.Command(
    bytes(range(16)), "ann", "lamp-1", "set", "level", 80.0, "%", 8, 10**12, 3
)  # fmt: skip
REPEAT = COMMAND.with_route("ann", 3, 990 * 10**9)
ONE = (1).to_bytes(8, "little")
BATCH = frames.encode_batch(
    "r/a/1/", 1, 2, (7).to_bytes(4, "little"), bytes.fromhex("000000000000e03f"), b"\0", ONE, ONE
)


@pytest.mark.parametrize(
    ("frame", "again"),
    [
        (frames.encode_command(COMMAND), frames.decode_command),
        (frames.encode_command(REPEAT), frames.decode_command),
        (BATCH, frames.decode_batch),
        (frames.encode_heartbeat(frames.Heartbeat("r/a/1/", 1, 2, 5)), frames.decode_heartbeat),
    ],
)
def test_an_example_stands_in_the_documentation_byte_for_byte(
    frame: bytes, again: Callable[[bytes], object]
) -> None:
    text = " ".join(page.read_text(encoding="utf-8") for page in DOCS.glob("protocol*.md"))
    runs = re.findall(r"(?:\b[0-9a-f]{2}\s+){9,}[0-9a-f]{2}\b", text)
    examples = [bytes.fromhex(run) for run in runs]
    assert frame in examples
    assert again(frame)


def test_every_code_of_a_refusal_is_documented() -> None:
    text = " ".join(page.read_text(encoding="utf-8") for page in DOCS.glob("protocol*.md"))
    codes = re.findall(r'"(\w+)"', frames.MalformedFrame.__doc__ or "")
    assert len(codes) == 9
    assert [code for code in codes if f"`{code}`" not in text] == []
