"""Fuzz target for the serial modules: whatever a line delivers, codec and session go on, and the next frame is found.

    python tests/fuzz/modules_fuzz.py [FRAMES] [SEED]       100,000 frames from seed 0 unless told

Inputs are the fixtures' own frames, cut, joined and flipped. A failure prints the seed and the input that makes it, and
ends with 1.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from drivers.errors import DeviceError  # noqa: E402
from drivers.modules.base import ModuleSession  # noqa: E402
from drivers.modules.framing import FrameDecoder, Malformed  # noqa: E402
from drivers.r200 import frames as r200  # noqa: E402
from drivers.r200.session import R200Session  # noqa: E402
from drivers.r200.settings import R200Settings  # noqa: E402
from drivers.reads import Arrival, BadRead, TagRead  # noqa: E402
from drivers.thingmagic import frames as thingmagic  # noqa: E402
from drivers.thingmagic.session import ThingmagicSession  # noqa: E402
from drivers.thingmagic.settings import ThingmagicSettings  # noqa: E402
from tests.drivers.module_tools import frames  # noqa: E402

THINGMAGIC = sorted(frames("thingmagic", "responses").values())
R200 = sorted(frames("r200", "aa_dd").values())
RECORD, TAG = frames("thingmagic", "responses")["tag_record"], frames("r200", "aa_dd")["tag"]
STEP_MS = 50


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        deed = chance.randrange(5)
        if deed == 0:
            del data[at : at + chance.randrange(1, 9)]
        elif deed == 1:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:at] = other[start : start + chance.randrange(1, 30)]
        elif deed == 2:
            data[at:at] = chance.choice([b"\xff", b"\xaa", b"\xaa\x02\x22", b"\xff\x28\x22", b"\xff\xfa", b"\xdd"])
        elif at < len(data):
            data[at] = chance.randrange(256) if deed == 3 else data[at] ^ 1 << chance.randrange(8)
    return bytes(data)


def check_codec(data: bytes, make: Callable[[], FrameDecoder[Any]], good: bytes, chance: random.Random) -> None:
    """Pieces do not matter, what is told adds up, and good frames behind are found."""
    decoder, found, at = make(), list[Any](), 0
    while at < len(data):
        size = chance.randrange(1, 20)
        found += decoder.feed(data[at : at + size])
        at += size
    found += decoder.cut("end")
    whole = make()
    same = [*whole.feed(data), *whole.cut("end")]
    assert sound(found) == sound(same), "pieces matter"
    assert not decoder.partial
    assert sum(len(one.raw) for one in found if isinstance(one, Malformed)) <= len(data), "told more than came"
    assert sound(decoder.feed(good + good)) == 2 * sound(make().feed(good)), "framing is lost"
    behind = make()
    told = sound([*behind.feed(data + good + good), *behind.cut("end")])
    assert told[-1:] == sound(make().feed(good)), "noise costs the frame behind it"


def sound(found: list[Any]) -> list[Any]:
    return [one for one in found if not isinstance(one, Malformed)]


class Line:
    """A session that reads, its clock, and what it reported."""

    def __init__(self, session: ModuleSession[Any], good: bytes) -> None:
        self.session, self.good = session, good
        self.ms = 0
        session._ready, session._settling = True, False
        session._script = session._ask = None
        session._begun()

    @property
    def now(self) -> Arrival:
        return Arrival(1_700_000_000_000_000 + 1000 * self.ms, 1_000_000 * self.ms)

    def check(self, data: bytes) -> None:
        self.ms += STEP_MS
        reads = self.session.receive(data, self.now)
        self.ms += 250  # beyond the longest wait for a byte
        reads += self.session.tick(self.now)
        assert len([read for read in reads if isinstance(read, BadRead)]) <= 2, "a flood"
        self.ms += STEP_MS
        last = self.session.receive(self.good, self.now)
        assert [type(read) for read in last if isinstance(read, TagRead)] == [TagRead], "the next tag is not read"
        self.session.take_output()


def lines() -> list[Line]:
    both = {"path": "x", "region": "kr", "silence_s": 86_400}
    return [
        Line(ThingmagicSession("t", ThingmagicSettings.model_validate(both)), RECORD),
        Line(R200Session("r", R200Settings.model_validate(both)), TAG),
    ]


def run(count: int, seed: int) -> int:
    chance, begun = random.Random(seed), monotonic()
    table = [(THINGMAGIC, thingmagic.response_decoder, RECORD), (R200, r200.decoder, TAG)]
    held = lines()
    for number in range(count):
        which = number % 2
        seeds, make, good = table[which]
        data = mutated(chance, seeds)
        try:
            check_codec(data, make, good, chance)
            held[which].check(data)
        except DeviceError:
            held[which] = lines()[which]  # a frame that happens to say so, such as "restarted"
        except Exception as error:  # noqa: BLE001 - whatever it is, the input that makes it is what counts
            sys.stdout.write(f"seed {seed}, input {number}: {data.hex()}\n{type(error).__name__}: {error}\n")
            return 1
    seconds = monotonic() - begun
    sys.stdout.write(f"{count} mutated frames of serial modules in {seconds:.0f} s from seed {seed}: no failure\n")
    return 0


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    sys.exit(run(*(arguments + [100_000, 0][len(arguments) :])))
