"""The soak for seconds, judged by the same code; `make soak DAYS=7` is the one that means something.

In seconds caches and allocators still fill and nothing is old enough to go, so memory and sizes are not judged here;
the judge of those has tests of its own below.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import MOSQUITTO
from tests.soak.judge import grown
from tests.soak.soak import soak, told
from tests.soak.store import Sample

STEADY = Sample(0, 100_000_000, 60, 12, 80_000_000, 10, 3, 50_000_000, 4_000_000, 90_000_000, 1000, 1000, 3)


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
@pytest.mark.timeout(240)
def test_a_day_of_a_busy_store_in_seconds(tmp_path: Path) -> None:
    found = soak(tmp_path, days=1, seconds=12, scans_per_s=100, reads_per_s=400, strict=False)
    assert not found.wrong, told(found)
    assert (found.lost, found.doubled) == (0, 0)
    assert len(found.samples) == 24
    assert (tmp_path / "soak.csv").read_text().count("\n") == 25
    assert found.reads > found.events > 24
    assert found.acknowledged > 24


def days(**changes: float) -> list[Sample]:
    """A week with 24,000 events a day of which those of four days are kept; what is named grows by so much a day."""
    found: list[Sample] = []
    for hour in range(1, 169):
        grew = {name: int(getattr(STEADY, name) + by * hour / 24) for name, by in changes.items()}
        log = {"head": hour * 1000, "kept": min(hour, 96) * 1000}
        found.append(STEADY._replace(**{"hour": hour, **log, **grew}))
    return found


def test_a_steady_week_is_good() -> None:
    assert grown(days(), strict=True) == []
    assert grown(days(agent_rss=500_000), strict=True) == []


@pytest.mark.parametrize(
    ("name", "by", "word"),
    [
        ("agent_rss", 1_500_000, "memory after day 1"),
        ("ledger", 10_000_000, "ledger: "),
        ("wal", 8_000_000, "ledger: "),
        ("kept", 23_800, "kept at hour 168: event 401, "),
        ("agent_files", 1, "agent_files: "),
        ("agent_threads", 1, "agent_threads: "),
        ("headoffice_files", 1, "headoffice_files: "),
        ("headoffice_threads", 1, "headoffice_threads: "),
    ],
)
def test_what_grows_is_named(name: str, by: int, word: str) -> None:
    found = grown(days(**{name: by}), strict=True)
    assert found
    assert all(word in one for one in found)


def test_a_week_that_ended_too_early_shows_no_plateau() -> None:
    assert grown(days()[:60], strict=True) == ["no plateau: it ended before retention could show"]


def test_what_ran_for_seconds_is_not_judged_by_its_memory() -> None:
    assert grown(days(agent_rss=9_000_000, ledger=9_000_000), strict=False) == []
    assert grown(days(agent_files=1), strict=False)
