"""A hundred days of a store, and that a day is the same whenever and wherever it is played again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.world.explore import LIE_ONE_IN, explore, played

DAYS = int(os.environ.get("JAEGO_WORLD_DAYS", "100"))
SEED = 7


@pytest.mark.timeout(600)
def test_days_under_faults(capsys: pytest.CaptureFixture[str]) -> None:
    failed = explore(range(1, DAYS + 1), min(2, os.cpu_count() or 1), keep_going=False)
    told = capsys.readouterr().out
    assert not failed, told
    assert f"{DAYS} store-days" in told
    assert f"{DAYS // LIE_ONE_IN} more days" in told


def test_a_day_is_the_same_again() -> None:
    """To the byte of all that happened in it, whatever order a set has."""
    command = [sys.executable, "-m", "tests.world.explore", "--seeds", str(SEED)]
    traces = [
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": number}, capture_output=True, text=True, check=True
        ).stdout.splitlines()[-1]
        for number in ("1", "2")
    ]
    assert traces[0] == traces[1]
    assert traces[0] == f"trace {played((SEED, False)).digest}"
