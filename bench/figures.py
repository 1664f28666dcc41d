"""How benchmarks here report: medians of several rounds, subject and reference in turn in the same run."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence


def in_turn(rounds: int, **subjects: Callable[[], float]) -> dict[str, list[float]]:
    """Each subject's figure per round, A B A B …: a machine that drifts drifts for both."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for round_number in range(rounds):
        for name, subject in subjects.items():
            found[name].append(subject())
            print(f"\r  round {round_number + 1} of {rounds}: {name}    ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def ratio(subject: Sequence[float], reference: Sequence[float]) -> float:
    """Median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(subject, reference, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def verdict(says: str, figure: float, limit: float, *, at_least: bool) -> bool:
    """One line a person can read; the limit is a report, not a gate."""
    reached = figure >= limit if at_least else figure <= limit
    sign = ">=" if at_least else "<="
    print(f"{'reached    ' if reached else 'NOT REACHED'}  {says}: {figure:.3g} ({sign} {limit:g})")
    return reached
