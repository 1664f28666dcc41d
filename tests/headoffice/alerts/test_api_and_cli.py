"""What people do with alerts and rules: over the API, and at the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from typer.testing import CliRunner

from headoffice import alerts_cli
from headoffice.alerts import records, texts
from headoffice.alerts.csv_rows import read_pos, read_rules
from headoffice.alerts.rules import RULES, Row
from headoffice.cli import app as command
from headoffice.errors import ConfigError
from tests.headoffice.alerts.world import World
from tests.headoffice.client import Client, body
from tests.headoffice.logs import Log


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    found = Client(world.target, world.clock)
    yield found
    found.close()


def raised(world: World, count: int = 3) -> None:
    world.rule("low_stock", 10)
    for store in ("S1", "S2"):
        world.take(Log(store=store).open([[f"SKU-{n}", "shelf", None, "sellable", 5] for n in range(count)]))
    world.start()
    world.run(1)


def test_alerts_are_listed_filtered_and_cut_into_pages(world: World, client: Client) -> None:
    raised(world)
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = body(client.get("/api/v1/alerts", params={"limit": 4} | ({"cursor": cursor} if cursor else {})))
        found += page["rows"]
        cursor = page.get("more")
        if cursor is None:
            break
    assert sorted((one["store"], one["subject"]) for one in found) == [
        (store, f"SKU-{n}") for store in ("S1", "S2") for n in range(3)
    ]
    assert found[0]["text_en"].endswith("5 available, minimum 10")
    assert "가용 5개" in found[0]["text_ko"]
    assert len(body(client.get("/api/v1/alerts?store=S2&rule=low_stock&severity=warning"))["rows"]) == 3
    assert not body(client.get("/api/v1/alerts?subject=SKU-9"))["rows"]
    lines = client.get("/api/v1/alerts?format=csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 7
    assert body(client.get("/api/v1/alerts?mistyped=1"), 400)["error"] == "unknown_parameter"


def test_an_alert_is_acknowledged_noted_and_closed(world: World, client: Client) -> None:
    raised(world, 1)
    held = body(client.post("/api/v1/alerts/1/acknowledge", json={"note": "ordered"}))
    assert (held["state"], held["note"], bool(held["acknowledged_by"])) == ("acknowledged", "ordered", True)
    assert body(client.post("/api/v1/alerts/1/note", json={"note": "comes on Friday"}))["note"] == "comes on Friday"
    world.run(60)
    assert body(client.get("/api/v1/alerts/1"))["state"] == "acknowledged"  # the desk does not undo it
    shut = body(client.post("/api/v1/alerts/1/close", json={}))
    assert (shut["state"], shut["note"]) == ("closed", "comes on Friday")
    assert body(client.post("/api/v1/alerts/1/close", json={}), 409)["error"] == "closed"
    assert body(client.post("/api/v1/alerts/99/close", json={}), 404)["error"] == "unknown_alert"
    assert len(body(client.get("/api/v1/alerts"))["rows"]) == 1
    assert len(body(client.get("/api/v1/alerts?state=all"))["rows"]) == 2
    world.run(60)
    changes = [one["change"] for one in world.told() if one["id"] == 1]
    assert changes == ["raised", "acknowledged", "closed"]


def test_rules_are_set_listed_and_taken_away(world: World, client: Client) -> None:
    row = {"rule": "low_stock", "store": "S1", "category": "", "sku": "COLA", "value": 7, "severity": "critical"}
    assert body(client.put("/api/v1/rules", json=row))["enabled"] is True
    assert body(client.get("/api/v1/rules?rule=low_stock"))["rows"] == [{**row, "enabled": True}]
    assert body(client.put("/api/v1/rules", json={**row, "category": "x"}), 422)["field"] == "sku"
    assert body(client.put("/api/v1/rules", json={**row, "rule": "nonsense"}), 422)["field"] == "rule"
    assert body(client.put("/api/v1/rules", json={**row, "store": "a/b"}), 422)["field"] == "store"
    place = {"rule": "low_stock", "store": "S1", "sku": "COLA"}
    assert body(client.delete("/api/v1/rules", params=place), 204) is None
    assert body(client.delete("/api/v1/rules", params=place), 404)["error"] == "unknown_rule"
    kinds = {one["rule"]: one for one in body(client.get("/api/v1/rules/kinds"))}
    assert kinds.keys() == RULES.keys()
    assert kinds["store_silent"]["value"] == 900


def test_rules_go_out_and_come_in_as_csv(world: World, client: Client) -> None:
    rows = [
        Row("low_stock", "", "음료", "", 5, "warning", enabled=True),
        Row("low_stock", "S1", "", "-A1", 0, "info", False),
    ]
    records.put_rules(world.database, rows, 1)
    table = client.get("/api/v1/rules?format=csv").content
    assert b"'-A1" in table
    for one in rows:
        records.drop_rule(world.database, *one[:4])
    head = {"content-type": "text/csv"}
    assert body(client.post("/api/v1/rules/import", content=table, headers=head)) == {"rows": 2}
    assert records.read_rows(world.database) == rows
    wrong = body(client.post("/api/v1/rules/import", content=b"rule\nlow_stock\nnonsense", headers=head), 422)
    assert "line 3" in wrong["hint"]


def test_what_the_tills_sold_comes_in_by_the_api(world: World, client: Client) -> None:
    table = b"day;store;sku;sold\n2026-11-20;S1;COLA;5\n2026-11-20;S1;MILK;2\n"
    assert body(client.post("/api/v1/pos", content=table, headers={"content-type": "text/csv"})) == {"rows": 2}
    assert len(world.database.rows("SELECT * FROM pos_total")) == 2
    assert len(world.database.rows("SELECT * FROM pos_day")) == 1


@pytest.mark.parametrize(
    ("table", "where"),
    [
        (b"", "line 1"),
        (b"rule,nonsense\n", "line 1"),
        (b"store\nS1", "line 1"),
        (b"rule,value\nlow_stock,many", "line 2"),
        (b"rule,value\nlow_stock,-1", "line 2"),
        (b"rule,value\n\nlow_stock,1,2", "line 3"),
        (b"rule,enabled\nlow_stock,perhaps", "line 2"),
        (b"rule,severity\nlow_stock,awful", "line 2"),
        (b"rule,store\nstore_silent,a/b", "line 2"),
        (b"rule,sku\nstore_silent,COLA", "line 2"),
        (b"rule\n\xff", "line 1"),
        (b'rule\n"low', "line 2"),
    ],
)
def test_a_wrong_line_is_named(table: bytes, where: str) -> None:
    with pytest.raises(ConfigError, match=where) as caught:
        read_rules(table)
    assert caught.value.hint


@pytest.mark.parametrize(
    "row", [b"2026-13-01,S1,COLA,1", b"2026-11-01,a/b,COLA,1", b"2026-11-01,S1,COLA,", b"x,S1,C,1"]
)
def test_a_wrong_line_of_the_tills_is_named(row: bytes) -> None:
    with pytest.raises(ConfigError, match="line 2"):
        read_pos(b"day,store,sku,sold\n" + row)


def test_the_command_line_lists_acknowledges_and_sets(world: World, tmp_path: Path) -> None:
    alerts_cli.register(command) if not any(one.name == "alerts" for one in command.registered_groups) else None

    def said(*words: str, code: int = 0, given: bytes | None = None) -> str:
        done = CliRunner().invoke(command, [*words, "--db", world.target], input=given)
        assert done.exit_code == code, done.output
        return done.output

    raised(world, 1)
    assert "SKU-0: 5 available, minimum 10" in said("alerts", "list")
    assert "SKU-0: 가용 5개, 최소 10개" in said("alerts", "list", "--ko", "--store", "S2")
    assert json.loads(said("alerts", "list", "--json", "--limit", "1"))["subject"] == "SKU-0"
    assert said("alerts", "ack", "1", "--note", "ordered", "--by", "kim") == "1: acknowledged\n"
    assert said("alerts", "close", "1") == "1: closed\n"
    said("alerts", "close", "1", code=78)
    file = tmp_path / "rules.csv"
    file.write_text("rule,store,value\nlow_stock,S1,4\n")
    assert said("rules", "import", str(file)) == "1 rules set\n"
    assert "store S1" in said("rules", "show", "--rule", "low_stock")
    said("rules", "export", str(file))
    assert len(read_rules(file.read_bytes())) == 2
    said("rules", "import", str(tmp_path / "none"), code=78)
    assert said("pos", "import", "-", given=b"day,store,sku,sold\n2026-11-20,S1,COLA,5\n") == "1 rows taken in\n"


def test_every_rule_has_its_words_in_both_languages() -> None:
    assert texts.NAMES.keys() == texts.WATCHES.keys() == RULES.keys()
    assert texts.TEXTS.keys() == RULES.keys() - {"buffer"}
    for korean, english in texts.TEXTS.values():
        said = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (korean, english)]
        assert said[0] == said[1], "the two languages tell different facts"
    assert {kind.unit for kind in RULES.values()} == texts.UNITS.keys()
    for table in (texts.NAMES, texts.WATCHES, texts.UNITS, texts.SEVERITIES, texts.STATES, texts.EXCEPTION_KINDS):
        assert all(korean.strip() and english.strip() for korean, english in table.values())
