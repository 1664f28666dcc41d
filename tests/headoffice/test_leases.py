"""Who takes which buckets: workers come, go, freeze and are started again, on a table in memory and a clock by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from headoffice.leases import GIVEN_AT_ONCE_MAX, Lease, Plan, bucket_of, plan, share

LEASE_US = 6_000_000
LOOK_US = 1_000_000


class Table:
    """What `worker_leases` does with plans, without a database."""

    def __init__(self, buckets: int) -> None:
        self.now_us = 0
        self.rows = {number: Lease(number, None, 0) for number in range(buckets)}
        self.seen_us: dict[str, int] = {}

    def look(self, me: str) -> Plan:
        self.seen_us[me] = self.now_us
        for one in self.held(me):
            self.rows[one] = Lease(one, me, self.now_us + LEASE_US)
        living = [name for name, seen_us in self.seen_us.items() if seen_us > self.now_us - LEASE_US]
        found = plan(me, list(self.rows.values()), living, self.now_us)
        for one in found.give:
            assert self.rows[one].holder == me
            self.rows[one] = Lease(one, None, 0)
        for one in found.take:
            row = self.rows[one]
            assert row.holder is None or (row.holder != me and row.until_us <= self.now_us)
            self.rows[one] = Lease(one, me, self.now_us + LEASE_US)
        return found

    def held(self, me: str) -> list[int]:
        return [one.bucket for one in self.rows.values() if one.holder == me]

    def run(self, *workers: str, looks: int) -> None:
        for _ in range(looks):
            self.now_us += LOOK_US
            for name in workers:
                self.look(name)

    def sizes(self, *workers: str) -> list[int]:
        return sorted(len(self.held(name)) for name in workers)


def test_a_bucket_is_the_same_everywhere_and_stores_are_spread() -> None:
    # printf S001 | sha256sum: the low six bits of the eighth byte
    assert [bucket_of(name, 64) for name in ("S001", "S002", "서울-1")] == [3, 34, 35]
    counts = Counter(bucket_of(f"S{number:05}", 64) for number in range(10_000))
    assert len(counts) == 64
    assert max(counts.values()) < 2 * min(counts.values())


@pytest.mark.parametrize(("workers", "buckets"), [(1, 64), (3, 64), (5, 3), (64, 64), (7, 1)])
def test_shares_are_everything_and_differ_by_one(workers: int, buckets: int) -> None:
    names = [f"w{number:02}" for number in range(workers)]
    shares = [share(name, names, buckets) for name in names]
    assert sum(shares) == buckets
    assert max(shares) - min(shares) <= 1


def test_who_is_alone_takes_everything_at_the_first_look() -> None:
    table = Table(64)
    table.look("a")
    assert len(table.held("a")) == 64


def test_who_joins_gets_a_fair_share_a_few_at_a_time() -> None:
    table = Table(64)
    table.look("a")
    table.look("b")
    assert table.held("b") == []
    given = []
    for _ in range(10):
        table.now_us += LOOK_US
        given.append(len(table.look("a").give))
        table.look("b")
    assert max(given) == GIVEN_AT_ONCE_MAX
    assert given[-1] == 0
    assert table.sizes("a", "b") == [32, 32]


def test_the_dead_ones_buckets_are_taken_when_the_lease_has_run_out_and_not_before() -> None:
    table = Table(64)
    table.run("a", "b", "c", looks=20)
    assert table.sizes("a", "b", "c") == [21, 21, 22]
    table.run("a", "b", looks=5)
    assert len(table.held("c")) >= 21
    table.run("a", "b", looks=2)
    assert table.sizes("a", "b") == [32, 32]


def test_who_was_frozen_and_comes_back_takes_nothing_that_is_held() -> None:
    table = Table(10)
    table.run("a", "b", looks=10)
    table.run("a", looks=8)
    assert len(table.held("a")) == 10
    assert table.look("b") == Plan([], [])
    table.run("a", "b", looks=5)
    assert table.sizes("a", "b") == [5, 5]


def test_who_left_at_once_is_followed_at_the_next_look() -> None:
    table = Table(10)
    table.run("a", "b", looks=10)
    for one in table.held("b"):
        table.rows[one] = Lease(one, None, 0)
    del table.seen_us["b"]
    table.now_us += LOOK_US
    table.look("a")
    assert len(table.held("a")) == 10


def test_two_who_look_at_the_same_moment_reach_for_different_buckets() -> None:
    rows = [Lease(number, None, 0) for number in range(60)]
    plans = [plan(name, rows, ["a", "b", "c"], 0).take for name in ("a", "b", "c")]
    assert len({one for found in plans for one in found}) == 60


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes_shares_are_fair_in_the_end(seed: int) -> None:
    """And in no look does anybody take what another holds (asserted in `look`)."""
    chance = random.Random(seed)
    table = Table(64)
    alive = ["w0"]
    for number in range(1, 40):
        if chance.random() < 0.5:
            alive.append(f"w{number}")
        elif len(alive) > 1:
            alive.remove(chance.choice(alive))
        chance.shuffle(alive)
        table.run(*alive, looks=chance.randrange(1, 10))
    table.run(*alive, looks=40)
    assert table.sizes(*alive) == sorted(share(name, alive, 64) for name in alive)
