"""Fuzz target for `drivers.llrp`: whatever a reader sends, values come back, nothing is dropped, and nothing hangs.

    python tests/fuzz/llrp_fuzz.py [SECONDS] [SEED]       30 seconds from seed 0 unless told
    python tests/fuzz/llrp_fuzz.py --frames N [SEED]      so many mutated frames

Inputs are the captured frames, cut, joined and flipped, and fields of lengths set to values that hurt. A failure prints
the seed and the input that makes it, and ends with 1; so do inputs that take longer than SLOW_S.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.decode import llrp  # noqa: E402
from drivers.llrp.elements import count_unknown, decode, encode  # noqa: E402
from drivers.llrp.frames import HEADER_BYTES, Decoder, Message  # noqa: E402
from drivers.llrp.frames import encode as framed  # noqa: E402
from drivers.llrp.reports import LAYOUTS_MAX, ReportReader  # noqa: E402
from drivers.reads import Arrival  # noqa: E402
from tests.drivers.llrp_vectors import captures, messages  # noqa: E402

ARRIVED = Arrival(1_700_000_000_000_000, 1)
REPORT = 61
GOOD = bytes.fromhex("043e0000000a00000005")  # a KEEPALIVE
SLOW_S = 5.0
HURTING = (0, 1, 3, 4, 5, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x8000, 0xF0, 0xFF00, 1023)
FRAMES_A_LOOK = 64  # of the time


def corpus() -> list[bytes]:
    """Each frame once; long ones of one kind are thinned by being the same but for an EPC or a time."""
    found = {one.body[:40]: framed(one) for name in captures() for one in messages(captures()[name])}
    return sorted(found.values())


def mutated(chance: random.Random, seeds: list[bytes]) -> bytearray:
    """The length in the header is mended three times of four, so that what is inside is reached."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 5)):
        head = HEADER_BYTES if chance.random() < 0.95 and len(data) > HEADER_BYTES else 0
        at = chance.randrange(head, len(data) + 1)
        deed = chance.randrange(6)
        if deed == 0:
            del data[at : at + chance.randrange(1, 12)]
        elif deed == 1:
            other = chance.choice(seeds)
            start = chance.randrange(len(other))
            data[at:at] = other[start : start + chance.randrange(1, 60)]
        elif deed == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif deed == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif deed == 4:
            data[at : at + 2] = chance.choice(HURTING).to_bytes(2, "big")
        elif chance.random() < 0.02:
            data += data[HEADER_BYTES:] * chance.randrange(1, 20)
    if len(data) >= HEADER_BYTES and chance.random() < 0.75:
        data[0] &= 0x1F
        data[2:6] = len(data).to_bytes(4, "big")
    return data


def check(wire: bytes, cut: int, reader: ReportReader) -> None:
    """Every promise that one input can break."""
    decoder = Decoder()
    found = decoder.feed(wire[:cut]) + decoder.feed(wire[cut:])
    rest = decoder.cut("end")
    kept = sum(one.length if isinstance(one, Message) else len(one.raw) for one in (*found, *rest))
    assert kept == len(wire) or any(one.raw and len(one.raw) == 512 for one in rest), "bytes were dropped"
    for one in found:
        if isinstance(one, Message):
            check_message(one, reader)
        else:
            assert decoder.lost, "a header that cannot be true did not end the trust"
    shown = list(llrp([wire]))
    json.dumps(shown)
    assert sum("type" in one for one in shown) == sum(isinstance(one, Message) for one in found)


def check_message(one: Message, reader: ReportReader) -> None:
    element = decode(one)
    assert encode(element, one.id, one.version) == framed(one), "what was decoded encodes to something else"
    assert count_unknown(element) >= 0
    if one.type == REPORT:
        fast = reader.read(one.body, ARRIVED)
        assert fast == reader.read_by_elements(one.body, ARRIVED), "the fast way and the general one differ"
        assert reader.read(one.body, ARRIVED) == fast, "what was learned changes what is read"
        assert sum(map(len, reader._layouts.values())) <= LAYOUTS_MAX


def check_recovery(wire: bytes) -> None:
    """A good frame before bad bytes is there, and so it is on the next connection, whatever the last left behind."""
    for decoder in (Decoder(), Decoder()):
        good, *_ = decoder.feed(GOOD + wire)
        assert good == Message(1, 62, 5), "a good frame was lost"


def run(seconds: float, frames: int, seed: int) -> int:
    seeds, chance = corpus(), random.Random(seed)
    began = monotonic()
    done = reports = 0
    reader, looked = ReportReader("dock"), began
    while done < frames and (done % FRAMES_A_LOOK or monotonic() - began < seconds):
        wire = bytes(mutated(chance, seeds))
        try:
            check(wire, chance.randrange(len(wire) + 1), reader)
            check_recovery(wire)
        except Exception as error:  # noqa: BLE001 - the point of a fuzzer: anything raised is a find
            sys.stdout.write(f"seed {seed}, frame {done}: {wire.hex()}\n    {type(error).__name__}: {error}\n")
            return 1
        reports += wire[:2] == b"\x04\x3d"
        done += 1
        if done % FRAMES_A_LOOK == 0:
            now = monotonic()
            if now - looked > SLOW_S:
                sys.stdout.write(
                    f"seed {seed}, one of the {FRAMES_A_LOOK} frames before {done} took {now - looked:.1f} s\n"
                )
                return 1
            looked = now
            if chance.random() < 0.1:
                reader = ReportReader("dock")
    sys.stdout.write(
        f"llrp_fuzz: {done:,} frames ({reports:,} reports) of {len(seeds)} seeds from seed {seed} "
        f"in {monotonic() - began:.1f} s, no find\n"
    )
    return 0


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--frames"]:
        sys.exit(run(float("inf"), int(given[1]), int(given[2]) if len(given) > 2 else 0))
    sys.exit(run(float(given[0]) if given else 30, sys.maxsize, int(given[1]) if len(given) > 1 else 0))
