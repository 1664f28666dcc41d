"""Cuts of the power, one scenario a seed, until there were enough of them.

    PYTHONHASHSEED=0 python -m tests.power.cuts [--cuts 500] [--first 1] [--synchronous NORMAL]
    PYTHONHASHSEED=0 python -m tests.power.cuts --seed 17            one scenario again

Prints totals, and for each seed that broke a promise how to replay it; ends with 1 if there was one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.power.lives import Broken, explore

# Sets of strings decide the order in which rows are written: another order is another scenario.
ORDERED = {"PYTHONHASHSEED": "0"}


def run(seeds: list[int], cuts_min: int, synchronous: str | None) -> Counter[str]:
    """From the first seed on until there were `cuts_min` cuts and kills; one that broke counts as `broken: KIND`."""
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as work:
        for seed in seeds:
            totals["scenarios"] += 1
            try:
                explore(seed, Path(work), totals, synchronous)
            except Broken as broken:
                totals[f"broken: {broken.kind}"] += 1
                how = f" --synchronous {synchronous}" if synchronous else ""
                say(f"seed {seed}: {broken}")
                say(f"    replay: PYTHONHASHSEED=0 python -m tests.power.cuts --seed {seed}{how}")
            if totals["cuts"] >= cuts_min:
                break
    return totals


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    if any(os.environ.get(name) != value for name, value in ORDERED.items()):
        sys.exit("PYTHONHASHSEED=0 must be set, or no seed gives the same scenario again")
    options = argparse.ArgumentParser(prog="python -m tests.power.cuts")
    options.add_argument("--cuts", type=int, default=500)
    options.add_argument("--first", type=int, default=1)
    options.add_argument("--seed", type=int)
    options.add_argument("--synchronous", choices=["NORMAL", "OFF"])
    given = options.parse_args()
    first = given.first if given.seed is None else given.seed
    scenarios = given.cuts if given.seed is None else 1  # a scenario that breaks may have had no cut
    totals = run(list(range(first, first + scenarios)), given.cuts, given.synchronous)
    say(json.dumps(dict(sorted(totals.items()))))
    return int(any(name.startswith("broken") for name in totals))


if __name__ == "__main__":
    sys.exit(main())
