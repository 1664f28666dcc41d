"""Damage in head office's own database is found, and its place said."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from headoffice import own
from headoffice.cli import app
from headoffice.database import is_postgres
from headoffice.errors import Damaged
from headoffice.ingest import Ingest
from headoffice.storages import open_storage
from headoffice.storing import Batch
from tests.headoffice.logs import Log

OLD = Log("L1").open([["COLA", "backroom", None, "sellable", 5]]).receive_many(20)
NEW = Log("L2").open([["COLA", "backroom", None, "sellable", 9]], OLD.end()).receive_many(30)
NEW.open([[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(300)]).receive_many(5).look()


def write(target: str, *logs: Log) -> str:
    store, engine = open_storage(target), Ingest("S1")
    for log in logs:
        batch = Batch("S1", engine.position)
        for kind, payload in log.batches():
            batch.add(engine.receive(payload, kind), engine.position, engine.key)
        store.save([batch], 0)
    store.close()
    return target


@pytest.fixture
def db(target: str) -> str:
    return write(target, OLD, NEW)


def harm(target: str, *statements: str) -> None:
    store = open_storage(target)
    for name in ("event_is_never_changed", "event_is_never_deleted")[: 1 if is_postgres(target) else 2]:
        store.database.write(f"DROP TRIGGER {name}{' ON event' if is_postgres(target) else ''}")
    for one in statements:
        store.database.write(one)
    store.close()


def change(target: str, log: str, seq: int, old: bytes, new: bytes) -> None:
    """The bytes of a stored event."""
    harm(target)
    store = open_storage(target)
    body = next(store.written("S1", log, seq)).body
    assert old in body
    store.database.write("UPDATE event SET body = ? WHERE log = ? AND seq = ?", (body.replace(old, new), log, seq))
    store.close()


def found(target: str, *, deep: bool) -> str | None:
    store = open_storage(target, read_only=True)
    try:
        own.check(store, "S1", deep=deep)
    except Damaged as error:
        return str(error).removeprefix("head office's data of store S1 is damaged: ")
    finally:
        store.close()
    return None


def run(target: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", "--db", target, *arguments])


@pytest.mark.parametrize("deep", [False, True])
def test_what_was_stored_is_whole(db: str, *, deep: bool) -> None:
    assert found(db, deep=deep) is None


@pytest.mark.parametrize("deep", [False, True])
def test_an_opening_that_has_half_come_is_whole(target: str, *, deep: bool) -> None:
    part = Log("L1").open([[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(600)])
    part.events.pop()
    assert found(write(target, part), deep=deep) is None


SHALLOW = {
    "DELETE FROM event WHERE log = 'L2' AND seq = 5": "log L2, event 5: is missing; 38 of 39 events are there",
    "DELETE FROM event WHERE log = 'L2' AND seq = 1": "log L2, event 1: is missing",
    "DELETE FROM event WHERE log = 'L2' AND seq > 30": "log L2, event 31: is not as the position says",
    "DELETE FROM event WHERE log = 'L2'": "log L2, event 1: is not as the position says, which is event 39",
    "DELETE FROM event WHERE log = 'L1' AND seq = 7": "log L1, event 7: is missing",
    "DELETE FROM event WHERE log = 'L1' AND seq > 20": "log L1, event 21: is not the last of its log",
    "DELETE FROM position": "log L1, event 21: there are events, but no position",
    "UPDATE event SET hash = 'x' WHERE log = 'L2' AND seq = 39": "log L2, event 39: has another hash",
    "UPDATE event SET hash = 'x' WHERE log = 'L1' AND seq = 21": "log L1, event 21: is not the last of its log",
    "UPDATE event SET body = 'x' WHERE log = 'L2' AND seq = 1": "log L2, event 1: no JSON",
    "UPDATE position SET seq = 38": "log L2, event 40: is not as the position says, which is event 38",
    "UPDATE position SET log = 'L9'": "log L9, event 1: is not as the position says",
}
DEEP = {
    "UPDATE event SET body = (SELECT body FROM event WHERE log = 'L2' AND seq = 8) WHERE log = 'L2' AND seq = 9":
        "log L2, event 9: event 8 stands where 9 is due",
    "UPDATE event SET hash = 'x' WHERE log = 'L2' AND seq = 9": "log L2, event 9: is stored as another",
    "UPDATE event SET type = 'journal' WHERE log = 'L1' AND seq = 9": "log L1, event 9: is stored as another",
    "UPDATE stock SET quantity = quantity + 1 WHERE sku = 'SKU-7'":
        "log L2, event 39: stock of SKU-7 floor - sellable is 2, but the events say 1",
    "DELETE FROM stock": "log L2, event 39: stock of SKU-0 backroom - sellable is 0, but the events say",
    "INSERT INTO stock VALUES ('S1', 'ZZ', 'floor', '', 'sellable', 3)":
        "log L2, event 39: stock of ZZ floor - sellable is 3, but the events say 0",
}  # fmt: skip


@pytest.mark.parametrize("statement", SHALLOW)
def test_events_that_are_missing_are_found_by_every_check(db: str, statement: str) -> None:
    harm(db, statement)
    for deep in (False, True):
        assert str(found(db, deep=deep)).startswith(SHALLOW[statement])


@pytest.mark.parametrize("statement", DEEP)
def test_whatever_else_was_changed_is_found_by_the_deep_check(db: str, statement: str) -> None:
    harm(db, statement)
    assert str(found(db, deep=True)).startswith(DEEP[statement])


@pytest.mark.parametrize(
    ("seq", "old", "new", "said"),
    [
        (1, b"COLA", b"BEER", "event 1 was changed"),
        (9, b"SKU", b"SKX", "event 9 was changed"),
        (9, b'{"clock', b'{ "clock', "event 9 is not stored in canonical form"),
    ],
)
def test_bytes_that_were_changed_are_found_by_the_deep_check(
    db: str, seq: int, old: bytes, new: bytes, said: str
) -> None:
    change(db, "L2", seq, old, new)
    assert str(found(db, deep=True)).startswith(f"log L2, event {seq}: {said}")


def test_a_log_without_its_parent_is_only_the_first(tmp_path: Path) -> None:
    last = Log("L3").open([], NEW.end()).receive_many(2)
    assert found(write(str(tmp_path / "late.db"), NEW, last), deep=True) is None
    harm(write(str(tmp_path / "gone.db"), OLD, NEW, last), "DELETE FROM event WHERE log = 'L2'")
    assert str(found(str(tmp_path / "gone.db"), deep=False)).startswith(
        "log L3, event 1: grows from a log that is not there"
    )


def test_every_verify_looks_for_damage_first(db: str, tmp_path: Path) -> None:
    export = tmp_path / "log.jsonl"
    export.write_bytes(b"".join(one.body + b"\n" for one in NEW.events))
    sides = [["--export", str(export)], ["--broker", "127.0.0.1:1", "--store", "S1"], ["--deep"]]
    assert [run(db, *side).exit_code for side in (sides[0], [*sides[0], "--deep"], sides[2])] == [0, 0, 0]
    assert run(db, "--deep").stdout == "1 stores: what is stored is whole\n"
    harm(db, "DELETE FROM event WHERE log = 'L2' AND seq = 5")
    for side in sides:
        done = run(db, *side)
        assert done.exit_code == 1
        assert "log L2, event 5: is missing" in done.stderr
        assert "hint: " in done.stderr
