"""Workers among others on a real PostgreSQL: leases, fences, names; and the loop when a database is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from contract.times import Stamper
from headoffice import worker_leases as module
from headoffice.catalogue import Items
from headoffice.cli import app
from headoffice.database import Database
from headoffice.documents import Pages
from headoffice.errors import ConfigError, DatabaseFull, DatabaseLost, DatabaseUnusable, LeaseLost
from headoffice.leases import bucket_of
from headoffice.mqtt import Connected
from headoffice.restoring import Restores
from headoffice.service import Roster, Service
from headoffice.storages import open_storage
from headoffice.storing import Storage
from headoffice.worker import Worker, topics_of
from headoffice.worker_asks import Asks
from headoffice.worker_cli import register
from headoffice.worker_leases import LEASE_S, Membership, NameTaken, free_stores, living
from tests.headoffice.logs import PREFIX, Log
from tests.headoffice.test_service import HandClock, acks

BUCKETS = 8


class Member:
    """A membership on a connection of its own; time is PostgreSQL's, moved by hand in the table."""

    def __init__(
        self, target: str, name: str, *, known: frozenset[str] | None = None, holder: str | None = None
    ) -> None:
        self.said: list[str] = []
        self.storage = open_storage(target)
        self.db: Database = self.storage.database
        self.leases = Membership(name, holder or f"{name}.1", BUCKETS, known, self.said.append)
        self.leases.join(self.db)

    def look(self, **body: Any) -> bool:
        facts = {"events": 0, "rate": 0, "host": "here", "version": "1"}
        return self.leases.look(self.db, {**facts, **body})


@pytest.fixture
def join(postgres: str) -> Iterator[Callable[..., Member]]:
    members: list[Member] = []

    def make(name: str, **options: Any) -> Member:
        members.append(Member(postgres, name, **options))
        return members[-1]

    yield make
    for one in members:
        one.storage.close()


def pass_by(db: Database, seconds: float) -> None:
    """The leases were renewed that much longer ago, and nobody has been seen since."""
    db.write("UPDATE lease SET until_us = until_us - ?", (int(seconds * 1e6),))
    db.write("DELETE FROM worker")


def commit(member: Member, store: str) -> None:
    with member.db.transaction():
        member.leases.fence(member.db, [store])


def test_who_is_alone_has_every_store_that_is_heard(join: Callable[..., Member]) -> None:
    one = join("w1")
    assert not one.leases.ours("S1")
    assert one.look()
    assert one.leases.buckets == tuple(range(BUCKETS))
    assert one.leases.stores == {"S1"}
    assert one.leases.ours("S1")
    assert not one.leases.ours("S2")
    assert one.look()
    assert one.leases.stores == {"S1", "S2"}
    assert not one.look()


def test_stores_are_shared_and_heard_by_whoever_hears_them(join: Callable[..., Member]) -> None:
    one, two = join("w1"), join("w2")
    for name in [f"S{number}" for number in range(20)]:
        two.leases.ours(name)
    for _ in range(4):
        one.look()
        two.look()
    assert (len(one.leases.buckets), len(two.leases.buckets)) == (4, 4)
    assert one.leases.stores | two.leases.stores == {f"S{number}" for number in range(20)}
    assert not one.leases.stores & two.leases.stores
    assert all(bucket_of(store, BUCKETS) in one.leases.buckets for store in one.leases.stores)


def test_what_was_stored_before_there_were_leases_is_known(postgres: str, join: Callable[..., Member]) -> None:
    first = join("w0")
    first.db.write("INSERT INTO position (store, log, seq, hash, part, parts) VALUES ('S7', 'L', 1, 'x', 1, 1)")
    one = join("w1")
    one.look()
    assert one.leases.stores == {"S7"}


def test_only_stores_of_the_list_are_taken(join: Callable[..., Member]) -> None:
    one, all_of_them = join("w1", known=frozenset({"S1"})), join("w2")
    for name in ("S1", "S2"):
        one.leases.ours(name)
    one.look()
    one.look()
    assert one.leases.stores == {"S1"}
    assert one.db.rows("SELECT store FROM known_store") == [("S1",)]
    all_of_them.leases.ours("S2")
    all_of_them.look()
    one.look()
    assert one.leases.stores <= {"S1"}


def test_so_many_stores_are_known_and_no_more(join: Callable[..., Member], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORES_MAX", 3)
    one = join("w1")
    for number in range(5):
        one.leases.ours(f"S{number}")
    one.look()
    one.leases.ours("S9")
    one.look()
    assert one.leases.stores == {"S0", "S1", "S2"}
    assert one.said == ["S3: ignored: 3 stores are followed already"]


def test_who_lost_a_lease_stores_nothing(join: Callable[..., Member]) -> None:
    one, two = join("w1"), join("w2")
    one.leases.ours("S1")
    one.look()
    commit(one, "S1")
    pass_by(one.db, LEASE_S + 1)
    commit(one, "S1")  # nobody has taken it yet: no harm
    two.look()
    assert two.leases.stores == {"S1"}
    with pytest.raises(LeaseLost):
        commit(one, "S1")
    commit(two, "S1")
    assert one.leases.stores == {"S1"}, "it learns it at its next look"
    one.look()
    assert one.leases.stores == set()


def test_a_bucket_is_not_taken_while_its_holder_is_storing(postgres: str, join: Callable[..., Member]) -> None:
    one, two = join("w1"), join("w2")
    one.leases.ours("S1")
    one.look()
    pass_by(one.db, LEASE_S + 1)
    with one.db.transaction():
        one.leases.fence(one.db, ["S1"])
        two.look()
        assert len(two.leases.buckets) == BUCKETS - 1
        assert two.leases.stores == set()
    two.look()
    assert two.leases.stores == {"S1"}


@pytest.mark.parametrize("name", ["w2", "w1"], ids=["another", "the same, restarted"])
@pytest.mark.parametrize("where", ["idle", "copy"])
def test_who_is_frozen_in_the_middle_of_a_commit_holds_its_leases_no_longer(
    join: Callable[..., Member], where: str, name: str
) -> None:
    """A COPY that waits for its client is ended by no timeout of the server."""
    one, two = join("w1"), join(name, holder="two")
    one.leases.ours("S1")
    one.look()
    session = one.db.connection  # type: ignore[attr-defined]
    session.execute("BEGIN")
    one.leases.fence(one.db, ["S1"])
    if where == "copy":
        session.pgconn.exec_(b"COPY position FROM STDIN")
    two.db.write("UPDATE worker SET seen_us = 0")
    waited, end = threading.Event(), int(LEASE_S / 0.1) + 30
    while two.leases.stores != {"S1"}:
        two.look()
        waited.wait(0.1)
        end -= 1
        assert end, "the lease has run out, and is not taken"
    pid = session.info.backend_pid
    assert two.db.rows("SELECT 1 FROM pg_stat_activity WHERE pid = ?", (pid,)) == []


def test_who_leaves_is_followed_at_once(join: Callable[..., Member]) -> None:
    one, two = join("w1"), join("w2")
    one.look()
    one.leases.leave(one.db)
    two.look()
    assert len(two.leases.buckets) == BUCKETS
    assert [seen.worker for seen in living(two.db)] == ["w2"]


def test_a_name_is_one_processes(join: Callable[..., Member]) -> None:
    one, double = join("w1"), join("w1", holder="w1.2")
    one.look()
    with pytest.raises(NameTaken) as caught:
        double.look()
    assert "--worker" in caught.value.hint
    one.look()
    pass_by(one.db, LEASE_S + 1)
    double.look()
    assert len(double.leases.buckets) == BUCKETS
    with pytest.raises(NameTaken):
        one.look()


def test_all_must_divide_alike(postgres: str, join: Callable[..., Member]) -> None:
    join("w1")
    storage = open_storage(postgres)
    with pytest.raises(ConfigError) as caught:
        Membership("w2", "w2.1", BUCKETS + 1, None, print).join(storage.database)
    assert f"--buckets {BUCKETS}" in caught.value.hint
    storage.close()


def test_workers_are_listed(postgres: str, join: Callable[..., Member]) -> None:
    one, two = join("w1"), join("w2")
    for number in range(20):
        one.leases.ours(f"S{number}")
    for _ in range(4):
        one.look(events=1234, rate=56)
        two.look()
    assert free_stores(one.db) == 0
    found = living(one.db)
    assert [(seen.worker, seen.up, seen.buckets, seen.events, seen.rate) for seen in found] == [
        ("w1", True, 4, 1234, 56), ("w2", True, 4, 0, 0),
    ]  # fmt: skip
    assert sum(seen.stores for seen in found) == 20
    register(app)
    shown = CliRunner().invoke(app, ["workers", "--db", postgres])
    assert shown.exit_code == 0, shown.output
    assert "1,234 events,      56 a second" in shown.stdout
    assert "every store is somebody's" in shown.stdout
    one.leases.leave(one.db)
    one.db.write("UPDATE lease SET until_us = 0")
    one.db.write("UPDATE worker SET seen_us = seen_us - ?", (int(LEASE_S * 1e6) + 1,))
    shown = CliRunner().invoke(app, ["workers", "--db", postgres])
    assert "w1" not in shown.stdout
    assert "GONE" in shown.stdout
    assert "20 stores are nobody's" in shown.stdout
    as_json = CliRunner().invoke(app, ["workers", "--db", postgres, "--json"])
    assert [orjson.loads(line)["worker"] for line in as_json.stdout.splitlines()] == ["w2"]


def test_a_file_has_one_worker(tmp_path: Path) -> None:
    register(app)
    open_storage(str(tmp_path / "hq.db")).close()
    shown = CliRunner().invoke(app, ["workers", "--db", str(tmp_path / "hq.db")])
    assert (shown.exit_code, "a file has one worker" in shown.stderr) == (78, True)
    refused = CliRunner().invoke(app, ["run", "--db", str(tmp_path / "hq.db"), "--worker", "w1"])
    assert (refused.exit_code, "several workers need PostgreSQL" in refused.stderr) == (78, True)


# -- the loop ---------------------------------------------------------------------------------------------------------


class Wire:
    """The shell's side of the loop: rounds that the test has written; at the end of them the loop is stopped."""

    def __init__(self, clock: HandClock) -> None:
        self.rounds: list[Callable[[], list[Any]]] = []
        self.stop = threading.Event()
        self.stop.wait = self._wait  # type: ignore[method-assign]  # the loop's pauses pass by the clock
        self.sent: list[Any] = []
        self.topics: list[str] = []
        self.deaf = False
        self.connected = True
        self._clock = clock

    def _wait(self, timeout: float | None = None) -> bool:
        self._clock.s += timeout or 0.0
        return self.stop.is_set()

    def open(self) -> None: ...
    def close(self) -> None: ...

    def take(self, *_limits: Any) -> list[Any]:
        self._clock.s += 0.25
        assert not self.deaf
        if not self.rounds:
            self.stop.set()
            return []
        return self.rounds.pop(0)()

    @property
    def waiting(self) -> bool:
        return bool(self.rounds)

    def hear_again(self) -> None:
        self.deaf = False

    def listen(self, topics: list[str]) -> None:
        self.topics = list(topics)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        from headoffice.part import Publish  # noqa: PLC0415

        self.sent.append(Publish(topic, payload, retain))


class Arrived:
    """As paho gives it."""

    def __init__(self, topic: str, payload: bytes) -> None:
        self.topic, self.payload, self.retain = f"{PREFIX}/{topic}", payload, False


class Loop:
    def __init__(self, target: str, membership: Membership | None = None) -> None:
        self.said: list[str] = []
        self.clock = HandClock()
        self.wire = Wire(self.clock)
        self.target = target
        self.opened = 0
        self.refuse: list[Exception] = []
        self.storage: Storage | None = None
        self.membership = membership
        self.worker = Worker(
            self.wire, self._open, self._serve, prefix=PREFIX, clock=self.clock, say=self.said.append,  # type: ignore[arg-type]
            membership=membership, facts={"host": "here", "version": "1"},
        )  # fmt: skip

    def _open(self) -> Storage:
        if self.refuse:
            raise self.refuse.pop(0)
        self.opened += 1
        self.storage = open_storage(self.target)
        return self.storage

    def _serve(self, storage: Storage) -> Service:
        return Service(
            storage, consumer="headoffice", prefix=PREFIX, clock=self.clock, stamper=Stamper(UTC), say=self.said.append,
            asks=Asks(Items(storage.database), Pages(storage), Restores(storage), PREFIX, print, self.clock.now_s),
            ours=self.membership.ours if self.membership else Roster(None, self.said.append).ours,
            fence=self.membership.fence if self.membership else None,
        )  # fmt: skip

    def run(self, *rounds: Callable[[], list[Any]]) -> None:
        self.wire.rounds += rounds
        self.wire.stop.clear()
        self.worker.run(self.wire.stop)

    def replays(self) -> list[int]:
        asked = [one for one in self.wire.sent if one.topic.endswith("/request/replay")]
        return [orjson.loads(one.payload)["seq"] for one in asked]


def arrived(log: Log, first: int, last: int) -> Callable[[], list[Any]]:
    return lambda: [Arrived(f"{log.store}/{kind}", payload) for kind, payload in _cut(log, first, last)]


def _cut(log: Log, first: int, last: int) -> list[tuple[str, bytes]]:
    some = Log(log.name, store=log.store)
    some.events = log.events[:last]
    return some.batches(first)


def broken(error: Exception, loop: Loop) -> Callable[[], list[Any]]:
    """The next commit fails."""

    def take() -> list[Any]:
        assert loop.storage is not None

        def save(*_arguments: Any) -> None:
            loop.storage.__dict__.pop("save")
            raise error

        loop.storage.__dict__["save"] = save
        return []

    return take


def nothing() -> list[Any]:
    return []


def test_a_lost_database_is_opened_again_and_what_was_not_stored_is_asked_for(tmp_path: Path) -> None:
    loop, log = Loop(str(tmp_path / "hq.db")), Log().open().receive_many(5)
    lost = DatabaseLost("it is gone", hint="start it")
    loop.refuse = []

    def and_stays_away() -> list[Any]:
        loop.refuse = [DatabaseUnusable("not yet", hint="wait")] * 3
        return broken(lost, loop)()

    loop.run(arrived(log, 1, 3), and_stays_away, arrived(log, 4, 5), nothing, arrived(log, 4, 6), nothing)
    assert loop.opened == 2
    assert loop.worker.events == 6
    assert acks(loop.wire.sent) == [("L1", 3), ("L1", 3), ("L1", 6)]
    assert loop.replays() == [4], "what may have come after the last that is stored"
    assert [line for line in loop.said if "gone" in line] == [
        "it is gone: nothing is acknowledged, and comes again; start it"
    ]
    assert [line for line in loop.said if "again, after" in line] == ["the database takes events again, after 4 tries"]


def test_a_full_disk_is_waited_for_on_the_same_connection(tmp_path: Path) -> None:
    loop, log = Loop(str(tmp_path / "hq.db")), Log().open().receive_many(5)
    full = DatabaseFull("the disk is full", hint="make room")
    rounds = [arrived(log, 1, 3)]
    for _ in range(5):
        rounds += [broken(full, loop), arrived(log, 4, 6)]
    loop.run(*rounds, arrived(log, 4, 6))
    assert loop.opened == 1
    assert set(acks(loop.wire.sent)) == {("L1", 3), ("L1", 6)}
    assert len([line for line in loop.said if "the disk is full" in line]) == 1
    assert len([line for line in loop.said if "takes events again" in line]) == 1


def test_at_the_start_a_database_that_cannot_be_had_is_the_end(tmp_path: Path) -> None:
    loop = Loop(str(tmp_path / "hq.db"))
    loop.refuse = [DatabaseUnusable("no", hint="yes")]
    with pytest.raises(DatabaseUnusable):
        loop.run()


def test_what_a_worker_listens_to_is_what_it_has_leased(postgres: str, join: Callable[..., Member]) -> None:
    membership = Membership("w1", "w1.1", BUCKETS, None, print)
    loop, log = Loop(postgres, membership), Log().open().receive_many(2)
    state = orjson.dumps({"state": "online", "boot": "b", "log": "L1", "head": 3, "version": "1"})

    def later() -> list[Any]:
        loop.clock.s += 1.0
        return []

    def listening() -> list[Any]:
        assert loop.wire.topics == topics_of(["S1"], PREFIX)
        assert f"{PREFIX}/S1/movement" in loop.wire.topics
        assert f"{PREFIX}/+/state" in loop.wire.topics
        assert not any("level" in topic or topic.endswith("#") for topic in loop.wire.topics)
        return arrived(log, 1, 3)()

    loop.run(nothing, lambda: [Arrived("S1/state", state)], later, listening, lambda: [Connected(True)], nothing)
    assert acks(loop.wire.sent) == [("L1", 3), ("L1", 3)]
    assert loop.replays() == [4], "after a connect nobody knows what was lost"
    other = join("w2")
    other.look()
    assert len(other.leases.buckets) == BUCKETS, "at a clean end the leases are free"


def test_who_lost_its_leases_acknowledges_nothing_and_starts_over(postgres: str, join: Callable[..., Member]) -> None:
    membership = Membership("w1", "w1.1", BUCKETS, None, print)
    loop, log = Loop(postgres, membership), Log().open().receive_many(5)
    other = join("w2")
    membership.ours("S1")

    def taken_over() -> list[Any]:
        pass_by(other.db, LEASE_S + 1)
        other.look()
        assert other.leases.stores == {"S1"}
        return arrived(log, 4, 6)()

    def later() -> list[Any]:
        loop.clock.s += 1.0
        return []

    loop.run(nothing, later, arrived(log, 1, 3), nothing, taken_over, nothing, later, nothing)
    assert acks(loop.wire.sent) == [("L1", 3)]
    assert loop.worker.events == 3
    assert loop.wire.topics == topics_of([], PREFIX)
    assert any("another worker has these stores now" in line for line in loop.said)


def test_nothing_is_acknowledged_after_the_leases_may_have_run_out(postgres: str) -> None:
    """Stored in time, but said too late: another worker may have acknowledged more by now."""
    membership = Membership("w1", "w1.1", BUCKETS, None, print)
    loop, log = Loop(postgres, membership), Log().open().receive_many(5)
    membership.ours("S1")

    def frozen() -> list[Any]:
        loop.clock.s += LEASE_S + 1
        return arrived(log, 1, 6)()

    def later() -> list[Any]:
        assert acks(loop.wire.sent) == []
        return []

    loop.run(nothing, frozen, nothing, nothing)
    assert loop.worker.events == 6
    assert acks(loop.wire.sent) == [("L1", 6)], "said once the leases are found to be its own still"
