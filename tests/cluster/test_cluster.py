"""kill -9 and freezing of workers, brokers and database at seeded instants, while stores write: nothing is lost.

Afterwards every store's log lies in the database byte for byte, once, in order; `jaego-hq verify --deep` finds it
whole; no acknowledgement went beyond what is stored. `JAEGO_CLUSTER_KILLS` says how many kills of each; CI makes 2.
`JAEGO_CLUSTER_TARGET=sqlite` plays it with one worker, one broker and a file.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.brokers import MOSQUITTO
from tests.cluster.house import House
from tests.cluster.stores import Load, LoadStore
from tests.postgres import Postgres

KILLS = int(os.environ.get("JAEGO_CLUSTER_KILLS", "2"))
SEED = int(os.environ.get("JAEGO_SEED", "20261126"))
TARGETS = os.environ.get("JAEGO_CLUSTER_TARGET", "postgres,sqlite").split(",")
RATE = float(os.environ.get("JAEGO_CLUSTER_RATE", "100"))
STORES = 12
TAKEOVER_S_MAX = 10.0
SETTLE_S = 120.0

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"),
    pytest.mark.timeout(180 + 60 * KILLS),
]


class Cluster:
    def __init__(self, folder: Path, server: Postgres | None, stack: ExitStack) -> None:
        self.server = server
        self.chance = random.Random(SEED)
        target = server.database() if server is not None else str(folder / "hq.db")
        edges, workers = (2, 3) if server is not None else (0, 1)
        self.house = stack.enter_context(House(folder, target, edges=edges, workers=workers))
        places = [self.house.ports[name] for name in self.house.edges]
        stores = [LoadStore(f"S{one:03}", places[one % len(places)], SEED + one) for one in range(STORES)]
        self.load = stack.enter_context(Load(stores, RATE, SEED))

    def rows(self, sql: str, *values: Any) -> list[Any]:
        if self.server is None:
            with sqlite3.connect(self.house.target) as db:
                found = db.execute(sql.replace("%s", "?"), values).fetchall()
            db.close()
            return found
        with psycopg.connect(self.house.target, autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def holders(self) -> dict[int, str]:
        """The name of the worker that holds a bucket, of those that are held."""
        if self.rows("SELECT to_regclass('lease')") == [(None,)]:
            return {}
        return {
            bucket: holder.split(".")[0] for bucket, holder in self.rows("SELECT bucket, holder FROM lease") if holder
        }

    def wait(self, found: Any, timeout_s: float, why: str) -> float:
        begun_s = time.monotonic()
        while not found():
            assert self.load.failure is None, repr(self.load.failure)
            assert time.monotonic() - begun_s < timeout_s, f"{why} after {timeout_s} s\n{self.house.said()}"
            time.sleep(0.05)
        return time.monotonic() - begun_s

    def flowing(self) -> None:
        """Everybody has work, and every store is heard."""
        heads = {store.log.store: store.log.head for store in self.load.stores}
        if self.server is not None:
            names = set(self.house.workers)
            self.wait(lambda: set(self.holders().values()) == names and len(self.holders()) == 64, 40, "not shared out")
        self.wait(lambda: all(one.acked >= heads[one.log.store] for one in self.load.stores), 60, "not all are heard")

    def hit(self, victim: str, way: str, pause_s: float) -> None:
        if victim == "database":
            assert self.server is not None
            self.server.kill()
            time.sleep(pause_s)
            self.server.start()
            self.check_acknowledged()
            return
        member = self.house.members[victim]
        member.signal(way)
        time.sleep(pause_s)
        if way == "freeze":
            member.signal("thaw")
        else:
            member.start()

    def check_acknowledged(self) -> None:
        """What a store was told is stored is stored, now: not only later, when it has sent it again."""
        acked = {store.log.store: store.acked for store in self.load.stores}
        stored = dict(self.rows("SELECT store, seq FROM position"))
        early = {name: (seq, stored.get(name, 0)) for name, seq in acked.items() if seq > stored.get(name, 0)}
        assert not early, f"acknowledged and not stored: {early}"

    def check(self) -> Counter[str]:
        """Every log is stored as it was written. Gives figures."""
        figures: Counter[str] = Counter()
        for store in self.load.stores:
            log = store.log
            found = self.rows("SELECT seq, body FROM event WHERE store = %s ORDER BY seq", log.store)
            written = [(one.seq, one.body) for one in log.events]
            figures["events"] += len(written)
            figures["lost"] += len(set(written) - {(seq, bytes(body)) for seq, body in found})
            figures["doubled"] += len(found) - len({seq for seq, _body in found})
            assert [(seq, bytes(body)) for seq, body in found] == written, f"{log.store} is not as it was written"
            assert store.complaints == [], "acknowledged beyond the head"
        done = self.house.run("jaego-hq", "verify", "--deep", "--db", self.house.target)
        assert done.returncode == 0, done.stdout + done.stderr
        broken = [name for name in self.house.workers if "Traceback" in self.house.members[name].log.read_text()]
        assert not broken, self.house.said()
        refused = self.rows("SELECT store, code, reason FROM quarantine")
        assert refused == [], "what stores wrote was refused"
        return figures


@pytest.fixture(params=TARGETS)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        server = stack.enter_context(Postgres()) if request.param == "postgres" else None
        yield Cluster(tmp_path, server, stack)


def test_everything_is_killed_at_random_and_nothing_is_lost(cluster: Cluster) -> None:
    cluster.flowing()
    chance, house = cluster.chance, cluster.house
    todo: list[tuple[str, str]] = []
    for _ in range(KILLS):
        todo += [(chance.choice(house.workers), "kill"), ("core", "kill"), (chance.choice(house.workers), "freeze")]
        if cluster.server is not None:
            todo += [(chance.choice(house.edges), "kill"), ("database", "kill"), ("core", "freeze")]
    chance.shuffle(todo)
    for victim, way in todo:
        time.sleep(chance.uniform(0.2, 1.5))
        cluster.hit(victim, way, chance.choice([0.0, 0.1, 0.5, 2.0, 8.0 if way == "freeze" else 1.0]))
        cluster.check_acknowledged()
    cluster.load.settle(SETTLE_S)
    figures = cluster.check()
    counts = Counter(f"{way} {victim.rstrip('123-')}" for victim, way in todo)
    sys.stdout.write(f"\n{dict(counts)}: {dict(figures)}\n")


@pytest.mark.skipif("postgres" not in TARGETS, reason="one worker has nobody to take over")
def test_a_lost_workers_stores_are_taken_over_within_10_s(tmp_path: Path) -> None:
    with ExitStack() as stack:
        cluster = Cluster(tmp_path, stack.enter_context(Postgres()), stack)
        cluster.flowing()
        leased_s, stored_s = list[float](), list[float]()
        for number in range(KILLS):
            victim, way = cluster.chance.choice(cluster.house.workers), ("kill", "freeze")[number % 2]
            time.sleep(cluster.chance.uniform(0.0, 1.0))
            leased, stored = _taken_over(cluster, victim, way)
            leased_s.append(leased)
            stored_s.append(stored)
            member = cluster.house.members[victim]
            member.start() if way == "kill" else member.signal("thaw")
            cluster.flowing()
        listed = cluster.house.run("jaego-hq", "workers", "--db", cluster.house.target)
        assert [line.split()[:2] for line in listed.stdout.splitlines()[:3]] == [[w, "up,"] for w in ("w1", "w2", "w3")]
        cluster.load.settle(SETTLE_S)
        cluster.check()
    sys.stdout.write(
        f"\n{KILLS} workers lost: leases taken over after {_span(leased_s)}, all stores' events stored again after "
        f"{_span(stored_s)}\n"
    )
    assert max(stored_s) <= TAKEOVER_S_MAX


def _taken_over(cluster: Cluster, victim: str, way: str) -> tuple[float, float]:
    """Seconds until others hold its leases, and until of each of its stores an event is stored that came after."""
    lost = [bucket for bucket, name in cluster.holders().items() if name == victim]
    marks = ", ".join(map(str, lost))
    names = {row[0] for row in cluster.rows(f"SELECT store FROM known_store WHERE bucket IN ({marks})")}
    cluster.house.members[victim].signal(way)
    begun_s = time.monotonic()
    heads = {one.log.store: one.log.head + 1 for one in cluster.load.stores if one.log.store in names}

    def others() -> bool:
        held = cluster.holders()
        return all(held.get(bucket, victim) != victim for bucket in lost)

    def stored() -> bool:
        seqs = dict(cluster.rows("SELECT store, seq FROM position"))
        return all(seqs.get(store, 0) >= seq for store, seq in heads.items())

    cluster.wait(others, 30, f"{victim}'s leases are not taken over")
    leased_s = time.monotonic() - begun_s
    cluster.wait(stored, 30, f"{victim}'s stores are not taken in")
    return leased_s, time.monotonic() - begun_s


def _span(seconds: list[float]) -> str:
    middle = sorted(seconds)[len(seconds) // 2]
    return f"{middle:.1f} s (longest {max(seconds):.1f} s)"
