"""When a certificate is to be renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.setup.renewing import is_due

BEGINS = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("life_days", "left_days", "able", "due"),
    [
        (1095, 365, True, False),
        (1095, 364.9, True, True),
        (90, 29, True, True),
        (1095, -10, True, True),
        (1095, 60, False, False),
        (1095, 59.9, False, True),
    ],
)
def test_in_the_last_third_of_its_life_or_when_somebody_must_do_it(
    life_days: float, left_days: float, able: bool, due: bool
) -> None:
    ends = BEGINS + timedelta(days=life_days)
    assert is_due(BEGINS, ends, ends - timedelta(days=left_days), able=able) is due
