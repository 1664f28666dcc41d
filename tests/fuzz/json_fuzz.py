"""Fuzz target for readers that publish JSON: whatever they send, reads and reports come back, and the next tag is read.

    python tests/fuzz/json_fuzz.py [SECONDS] [SEED]       30 seconds from seed 0 unless told

Inputs are the fixtures' documents with bytes flipped, cut, joined and moved, and with fields of wrong types, in random
portions, with losses and time between them. A failure prints seed and input, and ends with 1.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from drivers.reader_json.session import ReaderJsonSession  # noqa: E402
from drivers.reader_json.settings import ReaderJsonSettings  # noqa: E402
from drivers.reads import Arrival, BadRead, Notice, Read, SensorRead, TagRead  # noqa: E402

FIXTURES = ROOT / "tests/fixtures/reader_json"
LINE_BYTES_MAX = 2048
NEXT = {
    "impinj": b'\n{"eventType":"tagInventory","tagInventoryEvent":{"epcHex":"c0ffee"}}\n',
    "zebra": b'\n{"type":"SIMPLE","data":{"idHex":"c0ffee"}}\n',
}
VALUES: list[Any] = [
    None, True, -1, 0, 1, 255, 2**31, 2**32, 2**63, 2**64, 1e308, -0.5, "", "x", "ab", "ikUCJA==", "9" * 5000,
    [], {}, [{}], [[]], {"idHex": "ab"}, "2000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+0000", "é",
]  # fmt: skip


def retyped(value: Any, chance: random.Random) -> Any:
    """The same shape, with some values of another kind."""
    if chance.random() < 0.08:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        return {name: retyped(one, chance) for name, one in value.items() if chance.random() > 0.05}
    return [retyped(one, chance) for one in value] if isinstance(value, list) else value


def garbled(line: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(line)
    for _ in range(chance.randrange(5)):
        at = chance.randrange(len(data) + 1)
        deed = chance.randrange(5)
        if deed == 0:
            del data[at : at + chance.randrange(1, 20)]
        elif deed == 1:
            data[at:at] = chance.choice(seeds)[: chance.randrange(1, 60)]
        elif deed == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif deed == 3:
            data[at:at] = chance.choice([b"\n", b"\r", b"[", b"{", b'"', b"\\u0000", b"\xff", b"[" * 2000])
        elif at < len(data):
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def stream(chance: random.Random, seeds: list[bytes]) -> bytes:
    lines: list[bytes] = []
    for _ in range(chance.randrange(1, 8)):
        line = chance.choice(seeds)
        if chance.random() < 0.7:
            line = json.dumps(retyped(json.loads(line), chance)).encode()
        if chance.random() < 0.4:
            line = garbled(line, chance, seeds)
        lines.append(b"[" + line + b"," + line + b"]" if chance.random() < 0.1 else line)
    return b"\n".join(lines)


def check(data: bytes, dialect: str, chance: random.Random) -> None:
    """Every promise that one stream can break."""
    settings = {"dialect": dialect, "host": "h", "topics": ["t"], "line_bytes_max": LINE_BYTES_MAX}
    session = ReaderJsonSession("fuzz", ReaderJsonSettings.model_validate(settings))
    now = Arrival(1_790_000_000_000_000, 0)
    session.open(now)
    at = 0
    while at < len(data):
        size = chance.randrange(1, 400)
        check_reads(session.receive(data[at : at + size], now), now)
        at += size
        passed_ms = chance.randrange(100_000)
        now = Arrival(now.wall_us + passed_ms * 1000, now.monotonic_ns + passed_ms * 1_000_000)
        if chance.random() < 0.05:
            check_reads(session.lost(now), now)
        check_reads(session.tick(now), now)
        session.next_deadline()
    reads = session.receive(NEXT[dialect], now)
    check_reads(reads, now)
    assert any(isinstance(read, TagRead) and read.epc == b"\xc0\xff\xee" for read in reads), "the next tag is not read"
    check_reads(session.close(now), now)
    assert len(session.ignored) <= 65
    assert all(len(told) < 1000 for told in session.facts.values())


def check_reads(reads: list[Read], now: Arrival) -> None:
    for read in reads:
        assert isinstance(read, TagRead | BadRead | Notice | SensorRead)
        assert read.arrived == now
        if isinstance(read, BadRead):
            assert len(read.raw) <= 512
            assert read.detail
        elif isinstance(read, Notice):
            assert read.message
            assert read.hint
        elif isinstance(read, TagRead):
            assert 1 <= len(read.epc) <= 62
            assert 0 <= read.antenna <= 255
            assert read.seen_us <= now.wall_us
            assert read.rssi_cdbm is None or -20_000 <= read.rssi_cdbm <= 10_000
            assert read.phase_mrad is None or 0 <= read.phase_mrad < 6284
            assert read.pc is None or 0 <= read.pc <= 0xFFFF


def run(seconds: float, seed: int) -> int:
    seeds = {name: (FIXTURES / f"{name}.jsonl").read_bytes().splitlines() for name in ("impinj", "zebra")}
    everything = seeds["impinj"] + seeds["zebra"]
    chance = random.Random(seed)
    until = monotonic() + seconds
    done = 0
    while monotonic() < until:
        for _ in range(100):
            dialect = chance.choice(["impinj", "zebra"])
            data = stream(chance, seeds[dialect] if chance.random() < 0.9 else everything)
            try:
                check(data, dialect, chance)
            except Exception as error:  # noqa: BLE001 - the point of a fuzzer: anything raised is a find
                sys.stdout.write(
                    f"seed {seed}, input {done}: {dialect} {data!r}\n    {type(error).__name__}: {error}\n"
                )
                return 1
            done += 1
    sys.stdout.write(f"json_fuzz: {done} streams from seed {seed} in {seconds:g} s, no find\n")
    return 0


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:3]]
    sys.exit(run(given[0] if given else 30, int(given[1]) if len(given) > 1 else 0))
