"""Exponential backoff with full jitter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.backoff import Backoff


def test_the_ceiling_doubles_up_to_30_s() -> None:
    backoff = Backoff()
    assert [backoff.next_delay_s(1.0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.next_delay_s(0.0) == 0.5


def test_jitter_is_over_the_whole_range() -> None:
    backoff = Backoff(failures=20)
    assert [backoff.next_delay_s(chance) for chance in (0.0, 0.5, 1.0)] == pytest.approx([0.5, 15.25, 30.0])


def test_sixty_seconds_of_running_reset_it_and_less_does_not() -> None:
    backoff = Backoff(failures=9)
    backoff.ran(59.9)
    assert backoff.failures == 9
    backoff.ran(60.0)
    assert backoff.next_delay_s(1.0) == 1.0


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_always_between_half_a_second_and_thirty(failures: int, chance: float) -> None:
    assert 0.5 <= Backoff(failures=failures).next_delay_s(chance) <= 30.0
