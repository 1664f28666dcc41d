"""Fuzz target for `identity`: whatever a scanner or a tag delivers, a value comes back and keeps its promises.

    python tests/fuzz/identity_fuzz.py [SECONDS] [SEED]       30 seconds from seed 0 unless told

Inputs are the vectors' own strings, cut, joined and flipped. A failure prints the seed and the input that makes it, and
ends with 1. With atheris installed, `--atheris` hands the same check to libFuzzer, with its own arguments behind it.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from identity import DocumentTemplate, InStoreTemplate, Kind, identify, identify_epc  # noqa: E402
from identity.check import gs1_valid  # noqa: E402
from identity.describe import describe  # noqa: E402
from identity.epc import EpcError, decode, encode, encode_tag_uri  # noqa: E402
from identity.values import INPUT_BYTES_MAX, Identity  # noqa: E402

VECTORS = ROOT / "tests/fixtures/gs1/vectors"
TEMPLATES = (InStoreTemplate("scale", ("2",), "IIIIIIKPPPPC"), DocumentTemplate("orders", "PO-"))
AIMS = (None, None, None, "]E0", "]E3", "]E4", "]I1", "]C0", "]C1", "]e0", "]d1", "]d2", "]Q1", "]Q3", "]J1", "E0", "]")
SNIPPETS = (b"\x1d", b"]C1", b"0", b"10", b"17", b"(", b"%", b"/01/", b"|]e0", b"\xea\xb0\x80")
# Kinds that say something certain, so that a caller may act on them.
CERTAIN = {Kind.TRADE_ITEM, Kind.LOGISTIC_UNIT, Kind.LOCATION, Kind.ASSET, Kind.DOCUMENT}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def corpus() -> list[bytes]:
    found: set[bytes] = set()
    for path in sorted(VECTORS.glob("*.json")):
        for text in texts(json.loads(path.read_text(encoding="utf-8"))["vectors"]):
            found.add(text.replace("^", "\x1d").encode())
    return sorted(found)


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(data) + 1)
        deed = chance.randrange(6)
        if deed == 0:
            del data[at : at + chance.randrange(1, 9)]
        elif deed == 1:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:at] = other[start : start + chance.randrange(1, 30)]
        elif deed == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif deed == 3:
            data[at:at] = chance.choice(
                [b"\x1d", b"]C1", b"0", b"10", b"17", b"(", b"%", b"/01/", b"|]e0", b"\xea\xb0\x80"]
            )
        elif deed == 4 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif deed == 5 and chance.random() < 0.02:
            data *= chance.randrange(1, 40)
    return bytes(data[: INPUT_BYTES_MAX + 3])


def check(data: bytes, aim: str | None = None) -> None:
    """Every promise that one input can break."""
    found = identify(data, aim=aim, templates=TEMPLATES)
    check_identity(found)
    if found.kind in CERTAIN and found.digital_link is not None:
        again = identify(found.digital_link)
        same = ("kind", "gtin", "serial", "lot", "expiry", "quantity", "weight_g", "sscc", "gln", "digital_link")
        for name in same:
            assert getattr(again, name) == getattr(found, name), f"its own link changes {name}"
    tag = identify_epc(data)
    check_identity(tag)
    if tag.tag_uri is not None:
        padded = encode_tag_uri(tag.tag_uri)
        assert data[: len(padded)] == padded[: len(data)], "a decoded code encodes to something else"
    check_identity(identify_epc(data.decode("latin-1")))


def check_identity(found: Identity) -> None:
    assert isinstance(found.kind, Kind)
    json.dumps(describe(found))
    if found.kind in {Kind.REFUSED, Kind.RAW, Kind.SUSPECT, Kind.AMBIGUOUS}:
        assert found.reason, "no reason"
        assert found.hint, "no hint"
    if found.kind in {Kind.REFUSED, Kind.RAW, Kind.AMBIGUOUS, Kind.CONTROL}:
        assert found.gtin is None, "a GTIN of something uncertain"
        assert found.sscc is None, "an SSCC of something uncertain"
    for key, digits in ((found.gtin, 14), (found.sscc, 18), (found.gln, 13)):
        assert key is None or (len(key) == digits and key.isascii() and key.isdigit() and gs1_valid(key)), key
    for date in (found.expiry, found.best_before):
        assert date is None or (len(date) == 10 and date[4] == date[7] == "-"), date


def check_codes(chance: random.Random) -> None:
    """Random memory under every header: what decodes must encode to the same bits."""
    header = chance.choice([0x2C, 0x2D, 0x2E, *range(0x30, 0x42), *range(0xE2, 0x100)])
    data = bytes([header]) + chance.randbytes(chance.choice([11, 11, 11, 13, 21, 25, 27]))
    try:
        epc = decode(data)
    except EpcError:
        return
    if epc.more:
        return
    digits = len(epc.company_prefix) if epc.company_prefix else None
    try:
        again = encode(
            epc.scheme, epc.elements, company_prefix_digits=digits, filter_value=epc.filter, hostname=epc.hostname
        )
    except EpcError as error:
        raise AssertionError(f"decodes to {epc} and does not encode: {error}") from error
    assert decode(again).elements == epc.elements


def run(seconds: float, seed: int) -> int:
    seeds = corpus()
    chance = random.Random(seed)
    until = monotonic() + seconds
    done = 0
    while monotonic() < until:
        for _ in range(200):
            data, aim = mutated(chance, seeds), chance.choice(AIMS)
            try:
                check(data, aim)
                check_codes(chance)
            except Exception as error:  # noqa: BLE001 - the point of a fuzzer: anything raised is a find
                sys.stdout.write(
                    f"seed {seed}, input {done}: aim {aim!r}, data {data!r}\n    {type(error).__name__}: {error}\n"
                )
                return 1
            done += 1
    sys.stdout.write(f"identity_fuzz: {done} inputs from seed {seed} in {seconds:g} s, no find\n")
    return 0


def run_atheris(arguments: list[str]) -> None:
    import atheris  # noqa: PLC0415 - only where somebody installed it

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments], check)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--atheris"]:
        run_atheris(sys.argv[2:])
    else:
        given = [float(argument) for argument in sys.argv[1:3]]
        sys.exit(run(given[0] if given else 30, int(given[1]) if len(given) > 1 else 0))
