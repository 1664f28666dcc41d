"""`jaego-hq`: what its commands say, and their exit codes. What needs a broker is in test_broker.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from headoffice.cli import app
from headoffice.ingest import Ingest, Refusal
from headoffice.storages import open_storage
from headoffice.store import locked
from headoffice.storing import Batch
from tests.brokers import free_port
from tests.headoffice.logs import Log

LOG = Log().open([["COLA", "backroom", "A1", "sellable", 1200], ["BEER", "floor", None, "damaged", 3]])
LOG.receive("COLA", 5)
LOG.look()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def write(target: str, *logs: Log) -> None:
    store = open_storage(target)
    for log in logs:
        engine, batch = Ingest(log.store), Batch(log.store)
        for _kind, payload in log.batches():
            batch.accepted += engine.receive(payload).accepted
        batch.position, batch.key = engine.position, engine.key
        store.save([batch], 0)
    store.close()


@pytest.fixture
def db(target: str) -> str:
    write(target, LOG, Log(store="S2").open().receive_many(1))
    return target


def export(path: Path, log: Log) -> str:
    path.write_bytes(b"".join(one.body + b"\n" for one in log.events))
    return str(path)


# -- looking ----------------------------------------------------------------------------------------------------------


def test_stock_is_printed_row_by_row(db: str) -> None:
    done = run("stock", "--db", db)
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["S1", "COLA", "backroom", "A1", "sellable", "1,200"] in lines
    assert [line[0] for line in lines] == ["S1", "S1", "S1", "S2"]
    assert [line.split()[1] for line in run("stock", "--db", db, "--store", "S2").stdout.splitlines()] == ["SKU-0"]


def test_stock_as_json_is_one_object_a_line(db: str) -> None:
    lines = run("stock", "--db", db, "--sku", "COLA", "--json").stdout.splitlines()
    expected = {"store": "S1", "sku": "COLA", "zone": "backroom", "disposition": "sellable"}
    assert [json.loads(line) for line in lines] == [
        {**expected, "lot": None, "quantity": 5},
        {**expected, "lot": "A1", "quantity": 1200},
    ]


def test_the_log_is_shown_oldest_first(db: str) -> None:
    lines = run("log", "show", "--store", "S1", "--db", db, "--last", "2").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "3"]
    assert lines[1].endswith("exception unknown_code")
    (last,) = run("log", "show", "--store", "S1", "--db", db, "--last", "1", "--json").stdout.splitlines()
    assert json.loads(last) == json.loads(LOG.events[-1].body)


def test_what_a_store_wrote_cannot_play_with_the_terminal(tmp_path: Path) -> None:
    log = Log().open()
    log.write("journal", {"kind": "\x1b[2Jboo"})
    log.write("journal", {"note": "of a later release"})
    write(str(tmp_path / "hq.db"), log)
    done = run("log", "show", "--store", "S1", "--db", str(tmp_path / "hq.db"))
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("command", [["stock"], ["log", "show"]])
def test_a_store_that_is_not_known_is_a_mistake(db: str, command: list[str]) -> None:
    done = run(*command, "--db", db, "--store", "S9")
    assert done.exit_code == 78
    assert "knows no store S9\nhint: it knows S1, S2" in done.stderr


@pytest.mark.parametrize("command", [["stock"], ["log", "show", "--store", "S1"], ["verify", "--export", "x"]])
def test_a_database_that_is_not_there_is_said(tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--db", str(tmp_path / "none.db"))
    assert done.exit_code == (2 if command[0] == "verify" else 1)
    assert done.stderr.count("\n") == 2
    assert "hint: " in done.stderr


def test_a_damaged_database_is_said_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "hq.db"
    write(str(path), Log().open().receive_many(300))
    content = bytearray(path.read_bytes())
    lost = len(content) // 5  # the schema stays, the last rows are gone
    content[-lost:] = b"\xff" * lost
    path.write_bytes(content)
    done = run("log", "show", "--store", "S1", "--db", str(path), "--last", "1000")
    assert done.exit_code == 1
    assert "cannot be read" in done.stderr


def test_what_was_refused_is_listed(target: str) -> None:
    store, batch = open_storage(target), Batch("S1")
    batch.refusals = [Refusal("fork", "log L1 was left", "L1", 7, b'{"seq":7}'), Refusal("shape", "x", None, None, b"")]
    other = Batch("S2")
    other.refusals = [Refusal("shape", "no JSON", None, None, b"\xff")]
    store.save([batch, other], 1_700_000_000_000_000)
    store.save([batch], 1_700_000_060_000_000)
    store.close()
    lines = run("quarantine", "--db", target).stdout.splitlines()
    assert [line.split()[1:] for line in lines[:2]] == [
        ["S2", "shape", "-", "-", "1", "times:", "no", "JSON"],
        ["S1", "fork", "L1", "7", "2", "times:", "log", "L1", "was", "left"],
    ]
    first, _ = run("quarantine", "--db", target, "--store", "S1", "--json").stdout.splitlines()
    told = json.loads(first)
    assert told["at"].startswith("2023-11-14T22:13:20")
    assert told["last_at"].startswith("2023-11-14T22:14:20")
    assert (told["times"], told["body"], told["seq"]) == (2, '{"seq":7}', 7)
    done = run("quarantine", "--db", target, "--store", "S9")
    assert (done.exit_code, done.stdout) == (0, "")


# -- comparing --------------------------------------------------------------------------------------------------------


def test_an_equal_export_is_0(db: str, tmp_path: Path) -> None:
    done = run("verify", "--db", db, "--export", export(tmp_path / "log.jsonl", LOG))
    assert (done.exit_code, done.stdout) == (0, "S1: equal at event 3: 3 rows, 1,208 units\n")


def test_a_different_export_is_1_and_shows_the_rows(db: str, tmp_path: Path) -> None:
    other = Log().open([["COLA", "backroom", "A1", "sellable", 1199], ["BEER", "floor", None, "damaged", 3]])
    path = export(tmp_path / "log.jsonl", other)
    done = run("verify", "--db", db, "--export", path)
    assert done.exit_code == 1
    assert "S1: DIFFERENT at event 1" in done.stdout
    assert "  COLA backroom A1 sellable: 1199 in the store, 1200 here" in done.stdout
    done = run("verify", "--db", db, "--export", path, "--json")
    assert (done.exit_code, json.loads(done.stdout)["equal"]) == (1, False)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\x00\xff"])
def test_an_export_that_cannot_be_compared_is_2(db: str, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.jsonl").write_bytes(content)
    done = run("verify", "--db", db, "--export", str(tmp_path / "log.jsonl"))
    assert done.exit_code == 2
    assert "hint: " in done.stderr


def test_an_export_that_is_not_there_is_2(db: str, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert run("verify", "--db", db, "--export", str(path)).exit_code == 2


def test_a_broker_that_is_not_there_is_2(db: str) -> None:
    done = run("verify", "--db", db, "--broker", f"127.0.0.1:{free_port()}", "--timeout", "1")
    assert done.exit_code == 2
    assert "the broker cannot be reached" in done.stderr


def test_a_head_office_without_stores_compares_nothing(tmp_path: Path) -> None:
    write(str(tmp_path / "hq.db"))
    done = run("verify", "--db", str(tmp_path / "hq.db"), "--broker", "127.0.0.1:1")
    assert done.exit_code == 2
    assert "no store" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--broker", "h:1", "--export", "x"]])
def test_verify_wants_one_side(db: str, arguments: list[str]) -> None:
    assert run("verify", "--db", db, *arguments).exit_code == 2


# -- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--broker", "nowhere"],
        ["--broker", ":1883"],
        ["--broker", "host:0"],
        ["--broker", "host:x"],
        ["--password-file", "NONE"],
        ["--password-file", "JUNK"],
        ["--catalog", "NONE"],
        ["--catalog", "JUNK"],
        ["--ca", "NONE"],
        ["--ca", "JUNK"],
        ["--stores", "S1,a/b"],
        ["--stores", ""],
    ],
)
def test_a_mistake_in_the_arguments_is_78(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "junk").write_bytes(b"\xff\xfe\x00")
    paths = {"NONE": str(tmp_path / "none"), "JUNK": str(tmp_path / "junk")}
    done = run("run", "--db", str(tmp_path / "hq.db"), *(paths.get(word, word) for word in arguments))
    assert done.exit_code == 78, done.output
    assert "hint: " in done.stderr


def test_a_second_head_office_on_one_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hq.db"
    (tmp_path / "link.db").symlink_to(path)
    with locked(path):
        for name in ("hq.db", "link.db"):
            done = run("run", "--db", str(tmp_path / name))
            assert done.exit_code == 1
            assert f"{name} is in use by another head office\nhint: stop the other one" in done.stderr
        with locked(tmp_path / "other.db"):
            pass
    with locked(path):
        assert not path.exists()


def test_run_says_what_is_wrong_with_the_database(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "hq.db"):
        done = run("run", "--db", str(path))
        assert done.exit_code == 1
        assert "hint: " in done.stderr
    assert not tmp_path.with_name(tmp_path.name + ".lock").exists()


def test_projections_are_made_again_by_hand(db: str) -> None:
    before, held = run("stock", "--db", db).stdout, open_storage(db)
    held.database.write("DELETE FROM stock WHERE sku = 'COLA'")
    held.close()
    assert run("stock", "--db", db).stdout != before
    done = run("rebuild", "--db", db, "--store", "S1")
    assert (done.exit_code, done.stdout) == (0, "3 events\n")
    assert "1 of 1 stores" in done.stderr
    assert run("stock", "--db", db).stdout == before
    assert run("rebuild", "--db", db).stdout == "5 events\n"
    assert run("rebuild", "--db", db, "--store", "S9").exit_code == 78


def test_a_file_that_is_in_use_is_not_rebuilt(tmp_path: Path) -> None:
    write(str(tmp_path / "hq.db"), LOG)
    with locked(tmp_path / "hq.db"):
        done = run("rebuild", "--db", str(tmp_path / "hq.db"))
    assert done.exit_code == 1
    assert "in use" in done.stderr


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["verify", "--help"], ["log", "show", "--help"]])
def test_help_is_there(command: list[str]) -> None:
    done = run(*command)
    assert done.exit_code == 0
    assert "Usage" in done.stdout
