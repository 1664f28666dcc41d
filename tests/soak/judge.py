"""What a soak must show, from its samples alone: nothing grows that should not."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.soak.store import Sample

MEMORY_SHARE_MAX = 0.05
SIZE_SHARE_MAX = 0.10  # a ledger breathes between two openings
# SQLite holds a closed connection's descriptor for the next one, where others of the process have the file open: there
# come to be as many as were ever open at once, which was measured: three at a time for ever stay three.
FILES_MORE_MAX = 4
RETENTION_DAYS = 4.5  # two are kept; under load without a pause there is an opening every two; and some to sweep


def grown(samples: Sequence[Sample], *, strict: bool) -> list[str]:
    """What grew, in words. Not `strict`: it ran for seconds, in which caches and allocators still fill, and nothing is
    pruned; then files and threads alone are judged."""
    first, last = _between(samples, 1, 1.5), _between(samples, samples[-1].hour / 24 - 0.5, samples[-1].hour / 24)
    if not first or not last:
        first, last = samples[: len(samples) // 2 or 1], samples[len(samples) // 2 :]
    found: list[str] = []
    for name in ("agent_files", "agent_threads", "headoffice_files", "headoffice_threads"):
        before, after = (median(getattr(one, name) for one in some) for some in (first, last))
        if after > before + FILES_MORE_MAX:
            found.append(f"{name}: from {before:.0f} to {after:.0f}")
    if strict:
        found += _memory(first, last) + _sizes(samples)
    return found


def _memory(first: Sequence[Sample], last: Sequence[Sample]) -> list[str]:
    before, after = (median(one.agent_rss for one in some) for some in (first, last))
    share = after / before - 1
    said = f"agent: memory after day 1 {before / 1e6:.1f} MB, at the end {after / 1e6:.1f} MB ({share:+.1%})"
    return [said] if share > MEMORY_SHARE_MAX else []


def _sizes(samples: Sequence[Sample]) -> list[str]:
    """Nothing is kept that retention lets go, and the file grows by what is kept alone: a machine that is busy with
    other things takes in fewer events on one day than on another."""
    late = [one for one in samples if one.hour / 24 > RETENTION_DAYS]
    if not late:
        return ["no plateau: it ended before retention could show"]
    found: list[str] = []
    for one in late:
        gone = max((was.head for was in samples if was.hour <= one.hour - RETENTION_DAYS * 24), default=0)
        if one.head - one.kept < gone:
            found = [f"kept at hour {one.hour:.0f}: event {one.head - one.kept + 1}, older than {RETENTION_DAYS} days"]
    most = max((one for one in samples if one not in late), key=lambda one: one.kept)
    kept, size, allowed = (
        max(one.kept for one in samples),
        max(one.ledger + one.wal for one in late),
        1 + SIZE_SHARE_MAX,
    )
    if size > allowed * max(kept / most.kept, 1) * (most.ledger + most.wal):
        first = f"{(most.ledger + most.wal) / 1e6:.1f} MB with {most.kept:,} events"
        found.append(f"ledger: {first} at first, {size / 1e6:.1f} MB with {kept:,} later")
    return found


def _between(samples: Sequence[Sample], begin_day: float, end_day: float) -> list[Sample]:
    return [one for one in samples if begin_day <= one.hour / 24 <= end_day]
