"""`jaego-hq catalog`, `asn`, `command`, as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from headoffice import tell_cli
from headoffice.cli import app
from headoffice.database import open_database
from headoffice.options_cli import EXIT_CONFIG
from headoffice.storages import open_storage
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch

tell_cli.register(app)
GTIN = "8801234567893"
ITEMS = f"sku,name_en,gtin\nMILK,Milk,{GTIN}\nTEA,Tea,\n"


@pytest.fixture
def db(tmp_path: Path) -> str:
    target = str(tmp_path / "hq.db")
    storage = open_storage(target)
    storage.save([batch(storage, Log(store="S1").open())], 0)
    storage.close()
    return target


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def test_items_are_taken_checked_and_deleted(tmp_path: Path, db: str) -> None:
    file = write(tmp_path, "items.csv", ITEMS)
    assert "new: MILK, TEA" in run("catalog", "import", file, "--db", db, "--check").output
    done = run("catalog", "import", file, "--db", db)
    assert (done.exit_code, done.stdout) == (0, "new: MILK, TEA\n")
    assert "2 new, 0 changed, 0 deleted, 0 as before; revision 2" in done.stderr
    less = write(tmp_path, "less.csv", "sku,name_en\nTEA,Green tea\n")
    told = json.loads(run("catalog", "import", less, "--db", db, "--complete", "--json").stdout)
    assert (told["changed"], told["deleted"], told["revision"]) == (["TEA"], ["MILK"], 4)
    wrong = run("catalog", "import", write(tmp_path, "wrong.csv", "sku,colour\n"), "--db", db)
    assert (wrong.exit_code, "colour" in wrong.output) == (EXIT_CONFIG, True)


def test_everything_is_published_again_at_a_word(tmp_path: Path, db: str) -> None:
    run("catalog", "import", write(tmp_path, "items.csv", ITEMS), "--db", db)
    held = open_database(db)
    held.write("INSERT INTO announced (name, revision, claimed_us) VALUES ('catalog', 2, 0)")
    assert run("catalog", "publish", "--db", db).exit_code == 0
    assert held.rows("SELECT * FROM announced") == []
    held.close()


def test_a_notice_is_imported_and_what_is_wrong_is_told(tmp_path: Path, db: str) -> None:
    run("catalog", "import", write(tmp_path, "items.csv", ITEMS), "--db", db)
    text = f"ASN,Filiale,EAN,Qty,Note\nASN-1,Eins,{GTIN},12,x\nASN-2,Eins,{GTIN},0,x\n"
    file = write(tmp_path, "asn.csv", text)
    chosen = write(tmp_path, "map.toml", '[columns]\nFiliale = "store"\n[stores]\nEins = "S1"\n')
    done = run("asn", "import", file, "--map", chosen, "--db", db)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "ASN-1 for S1: new, revision 1, 1 lines, 12 units",
        "line 3, Qty: '0': a quantity is a number from 1",
        "ASN-2: REFUSED, nothing of it is taken",
        "columns that are of no use here: Note",
    ]
    korean = run("asn", "import", file, "--map", chosen, "--db", db, "--language", "ko", "--json")
    document, fault = map(json.loads, korean.stdout.splitlines())
    assert (document["outcome"], fault["code"]) == ("same", "bad_quantity")
    assert "숫자" in fault["text"]
    good = write(tmp_path, "good.csv", text.replace(",0,", ",1,"))
    assert run("asn", "import", good, "--map", chosen, "--db", db, "--check").exit_code == 0
    assert run("asn", "import", good, "--db", db).exit_code == EXIT_CONFIG, "without the map no store is known"
    assert run("asn", "import", str(tmp_path / "none.csv"), "--db", db).exit_code == EXIT_CONFIG


def test_a_command_is_put_down_waited_for_and_listed(db: str) -> None:
    members = json.dumps({"reservation": "R-1"})
    done = run("command", "send", "release", "--store", "S1", "--members", members, "--id", "mine", "--db", db)
    row = json.loads(done.stdout)
    assert (done.exit_code, row["id"], row["status"], row["asked_by"]) == (0, "mine", "waiting", "jaego-hq")
    waited = run("command", "send", "ping", "--store", "S1", "--wait", "0.3", "--db", db)
    assert (waited.exit_code, json.loads(waited.stdout)["status"]) == (2, "waiting")
    held = open_database(db)
    held.write("UPDATE command SET status = 'refused', response = '{}' WHERE id = 'mine'")
    held.close()
    again = run(
        "command", "send", "release", "--store", "S1", "--members", members, "--id", "mine", "--wait", "5", "--db", db
    )
    assert again.exit_code == 1
    lines = run("command", "list", "--db", db, "--store", "S1").stdout.splitlines()
    assert [line.split()[2:4] for line in lines] == [["ping", "waiting"], ["release", "refused"]]
    assert len(run("command", "list", "--db", db, "--json", "--last", "1").stdout.splitlines()) == 1
    for wrong in (["dance"], ["ping", "--members", "["], ["ping", "--members", "[]"], ["release"]):
        assert run("command", "send", *wrong, "--store", "S1", "--db", db).exit_code == EXIT_CONFIG
