"""Identity: tags at first sight against epcpy, repeated tags, barcodes against bare biip.

    python bench/identity.py [ROUNDS]       9 rounds unless told

Both sides do the same strings in turn in the same run; ratios are medians of the rounds, absolute figures are for the
record. epcpy is a peer for this bench only (pip install epcpy==0.1.8); without it that line is left out and said.
"""

from __future__ import annotations

import platform
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
# In front of this folder, where this very file is called identity too.
sys.path.insert(0, str(ROOT))

import biip  # noqa: E402
from figures import in_turn, ratio, verdict  # noqa: E402

from identity import identify, identify_epc  # noqa: E402
from identity.check import gs1_digit  # noqa: E402
from identity.epc import decode, encode  # noqa: E402
from identity.tags import forget  # noqa: E402

try:
    from epcpy import hex_to_tag_encodable
except ImportError:
    hex_to_tag_encodable = None

TAGS = 2_000
REPEATED_TAGS = 300
REPEATS = 200_000
BARCODES = 1_500
FIRST_SIGHT_RATIO_MIN = 3
REPEATED_PER_S_MIN = 1_000_000
BARCODE_RATIO_MIN = 0.5


def gtin(chance: random.Random) -> str:
    payload = f"0880{chance.randrange(10**9):09}"
    return payload + gs1_digit(payload)


def tags(chance: random.Random) -> list[str]:
    """What a store reads: mostly items, some cases and places."""
    found: list[str] = []
    for number in range(TAGS):
        if number % 10:
            elements = {"01": gtin(chance), "21": str(chance.randrange(1 << 38))}
            scheme = "sgtin-96"
        else:
            payload = f"3880{chance.randrange(10**13):013}"
            elements, scheme = {"00": payload + gs1_digit(payload)}, "sscc-96"
        found.append(encode(scheme, elements, company_prefix_digits=7, filter_value=1).hex().upper())
    return found


def barcodes(chance: random.Random) -> dict[str, list[str]]:
    """The same strings for both sides, by kind."""
    found: dict[str, list[str]] = {"EAN-13": [], "element string": [], "Digital Link": []}
    for _ in range(BARCODES):
        code, lot, serial = gtin(chance), f"L{chance.randrange(10**6)}", f"S{chance.randrange(10**9)}"
        found["EAN-13"].append("]E0" + code[1:])
        found["element string"].append(f"]C101{code}1727013110{lot}\x1d21{serial}")
        found["Digital Link"].append(f"https://id.gs1.org/01/{code}/10/{lot}/21/{serial}?17=270131")
    return found


def rate(call: Callable[[str], object], inputs: Sequence[str]) -> float:
    """Calls per second."""
    began = perf_counter()
    for one in inputs:
        call(one)
    return len(inputs) / (perf_counter() - began)


def first_sight(inputs: Sequence[str]) -> float:
    forget()
    return rate(identify_epc, inputs)


def peer_first_sight(text: str) -> str:
    """The peer's way to the same answer: element string, pure identity and tag URI."""
    assert hex_to_tag_encodable is not None
    tag = hex_to_tag_encodable(text)
    return str(tag.gs1_element_string()) + tag.epc_uri + str(tag.tag_uri)


def row(name: str, ours: Sequence[float], theirs: Sequence[float] | None, peer: str) -> None:
    left = f"{statistics.median(ours):>12,.0f}/s"
    right = "" if theirs is None else f"{statistics.median(theirs):>12,.0f}/s {peer:6} ratio {ratio(ours, theirs):6.2f}"
    print(f"{name:26} {left}  {right}")


def agreement(inputs: Sequence[str]) -> None:
    """Both sides must name the same thing, else their times compare nothing."""
    assert hex_to_tag_encodable is not None
    for text in inputs[:200]:
        assert hex_to_tag_encodable(text).epc_uri == identify_epc(text).epc_uri, text


def main(rounds: int) -> int:
    chance = random.Random(3)
    seen, texts = tags(chance), barcodes(chance)
    repeated = (seen[:REPEATED_TAGS] * (REPEATS // REPEATED_TAGS + 1))[:REPEATS]
    binary = [bytes.fromhex(text) for text in seen]
    print(f"Python {platform.python_version()}, {rounds} rounds, medians; {TAGS} tags, {BARCODES} barcodes of a kind\n")
    reached = True
    sides: dict[str, Callable[[], float]] = {
        "identify": lambda: first_sight(seen),
        "decode": lambda: rate(decode, binary),  # type: ignore[arg-type]
    }
    if hex_to_tag_encodable is not None:
        agreement(seen)
        sides["epcpy"] = lambda: rate(peer_first_sight, seen)
    figures = in_turn(rounds, **sides)
    row("tags, decoded", figures["decode"], figures.get("epcpy"), "epcpy")
    row("tags, identified", figures["identify"], figures.get("epcpy"), "epcpy")
    if hex_to_tag_encodable is None:
        print("epcpy is not installed: no ratio for tags")
    else:
        # Like for like: element string, pure identity and tag URI. To identify is to judge the key and make a link too.
        factor = ratio(figures["decode"], figures["epcpy"])
        reached &= verdict("tags at first sight, times epcpy", factor, FIRST_SIGHT_RATIO_MIN, at_least=True)
    again = in_turn(rounds, cached=lambda: rate(identify_epc, repeated))["cached"]
    row("tags, repeated", again, None, "")
    reached &= verdict("repeated tags a second", statistics.median(again), REPEATED_PER_S_MIN, at_least=True)
    for kind, strings in texts.items():
        found = in_turn(rounds, ours=lambda s=strings: rate(identify, s), biip=lambda s=strings: rate(biip.parse, s))
        row(kind, found["ours"], found["biip"], "biip")
        factor = ratio(found["ours"], found["biip"])
        reached &= verdict(f"{kind}, times bare biip", factor, BARCODE_RATIO_MIN, at_least=True)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
