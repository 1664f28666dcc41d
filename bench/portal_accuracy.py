"""Accuracy of the portal's engine: the real dock door and each simulated scene, raw counts beside every share.

    python -m bench.portal_accuracy [--seeds 101 501-510] [--scene NAME ...]

`right`, `wrong`, `uncertain` and `missed` are of the crossings of tags that were read at all within five seconds of the
crossing; `static` of the tags on the shelves, `idle` of those that moved without crossing: how many got a passage.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

from agent.capture.portal import Settings
from bench.portal_baselines import shares
from bench.portal_score import Crossing, Reads, Score, run, score
from simulators.portal import Recording, record
from simulators.portal_scene import builtin, load

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "portal" / "emse-dockdoor"
DOCK = Settings(("A", "B"), {1: "B", 2: "B", 3: "A", 4: "A"})


def real(name: str) -> tuple[Reads, list[Crossing], list[str]]:
    """Reads, crossings of the moving tags, and the static tags of `keepout2m` or `keepout4m`."""
    with gzip.open(FIXTURES / f"reads_{name}.csv.gz", "rt", encoding="utf-8") as lines:
        reads = [
            (float(row["t"]), row["epc"], int(row["antenna"]), float(row["rssi_dbm"])) for row in csv.DictReader(lines)
        ]
    with (FIXTURES / f"tags_{name}.csv").open(encoding="utf-8") as lines:
        tags = {row["epc"]: row["truth"] for row in csv.DictReader(lines)}
    with (FIXTURES / f"passes_{name}.csv").open(encoding="utf-8") as lines:
        passes = [(float(row["t_cross"]), row["direction"]) for row in csv.DictReader(lines)]
    moving = [epc for epc, kind in tags.items() if kind == "moving"]
    truth = [Crossing(epc, t_s, direction) for epc in moving for t_s, direction in passes]
    return reads, truth, [epc for epc, kind in tags.items() if kind == "static"]


def of_real(name: str, settings: Settings = DOCK) -> Score:
    reads, truth, static = real(name)
    return score(run(reads, settings), truth, static, reads, frozenset(static))


def settings_of(recording: Recording) -> Settings:
    return Settings(("A", "B"), {antenna.port: antenna.zone for antenna in recording.scene.antennas})


def of_recording(recording: Recording, settings: Settings | None = None) -> Score:
    reads = [(one.t_s, one.epc, one.antenna, one.rssi_dbm) for one in recording.reads]
    truth: list[Crossing] = []
    idle: list[str] = []
    shelf: list[str] = []
    for line in recording.truth:
        epc, t_s = str(line["epc"]), line.get("t_cross_s")
        if isinstance(t_s, float):
            truth.append(Crossing(epc, t_s, f"{line['from']}>{line['to']}"))
        else:
            idle.append(epc)
        if line.get("none") == "static":
            shelf.append(epc)
    return score(run(reads, settings or settings_of(recording)), truth, idle, reads, frozenset(shelf))


def added(scores: list[Score]) -> Score:
    return Score(*(sum(column) for column in zip(*scores, strict=True)))


HEAD = f"{'scene':14} {'crossings':>9} {'right':>14} {'wrong':>13} {'uncertain':>15} {'missed':>7} {'unread':>7}"


def line(name: str, found: Score) -> str:
    def share(count: int, of: int) -> str:
        return f"{count} {100 * count / of:6.2f} %" if of else "-"

    return (
        f"{name:14} {found.crossings:9} {share(found.right, found.crossings):>14} "
        f"{share(found.wrong, found.crossings):>13} {share(found.uncertain, found.crossings):>15} {found.missed:7} "
        f"{found.unread:7}  false: static {found.false_tags} of {found.idle}, idle {found.group_false} of "
        f"{found.idle_moving}, events {found.false_events}; precision {100 * found.precision:.2f} %"
    )


def seeds_of(text: str) -> range:
    """`501` or `501-510`. Raises ValueError."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=seeds_of, nargs="+", default=[range(101, 103)])
    parser.add_argument("--scene", nargs="+", default=sorted(builtin()))
    arguments = parser.parse_args()
    print(HEAD)
    for name in ("keepout2m", "keepout4m"):
        print(line(name, of_real(name)), flush=True)
        print("\n".join(shares(*real(name), DOCK.zone_of)), flush=True)
    seeds = [seed for some in arguments.seeds for seed in some]
    for name in arguments.scene:
        scene = load(builtin()[name])
        print(line(name, added([of_recording(record(scene, seed)) for seed in seeds])), flush=True)


if __name__ == "__main__":
    main()
