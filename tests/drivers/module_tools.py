"""What the tests of serial modules share: their fixtures, and every way to cut a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures" / "modules"


def frames(name: str, group: str) -> dict[str, bytes]:
    held = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))[group]
    return {key: bytes.fromhex(text) for key, text in held.items()}


def cuts(stream: bytes) -> Iterator[list[bytes]]:
    """Whole, in two at every byte, and byte by byte."""
    yield [stream]
    yield [stream[at : at + 1] for at in range(len(stream))]
    for at in range(1, len(stream)):
        yield [stream[:at], stream[at:]]
