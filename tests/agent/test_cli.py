"""The command line on a real folder: what it prints, what it refuses, and how it exits."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from agent.cli import app
from agent.errors import EXIT_CONFIG, EXIT_DAMAGED, EXIT_LEDGER
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Ledger
from agent.operations.values import Draft
from contract.chain import check_body
from contract.stock import line_deltas
from contract.times import Stamper
from tests.agent.clocks import FakeClock

CONFIG = """
[store]
id = "S1"
state_dir = "state"
zones = ["backroom", "salesfloor"]
clock_trusted = true
[uplink]
enabled = false
[web]
enabled = false
"""
CSV = "sku,name_ko,gtin,units,level\nCOLA,콜라,08801234567893,1,each\n"


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.config = folder, folder / "state", folder / "agent.toml"
        self.state.mkdir()
        self.config.write_text(CONFIG)

    def ledger(self, rule: Rule | None = None) -> Ledger:
        stamper = Stamper(ZoneInfo("Asia/Seoul"))
        ledger = Ledger(self.state, store="S1", clock=FakeClock(), stamper=stamper, rule=rule)
        ledger.start()
        return ledger

    def fill(self, count: int = 3) -> None:
        ledger = self.ledger()
        for number in range(count):
            ledger.call(lambda tx, number=number: tx.append([draft(number)]))
        ledger.close()

    def run(self, *command: str) -> Result:
        result = CliRunner().invoke(app, [*command, "--config", str(self.config)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def damage(self, statement: str) -> None:
        raw = sqlite3.connect(self.state / "ledger.db")
        raw.execute("DROP TRIGGER IF EXISTS event_is_never_changed")
        raw.execute(statement)
        raw.commit()
        raw.close()


def draft(number: int) -> Draft:
    line = {"sku": "COLA", "quantity": number + 1, "from": "supplier", "to": "backroom", "disposition": "sellable"}
    if number % 2:
        line["lot"] = "L1"
    source = {"device": "scanner", "station": "dock"}
    return Draft(
        "movement", {"kind": "received", "lines": [line]}, source, FakeClock().wall_us, "synced", line_deltas(line)
    )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


# -- the log -----------------------------------------------------------------------------------------------------------


def test_verify_says_that_all_is_well_and_where_it_is_not(shop: Shop) -> None:
    shop.fill()
    good = shop.run("log", "verify")
    assert (good.exit_code, good.stdout.split(":")[0]) == (0, "intact")
    found = json.loads(shop.run("log", "verify", "--json").stdout)
    assert (found["ok"], found["store"], found["events"], found["head"]) == (True, "S1", 4, 4)
    shop.damage("UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'COLA', 'BEER') AS BLOB) WHERE seq = 3")
    bad = shop.run("log", "verify")
    assert (bad.exit_code, bad.stdout.startswith("DAMAGED: event 3")) == (1, True)
    told = json.loads(shop.run("log", "verify", "--json").stdout)
    assert (told["ok"], told["code"]) == (False, "hash")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET body = x'ff00' WHERE seq = 2",
        "UPDATE event SET body = '[]' WHERE seq = 2",
        "UPDATE event SET type = 'journal' WHERE seq = 2",
        "UPDATE event SET seq = 9 WHERE seq = 4",
        "UPDATE identity SET log = 'another'",
    ],
)
def test_verify_finds_every_sort_of_damage(shop: Shop, statement: str) -> None:
    shop.fill()
    shop.damage(statement)
    found = shop.run("log", "verify", "--json")
    assert (found.exit_code, json.loads(found.stdout)["ok"]) == (1, False)


def test_prove_gives_the_events_up_to_the_checkpoint(shop: Shop) -> None:
    shop.fill()
    early = shop.run("log", "prove", "3")
    assert (early.exit_code, "not signed yet" in early.stderr) == (EXIT_LEDGER, True)
    assert "signed: to event 1 of 4" in shop.run("log", "verify").stdout
    shop.ledger(Rule(10, 3_600)).close()
    found = json.loads(shop.run("log", "prove", "3").stdout)
    assert [one["seq"] for one in found["events"]] == [3, 4, 5]
    assert found["key"] == shop.run("key", "show").stdout.strip()
    assert "signed: to event 5 of 5" in shop.run("log", "verify").stdout


def test_verify_holds_a_log_to_the_key_beside_it(shop: Shop) -> None:
    shop.fill()
    (shop.state / "store.key").write_bytes(bytes(32))
    told = json.loads(shop.run("log", "verify", "--json").stdout)
    assert (told["ok"], told["code"]) == (False, "key")


def test_show_gives_the_newest_oldest_first(shop: Shop) -> None:
    shop.fill()
    events = [json.loads(line) for line in shop.run("log", "show", "--last", "2", "--json").stdout.splitlines()]
    assert [one["seq"] for one in events] == [3, 4]
    assert [one["data"]["lines"][0]["quantity"] for one in events] == [2, 3]
    lines = shop.run("log", "show").stdout.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("received: 3 COLA supplier>backroom")
    assert "opening" in lines[0]


def test_show_of_one_type_and_of_none_that_exists(shop: Shop) -> None:
    shop.fill()
    assert len(shop.run("log", "show", "--type", "journal").stdout.splitlines()) == 1
    assert shop.run("log", "show", "--type", "exception").stdout == ""
    wrong = shop.run("log", "show", "--type", "movements")
    assert wrong.exit_code == 2
    assert shop.run("log", "show", "--last", "0").exit_code == 2


def test_export_is_the_log_byte_for_byte(shop: Shop) -> None:
    shop.fill()
    target = shop.folder / "log.jsonl"
    result = shop.run("log", "export", str(target))
    assert (result.exit_code, result.stderr) == (0, "4 events\n")
    prev: str | None = None
    for seq, line in enumerate(target.read_bytes().splitlines(), start=1):
        prev = str(check_body(line, prev=prev, seq=seq)["hash"])
    assert seq == 4
    assert not list(shop.folder.glob("*.part"))


def test_export_to_standard_output(shop: Shop) -> None:
    shop.fill()
    result = shop.run("log", "export", "-")
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == [1, 2, 3, 4]


def test_export_where_it_cannot_be_says_so_and_leaves_no_half(shop: Shop) -> None:
    shop.fill()
    refused = shop.run("log", "export", str(shop.folder / "none" / "log.jsonl"))
    assert refused.exit_code == 1
    assert "No such file or directory" in refused.stderr
    own = shop.run("log", "export", str(shop.state / "ledger.db"))
    assert own.exit_code == 1
    assert "file of the store itself" in own.stderr
    shop.damage("UPDATE event SET body = x'00' WHERE seq = 3")
    assert shop.run("log", "export", str(shop.folder / "log.jsonl")).exit_code == 0  # damaged events come out as well


def test_rebuild_says_whether_the_projections_had_been_right(shop: Shop) -> None:
    shop.fill()
    right = shop.run("log", "rebuild")
    assert (right.exit_code, right.stdout) == (0, "the projections were right\n")
    shop.damage("UPDATE stock SET quantity = 77")
    wrong = shop.run("log", "rebuild")
    assert (wrong.exit_code, wrong.stdout) == (0, "the projections were wrong and are right now\n")
    rows = [json.loads(line) for line in shop.run("stock", "--json").stdout.splitlines()]
    assert sum(row["quantity"] for row in rows) == 6


def test_rebuild_is_refused_while_the_folder_is_in_use(shop: Shop) -> None:
    ledger = shop.ledger()
    refused = shop.run("log", "rebuild")
    ledger.close()
    assert refused.exit_code == EXIT_LEDGER
    assert "in use by another agent" in refused.stderr


def test_rebuild_of_a_damaged_log_changes_nothing(shop: Shop) -> None:
    shop.fill()
    before = shop.run("stock", "--json").stdout
    shop.damage('UPDATE event SET body = \'{"no": "event"}\' WHERE seq = 3')
    refused = shop.run("log", "rebuild")
    assert refused.exit_code == EXIT_DAMAGED
    assert "not what was written" in refused.stderr
    assert shop.run("stock", "--json").stdout == before


# -- stock -------------------------------------------------------------------------------------------------------------


def test_stock_as_rows_and_as_json(shop: Shop) -> None:
    shop.fill()
    rows = [json.loads(line) for line in shop.run("stock", "--json").stdout.splitlines()]
    assert rows == [
        {"sku": "COLA", "zone": "backroom", "lot": None, "disposition": "sellable", "quantity": 4},
        {"sku": "COLA", "zone": "backroom", "lot": "L1", "disposition": "sellable", "quantity": 2},
    ]
    assert shop.run("stock").stdout.splitlines()[-1] == "2 rows, 6 units"
    assert shop.run("stock", "--zone", "salesfloor").stdout == "0 rows, 0 units\n"
    assert shop.run("stock", "--sku", "' OR 1=1").stdout == "0 rows, 0 units\n"
    assert len(shop.run("stock", "--sku", "COLA", "--json").stdout.splitlines()) == 2


# -- folders and files that are not as they should be ------------------------------------------------------------------

READING = [
    ["stock"],
    ["log", "verify"],
    ["log", "show"],
    ["log", "prove", "1"],
    ["log", "export", "-"],
    ["log", "rebuild"],
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_a_ledger_nothing_is_made(shop: Shop, command: list[str]) -> None:
    result = shop.run(*command)
    assert result.exit_code == EXIT_LEDGER
    assert "there is no ledger" in result.stderr
    assert "hint: " in result.stderr
    assert list(shop.state.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_file_that_is_no_database_is_named(shop: Shop, command: list[str]) -> None:
    (shop.state / "ledger.db").write_bytes(b"rubbish " * 1000)
    result = shop.run(*command)
    assert result.exit_code == EXIT_DAMAGED
    assert "ledger.db" in result.stderr
    assert "hint: " in result.stderr


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_ledger_that_was_never_begun(shop: Shop, command: list[str]) -> None:
    shop.fill()
    shop.damage("DELETE FROM identity")
    result = shop.run(*command)
    assert result.exit_code == EXIT_LEDGER
    assert "never begun" in result.stderr


def test_torn_pages_are_an_error_with_a_hint_and_no_traceback(shop: Shop) -> None:
    shop.fill(300)
    path = shop.state / "ledger.db"
    raw = bytearray(path.read_bytes())
    raw[8192:] = b"\xaa" * (len(raw) - 8192)
    path.write_bytes(raw)
    for command in READING:
        result = shop.run(*command)
        assert result.exit_code in {1, EXIT_DAMAGED}
        assert result.stderr or "DAMAGED" in result.stdout


def test_a_configuration_that_is_not_there(shop: Shop) -> None:
    shop.config.unlink()
    assert shop.run("stock").exit_code == EXIT_CONFIG
    assert "Traceback" not in shop.run("log", "rebuild").stderr


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_a_catalogue_is_imported_and_every_refused_row_named(shop: Shop) -> None:
    file = shop.folder / "items.csv"
    file.write_text(CSV)
    good = shop.run("catalogue", "import", str(file))
    assert (good.exit_code, good.stdout) == (0, "1 items: 1 added, 0 changed, 0 refused\n")
    file.write_text(CSV + "BEER,맥주,08801234567890,1,each\n")
    bad = shop.run("catalogue", "import", str(file))
    assert bad.exit_code == 1
    assert f"{file}:3: gtin: found" in bad.stderr


def test_a_catalogue_that_cannot_be_read_or_written(shop: Shop) -> None:
    missing = shop.run("catalogue", "import", str(shop.folder / "none.csv"))
    assert (missing.exit_code, "hint: " in missing.stderr) == (1, True)
    file = shop.folder / "items.csv"
    file.write_text(CSV)
    (shop.state / "catalogue.db").write_bytes(b"rubbish " * 1000)
    damaged = shop.run("catalogue", "import", str(file))
    assert (damaged.exit_code, "damaged" in damaged.stderr) == (1, True)


# -- the agent as a process --------------------------------------------------------------------------------------------


def start(shop: Shop) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from agent.cli import main; main()", "run", str(shop.config)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    pytest.fail(f"{words!r} was not said, only {lines}")


def test_the_agent_runs_keeps_its_folder_and_ends_clean(shop: Shop) -> None:
    (shop.state / "catalogue.db").write_bytes(b"rubbish " * 1000)
    shop.config.write_text(CONFIG + '[catalogue]\nfile = "items.csv"\n')
    (shop.folder / "items.csv").write_text(CSV)
    with start(shop) as process:
        try:
            said = "".join(read_until(process, "is open, 1 events"))
            assert "set aside" in said
            assert "items.csv: 1 items read, 0 refused" in said
            assert shop.run("log", "verify").exit_code == 0
            refused = shop.run("log", "rebuild")
            assert (refused.exit_code, "another agent" in refused.stderr) == (EXIT_LEDGER, True)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert shop.run("log", "rebuild").exit_code == 0
    assert len(list(shop.state.glob("catalogue.db.damaged-*"))) == 1


def test_a_catalogue_file_that_is_none_does_not_close_the_store(shop: Shop) -> None:
    shop.config.write_text(CONFIG + '[catalogue]\nfile = "items.csv"\n')
    with start(shop) as process:
        try:
            assert "items.csv" in "".join(read_until(process, "is open"))
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.parametrize("case", ["no folder", "damaged", "other store"])
def test_a_store_that_cannot_open_says_why(shop: Shop, case: str) -> None:
    if case == "no folder":
        shop.state.rmdir()
    elif case == "damaged":
        (shop.state / "ledger.db").write_bytes(b"rubbish " * 1000)
    else:
        shop.fill()
        shop.config.write_text(CONFIG.replace("S1", "S2"))
    result = CliRunner().invoke(app, ["run", str(shop.config)])
    assert result.exit_code == (EXIT_DAMAGED if case == "damaged" else EXIT_LEDGER)
    assert "hint: " in result.stderr


def test_a_reader_that_hangs_up_is_no_error_with_a_traceback(shop: Shop) -> None:
    shop.fill(300)
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        ran = subprocess.run(
            [sys.executable, "-c", "from agent.cli import main; main()", "log", "export", "-", "-c", str(shop.config)],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            cwd=Path(__file__).resolve().parents[2],
        )
    assert b"Traceback" not in ran.stderr
