"""Days of a store by seed, on all cores: what was in them, and for one that fails the command that plays it again.

    python -m tests.world.explore --seeds 1-10000 [--jobs 2] [--keep-going] [--lying]

Every seed is a whole store-day. Every twentieth is played once more with a disk that gives up what it had confirmed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.world.day import Totals, play

LIE_ONE_IN = 20
REPORT_S = 30.0
CHUNK = 4


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Played(NamedTuple):
    seed: int
    lying: bool
    totals: Totals | None
    digest: str
    failure: str


def played(what: tuple[int, bool]) -> Played:
    seed, lying = what
    try:
        totals, digest = play(seed, lying=lying)
    except Exception:  # noqa: BLE001  whatever broke is what is looked for
        return Played(seed, lying, None, "", traceback.format_exc(limit=-8))
    return Played(seed, lying, totals, digest, "")


def days(seeds: Sequence[int], jobs: int) -> Iterator[Played]:
    """In the order of the seeds, if there is one job."""
    wanted = [(seed, lying) for seed in seeds for lying in (False, True) if not lying or seed % LIE_ONE_IN == 0]
    if jobs <= 1:
        yield from map(played, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=500) as pool:
        yield from pool.imap_unordered(played, wanted, CHUNK)


def report(totals: Totals, lies: Totals, wall_s: float) -> str:
    told = f"{totals.events} events, {totals.confirmed} confirmed to people"
    lines = [
        f"{totals.days} store-days: {told}, {totals.sim_s / 3600:.1f} simulated hours, {totals.steps} steps",
        f"{totals.days * 60 / max(wall_s, 0.001):.0f} days a minute",
    ]
    lines += [
        f"  {name:40} {count:10}"
        for name, count in sorted(totals.counts.items(), key=lambda one: (one[0][0] == "·", one[0]))
    ]
    found = sum(count for name, count in lies.counts.items() if name.startswith("· lies"))
    lines += [f"{found} more days whose disk gave up what it had confirmed:"]
    lines += [f"  {name:40} {count:10}" for name, count in lies.counts.items() if name.startswith("· lies")]
    return "\n".join(lines)


def explore(seeds: Sequence[int], jobs: int, *, keep_going: bool) -> int:
    totals, lies, failed = Totals(), Totals(), 0
    begun_s = said_s = time.monotonic()
    for one in days(seeds, jobs):
        if one.totals is None:
            failed += 1
            again = f"python -m tests.world.explore --seeds {one.seed}" + (" --lying" if one.lying else "")
            say(f"{one.failure}\nFAILED. Again: {again}")
            if not keep_going:
                break
            continue
        (lies if one.lying else totals).add(one.totals)
        if time.monotonic() - said_s > REPORT_S:
            said_s = time.monotonic()
            rate = totals.days * 60 / (said_s - begun_s)
            say(f"{totals.days} days, {totals.events} events, {failed} failed, {rate:.0f} a minute")
    say(report(totals, lies, time.monotonic() - begun_s))
    say(f"lost 0, doubled 0, {failed} failed" if not failed else f"{failed} FAILED")
    return 1 if failed else 0


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Store-days under faults, by seed.")
    parser.add_argument("--seeds", type=_seeds, default=range(1, 101), help="as 1-10000, or one")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lying", action="store_true", help="one seed's day with the lying disk")
    parser.add_argument("--keep-going", action="store_true", help="count failures, and go on")
    asked = parser.parse_args()
    if asked.lying:
        one = played((asked.seeds[0], True))
        say(one.failure or f"{one.totals}\n{one.digest}")
        return 1 if one.failure else 0
    if len(asked.seeds) == 1:
        one = played((asked.seeds[0], False))
        say(one.failure or f"{report(one.totals or Totals(), Totals(), 0)}\ntrace {one.digest}")
        return 1 if one.failure else 0
    return explore(asked.seeds, asked.jobs, keep_going=asked.keep_going)


if __name__ == "__main__":
    sys.exit(main())
