"""PostgreSQL alone: months, who may do what, servers that fall over, several that come at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from headoffice.errors import DatabaseAway, DatabaseFull, DatabaseLost, DatabaseUnusable, HeadOfficeError
from headoffice.postgres import AGAIN_US, STEPS, PostgresStore
from headoffice.storages import await_server, open_storage
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch, projections
from tests.postgres import Postgres


def at_us(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def store(postgres: str) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres)
    yield store
    store.close()


# -- months -----------------------------------------------------------------------------------------------------------


def months(store: PostgresStore) -> dict[str, int]:
    """Events of each partition."""
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass"
    names = [row[0] for row in store.database.rows(parts)]
    return {name: store.database.rows(f"SELECT COUNT(*) FROM {name}")[0][0] for name in sorted(names)}


def test_events_lie_in_the_month_of_their_arrival(store: PostgresStore) -> None:
    log = Log().open().receive_many(9)
    store.save([batch(store, log, 1, 2)], at_us(2026, 11, 30) + 86_399_999_999)
    assert months(store) == {"event_2026_11": 2, "event_2026_12": 0, "event_other": 0}
    store.save([batch(store, log, 3, 5)], at_us(2026, 12, 1))
    store.save([batch(store, log, 6, 6)], at_us(2026, 12, 31))
    store.save([batch(store, log, 7)], at_us(2027, 1, 1))
    assert months(store) == {
        "event_2026_11": 2, "event_2026_12": 4, "event_2027_01": 4, "event_2027_02": 0, "event_other": 0
    }  # fmt: skip
    assert [one.seq for one in store.written("S1", "L1")] == [*range(1, 11)]
    assert store.extents("S1") == [("L1", 10, 1, 10)]


def test_a_month_that_cannot_be_made_stops_nothing_and_is_made_later(store: PostgresStore, postgres: str) -> None:
    log, now_us = Log().open().receive_many(9), at_us(2026, 11, 5)
    with psycopg.connect(postgres) as reader:
        reader.execute("SELECT COUNT(*) FROM event")  # holds the table until it is done
        store.save([batch(store, log, 1, 2)], now_us)
        assert months(store) == {"event_other": 2}
    store.save([batch(store, log, 3, 3)], now_us + AGAIN_US - 1)
    assert months(store) == {"event_other": 3}
    store.save([batch(store, log, 4, 4)], now_us + AGAIN_US)  # the month's events lie elsewhere already
    assert months(store) == {"event_other": 4}
    store.save([batch(store, log, 5)], at_us(2026, 12, 1))
    assert months(store) == {"event_2026_12": 6, "event_2027_01": 0, "event_other": 4}
    assert [one.seq for one in store.written("S1", "L1")] == [*range(1, 11)]


# -- the schema -------------------------------------------------------------------------------------------------------


def test_workers_that_start_together_make_one_schema(postgres: str) -> None:
    opened, failed = list[PostgresStore](), list[BaseException]()

    def open_one() -> None:
        try:
            opened.append(PostgresStore(postgres))
        except BaseException as error:  # noqa: BLE001  shown below
            failed.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    assert {row[0] for row in opened[0].database.rows("SELECT name FROM schema_step")} == set(STEPS)
    for one in opened:
        one.close()


def test_of_workers_that_start_together_one_makes_the_projections_again(
    store: PostgresStore, postgres: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log().open().receive_many(2_000)
    store.save([batch(store, log)], 1)
    before = projections(store)
    store.database.write("UPDATE projection SET version = 0")
    store.database.write("DELETE FROM stock")

    def open_one() -> None:
        open_storage(postgres).close()

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert projections(store) == before
    assert capfd.readouterr().err.count("1 of 1 stores") == 1


def test_a_database_of_a_newer_release_is_refused(store: PostgresStore, postgres: str) -> None:
    store.database.write("INSERT INTO schema_step (name) VALUES ('009_later')")
    for read_only in (True, False):
        with pytest.raises(DatabaseUnusable, match="009_later") as caught:
            open_storage(postgres, read_only=read_only)
        assert "release" in caught.value.hint


def test_reading_makes_nothing(postgres: str) -> None:
    with pytest.raises(DatabaseUnusable, match="not as this release wants it") as caught:
        open_storage(postgres, read_only=True)
    assert "jaego-hq run" in caught.value.hint
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: Postgres) -> None:
    address = postgres_server.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseUnusable, match="UTF-8"):
        open_storage(address)


def test_a_user_without_rights_is_told(postgres_server: Postgres, postgres: str) -> None:
    with psycopg.connect(postgres_server.address(), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
    with psycopg.connect(postgres.replace("office@", "jaego@"), autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(DatabaseUnusable, match="permission denied") as caught:
        open_storage(postgres.replace("office@", "guest@"))
    assert "CREATE" in caught.value.hint


@pytest.mark.parametrize(
    "address", ["postgresql://office@127.0.0.1:1/none", "postgresql://127.0.0.1:port/none", "postgresql://?nonsense=1"]
)
def test_an_address_without_a_server_is_said(address: str) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        open_storage(address)
    assert "address" in caught.value.hint


# -- what a server does -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "error"),
    [("53100", DatabaseFull), ("40P01", DatabaseLost), ("57014", DatabaseLost), ("25006", DatabaseLost)],
)
def test_what_passes_is_said_and_the_round_comes_again(
    store: PostgresStore, state: str, error: type[HeadOfficeError]
) -> None:
    log, db = Log().open().receive_many(3), store.database
    store.save([batch(store, log, 1, 2)], 1)
    before = projections(store)
    db.write(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$"
    )
    db.write("CREATE TRIGGER refusing BEFORE INSERT ON sku_changed EXECUTE FUNCTION refuse()")
    round_ = [batch(store, log, 3)]
    with pytest.raises(error):
        store.save(round_, 2)
    assert projections(store) == before
    db.write("DROP TRIGGER refusing ON sku_changed")
    store.save(round_, 3)
    assert store.extents("S1") == [("L1", 4, 1, 4)]


def test_a_mistake_of_ours_is_no_outage(store: PostgresStore) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        store.database.rows("SELECT 1 FROM nowhere")


def test_a_session_that_is_ended_in_a_transaction_stores_nothing(store: PostgresStore, postgres: str) -> None:
    log = Log().open().receive_many(3)

    def end(_database: object) -> None:
        own = store.database.rows("SELECT pg_backend_pid()")[0][0]
        with psycopg.connect(postgres, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))

    with pytest.raises(DatabaseLost):
        store.save([batch(store, log)], 1, end)
    with pytest.raises(DatabaseLost):
        store.position("S1")
    again = PostgresStore(postgres)
    assert again.stores() == []
    again.save([batch(again, log)], 1)
    assert again.stores() == ["S1"]
    again.close()


def test_a_server_that_is_killed_keeps_what_was_committed() -> None:
    log = Log().open().receive_many(300)
    with Postgres() as server:
        address = server.database()
        store = PostgresStore(address)
        store.save([batch(store, log, 1, 200)], 1)
        before = projections(store)
        late = batch(store, log, 201)
        server.kill()
        with pytest.raises(DatabaseLost):
            store.save([late], 2)
        with pytest.raises(DatabaseUnusable, match="PostgreSQL"):
            PostgresStore(address)
        server.start()
        again = PostgresStore(address)
        assert projections(again) == before
        again.save([batch(again, log, 201)], 3)
        assert again.extents("S1") == [("L1", 301, 1, 301)]
        again.close()
        store.close()


def test_a_worker_waits_for_a_server_that_comes_later_and_says_so_once() -> None:
    said: list[str] = []
    with Postgres() as server:
        address = server.database()
        server.kill()
        waiting = threading.Thread(target=await_server, args=(address, threading.Event(), said.append, lambda: 0.0))
        waiting.start()
        while not said:
            waiting.join(0.01)
        server.start()
        waiting.join(30)
        assert not waiting.is_alive()
    assert [line.partition(":")[0] for line in said] == ["PostgreSQL", said[1]]
    assert said[1].startswith("the database is there, after")


def test_who_is_stopped_while_it_waits_ends() -> None:
    stop = threading.Event()
    await_server("postgresql://office@127.0.0.1:1/none", stop, lambda _: stop.set(), lambda: 0.0)


@pytest.mark.parametrize(
    "change", [("office@", "stranger@"), ("?", "_gone?"), ("?", "?nonsense=1&"), ("?", "?sslmode=x&")]
)
def test_what_no_waiting_mends_is_said_at_once(postgres: str, change: tuple[str, str]) -> None:
    address = (postgres if "?" in postgres else postgres + "?").replace(*change)
    with pytest.raises(DatabaseUnusable) as caught:
        await_server(address, threading.Event(), print, lambda: 0.0)
    assert not isinstance(caught.value, DatabaseAway)


def test_run_outlasts_a_server_that_is_not_there_yet() -> None:
    command = [str(Path(sys.executable).with_name("jaego-hq")), "run", "--db", "postgresql://office@127.0.0.1:1/none"]
    with subprocess.Popen([*command, "--broker", "127.0.0.1:1"], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "waiting for it" in running.stderr.readline() + running.stderr.readline()
        running.terminate()
        assert running.wait(20) == 0
