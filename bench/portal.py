"""How fast the portal's engine judges, and what it keeps: reads a second in one process, memory over a long day.

    python -m bench.portal [--hours 24]

The reads are the real door's 4 m run, repeated with fresh tags; then 20,000 distinct tags over the hours.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc

from agent.capture.portal import Engine, Passage, Settings
from bench.figures import in_turn, percentile, verdict
from bench.portal_accuracy import DOCK, real

GOAL_READS_S = 50_000


def speed() -> float:
    reads, _, _ = real("keepout4m")
    engine = Engine(DOCK)
    begun = time.perf_counter()
    for t_s, epc, antenna, rssi_dbm in reads:
        engine.read(t_s, epc, antenna, rssi_dbm)
    return len(reads) / (time.perf_counter() - begun)


def delay_s() -> float:
    """The 99th percentile of decision after the last read before it, of the tags that passed."""
    reads, _, _ = real("keepout4m")
    engine, last_s, delays = Engine(DOCK), dict[str, float](), list[float]()
    for t_s, epc, antenna, rssi_dbm in reads:
        found = engine.read(t_s, epc, antenna, rssi_dbm)
        # What this very read decided waited for nothing.
        for one in found:
            if isinstance(one, Passage):
                by_read = one.epc == epc and one.decided_s == t_s
                delays.append(0.0 if by_read else one.decided_s - last_s.get(one.epc, one.decided_s))
        last_s[epc] = t_s
    return percentile(delays, 0.99)


def day(hours: float, tags: int = 20_000) -> list[int]:
    """Bytes held at each tenth of the day: carts of 50 among 200 tags on the shelves."""
    engine = Engine(Settings(("A", "B"), {1: "B", 2: "B", 3: "A", 4: "A"}))
    carts = tags // 50
    every_s = hours * 3600 / carts
    held: list[int] = []
    tracemalloc.start()
    for cart in range(carts):
        begun_s = cart * every_s
        for step in range(20):
            t_s = begun_s + step * 0.5
            antenna = 3 if step < 10 else 1
            for tag in range(50):
                if (tag + step) % 3 == 0:
                    engine.read(t_s + tag * 0.005, f"{cart * 50 + tag:024X}", antenna, -65.0 - abs(step - 10))
            for tag in range(200):
                if (tag + step) % 7 == 0:
                    engine.read(t_s + 0.25 + tag * 0.001, f"5{tag:023X}", 1 + tag % 4, -72.0)
        engine.tick(begun_s + 15.0)
        if cart % max(1, carts // 10) == 0:
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    arguments = parser.parse_args()
    rates = in_turn(5, engine=speed)["engine"]
    verdict("reads/s, median of 5", sorted(rates)[2], GOAL_READS_S, at_least=True)
    verdict("seconds from the last read to the decision, 99 % of passages", delay_s(), 5.0, at_least=False)
    held = day(arguments.hours)
    print("  kB held at each tenth:", " ".join(f"{size // 1000}" for size in held))
    verdict("memory at the end against the second tenth", held[-1] / held[1], 1.1, at_least=False)


if __name__ == "__main__":
    main()
