"""LLRP: from bytes to tag reads, against sllurp doing the same frames in turn in the same run.

    python -m bench.llrp [ROUNDS]       9 rounds unless told

A report has 20 tags of EPC-96 with antenna, RSSI, first and last seen, count; the mixed stream has tags of many layouts
in one report, with EPCs of several lengths and Impinj's extensions. sllurp is GPL and a peer alone: `make peers` makes
its environment, a child process decodes there, and without it that line is left out and said.
"""

from __future__ import annotations

import platform
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

from bench.figures import in_turn, ratio, verdict
from drivers.llrp.elements import Bits, Element, element, encode
from drivers.llrp.frames import Decoder, Message
from drivers.llrp.reports import ReportReader
from drivers.reads import Arrival, TagRead

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-peers/bin/python"
REPORTS, TAGS = 50, 20
ARRIVED = Arrival(1_700_000_000_000_000, 1)
FIRST_US = 1_700_000_000_000_000
UNIFORM_RATIO_MIN, MIXED_RATIO_MIN = 8, 1.5


def usual(chance: random.Random) -> Element:
    return element(
        "TagReportData",
        {},
        element("EPC_96", {"EPC": chance.randbytes(12)}),
        element("AntennaID", {"AntennaID": chance.randrange(1, 5)}),
        element("PeakRSSI", {"PeakRSSI": -chance.randrange(30, 80)}),
        element("FirstSeenTimestampUTC", {"Microseconds": FIRST_US + chance.randrange(10**9)}),
        element("LastSeenTimestampUTC", {"Microseconds": FIRST_US + chance.randrange(10**9)}),
        element("TagSeenCount", {"TagCount": chance.randrange(1, 100)}),
    )


def odd(chance: random.Random) -> Element:
    """EPCs of 64, 96, 128 and 144 bits with three choices of options: up to a dozen layouts in one report."""
    size = chance.choice((8, 12, 16, 18))
    epc = element("EPC_96", {"EPC": chance.randbytes(12)})
    if size != 12:
        epc = element("EPCData", {"EPC": Bits(chance.randbytes(size), size * 8)})
    antenna, rssi, first, last, count = usual(chance).parameters[1:]
    channel = element("ChannelIndex", {"ChannelIndex": chance.randrange(1, 17)})
    fine = element("ImpinjPeakRSSI", {"RSSI": -chance.randrange(3_000, 8_000)})
    phase = element("ImpinjRFPhaseAngle", {"PhaseAngle": chance.randrange(4_096)})
    options = chance.choice(
        ((antenna, rssi, first, last, count), (antenna, rssi, channel, first), (antenna, fine, phase, last))
    )
    return element("TagReportData", {}, epc, *options)


def stream(tag: Callable[[random.Random], Element]) -> list[bytes]:
    """Frames; the same on both sides and in every run."""
    chance = random.Random(4)
    return [
        encode(element("RO_ACCESS_REPORT", {}, *(tag(chance) for _ in range(TAGS))), number)
        for number in range(REPORTS)
    ]


class Ours:
    def __init__(self, frames: Sequence[bytes]) -> None:
        self._frames = frames
        self._reader = ReportReader("dock")

    def once(self) -> Iterator[list[TagRead]]:
        decoder = Decoder()
        for frame in self._frames:
            for one in decoder.feed(frame):
                assert isinstance(one, Message)
                yield self._reader.read(one.body, ARRIVED).reads

    def rate(self, rounds: int = 100) -> float:
        """Tags a second."""
        began = perf_counter()
        for _ in range(rounds):
            for _ in self.once():
                pass
        return rounds * REPORTS * TAGS / (perf_counter() - began)


class Sllurp:
    """A child in the peers' environment."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._wire = b"".join(frames).hex()
        self._child = subprocess.Popen(
            [PEER, ROOT / "tests/peers/sllurp_rate.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, rounds: int) -> list[str]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(rounds, self._wire, file=self._child.stdin, flush=True)
        return self._child.stdout.readline().split()

    def rate(self) -> float:
        return float(self._ask(20)[0])

    def agrees(self, reads: Sequence[TagRead]) -> None:
        """Both sides must see the same tags, else their times compare nothing."""
        _, count, first = self._ask(1)
        shown = bytes.fromhex(first).decode()
        assert int(count) == len(reads), f"sllurp finds {count} tags of {len(reads)}"
        assert reads[0].epc.hex() in shown, shown

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(10)


def compare(name: str, frames: Sequence[bytes], rounds: int, ratio_min: float) -> bool:
    ours = Ours(frames)
    reads = [read for reads in ours.once() for read in reads]
    assert len(reads) == REPORTS * TAGS
    sides: dict[str, Callable[[], float]] = {"ours": ours.rate}
    peer = Sllurp(frames) if PEER.exists() else None
    if peer is not None:
        peer.agrees(reads)
        sides["sllurp"] = peer.rate
    figures = in_turn(rounds, **sides)
    print(f"{name:8} {statistics.median(figures['ours']):>12,.0f} tags/s")
    if peer is None:
        print(f"         sllurp is not installed (make peers): no ratio for {name} reports")
        return True
    peer.close()
    print(f"{'sllurp':8} {statistics.median(figures['sllurp']):>12,.0f} tags/s")
    factor = ratio(figures["ours"], figures["sllurp"])
    return verdict(f"{name} reports, bytes to reads, times sllurp", factor, ratio_min, at_least=True)


def main(rounds: int) -> int:
    print(f"Python {platform.python_version()}, {rounds} rounds, medians; {REPORTS} reports of {TAGS} tags\n")
    reached = compare("uniform", stream(usual), rounds, UNIFORM_RATIO_MIN)
    reached &= compare("mixed", stream(odd), rounds, MIXED_RATIO_MIN)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
