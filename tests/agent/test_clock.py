"""The agent's clock: what is suspect, and that chance is drawn once however many threads draw."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from agent import clock as module
from agent.clock import DRIFT_US_MAX, SystemClock


class Kernel(SystemClock):
    """A kernel whose synchronisation and wall clock the test sets; every question is a fresh check."""

    def __init__(self, *, trust: bool = False) -> None:
        self.synchronised, self.offset_us = False, 0
        super().__init__(trust_unsynchronised=trust)

    def _offset(self) -> int:
        return self.offset_us

    def _kernel_synchronised(self) -> bool:
        return self.synchronised


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATE_CHECK_NS", 0)


def test_unsynchronised_since_boot_is_suspect_until_the_kernel_says_otherwise() -> None:
    clock = Kernel()
    assert clock.state() == "suspect"
    clock.synchronised = True
    assert clock.state() == "synced"
    clock.synchronised = False
    assert clock.state() == "suspect"


def test_a_store_may_trust_its_clock() -> None:
    assert Kernel(trust=True).state() == "synced"


@pytest.mark.parametrize("jump_us", [DRIFT_US_MAX + 1, -DRIFT_US_MAX - 1, 10**12])
def test_a_jump_is_suspect_once_then_the_kernel_decides(jump_us: int) -> None:
    clock = Kernel()
    clock.synchronised = True
    assert clock.state() == "synced"
    clock.offset_us = jump_us
    assert clock.state() == "suspect"
    assert clock.state() == "synced"
    clock.offset_us += jump_us
    clock.synchronised = False
    assert clock.state() == "suspect"
    assert clock.state() == "suspect"


@pytest.mark.parametrize("trust", [False, True])
def test_a_jump_is_seen_though_the_kernel_was_asked_just_now(monkeypatch: pytest.MonkeyPatch, *, trust: bool) -> None:
    clock = Kernel(trust=trust)
    clock.synchronised = True
    assert clock.state() == "synced"
    monkeypatch.setattr(module, "STATE_CHECK_NS", 3_600_000_000_000)
    clock.offset_us = -DRIFT_US_MAX - 1
    assert clock.state() == "suspect"
    assert clock.state() == "suspect", "only a later check believes in the new time"


def test_slow_drift_is_none() -> None:
    clock = Kernel()
    clock.synchronised = True
    for _ in range(10):
        clock.offset_us += DRIFT_US_MAX
        assert clock.state() == "synced"


def test_a_state_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATE_CHECK_NS", 3_600_000_000_000)
    clock = Kernel()
    clock._checked_ns = time.monotonic_ns() - 3_600_000_000_001
    clock.synchronised = True
    assert clock.state() == "synced"
    clock.synchronised = False
    assert clock.state() == "synced"


def test_the_real_one_tells_the_time_and_answers() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert abs(first.wall_us / 1e6 - time.time()) < 5
    assert second.monotonic_ns >= first.monotonic_ns
    assert clock.state() in {"synced", "suspect"}
    assert 0 <= clock.chance() < 1


@pytest.mark.parametrize("size_bytes", [1, 10, 16, 4096, 5000])
def test_chance_comes_in_the_size_that_was_asked(size_bytes: int) -> None:
    clock = SystemClock()
    drawn = [clock.entropy(size_bytes) for _ in range(50)]
    assert {len(one) for one in drawn} == {size_bytes}
    assert size_bytes == 1 or len(set(drawn)) == 50


def test_no_two_threads_draw_the_same_bytes_or_too_few() -> None:
    clock, drawn, before = SystemClock(), list[list[bytes]](), sys.getswitchinterval()

    def draw() -> None:
        drawn.append([clock.entropy(10) for _ in range(20_000)])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    finally:
        sys.setswitchinterval(before)
    everything = [one for part in drawn for one in part]
    assert {len(one) for one in everything} == {10}
    assert len(set(everything)) == 80_000
