"""Captured LLRP by name, what the files beside them say of each frame, and the score of what was compared."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from drivers.llrp.definitions import MESSAGES
from drivers.llrp.frames import Decoder, Message, encode

FIXTURES = Path(__file__).parents[1] / "fixtures" / "llrp"
SCORES: dict[str, Counter[str]] = {}  # by origin; printed at the end of a run


def scored(origin: str, what: str, count: int = 1) -> None:
    SCORES.setdefault(origin.partition("/")[0], Counter())[what] += count


def loaded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text("utf-8"))


def told(name: str) -> list[Any]:
    """[message, id, children] of each frame by its XML. A child is [name, text, maybe bits] or [name, children]."""
    return [json.loads(line) for line in (FIXTURES / "told" / f"{name}.jsonl").read_text("utf-8").splitlines()]


def plain(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def captures() -> dict[str, bytes]:
    """Streams by name. Bodies that were kept without their header get one, by the name of their file."""
    numbers = {plain(one.name): number for number, one in MESSAGES.items()}
    found = {path.relative_to(FIXTURES).as_posix(): path.read_bytes() for path in sorted(FIXTURES.rglob("*.bin"))}
    for path in sorted((FIXTURES / "edgex").glob("*.bytes")):
        number = numbers[plain(path.name.partition("-")[0])]
        found[f"edgex/{path.name}"] = encode(Message(1, number, 7, path.read_bytes()))
    for path in sorted((FIXTURES / "conversations").glob("*.jsonl")):
        found[f"conversations/{path.name}"] = b"".join(
            bytes.fromhex(one["hex"]) for one in said_by_the_proxy(path.name)
        )
    found["golden"] = b"".join(map(bytes.fromhex, loaded("golden.json").values()))
    return found


def said_by_the_proxy(name: str) -> list[dict[str, Any]]:
    lines = (FIXTURES / "conversations" / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def messages(wire: bytes) -> list[Message]:
    decoder = Decoder()
    found = [one for one in decoder.feed(wire) if isinstance(one, Message)]
    assert not decoder.partial
    assert not decoder.lost
    return found
