"""The weekly report's figures by hand; checks and the report over the API and at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner

from headoffice import checks_cli
from headoffice.checks import report, results, texts
from headoffice.cli import app as command
from tests.headoffice.alerts.world import START_US
from tests.headoffice.checks.conftest import plain
from tests.headoffice.checks.world import World
from tests.headoffice.client import Client, body
from tests.headoffice.logs import Log

Made = Callable[..., World]
WEEK = report.last_week(START_US + 7 * report.DAY_US)


@pytest.fixture
def client(make: Made, target: str) -> Iterator[Client]:
    world = make(plain(), plain("S2", 3))
    world.run(60)
    found = Client(target, world.clock)
    yield found
    found.close()


def told(world: World) -> report.StoreReport:
    return report.stores(world.database, WEEK, store="S1").rows[0]


def counted(log: Log, permille: int, delta: int, lines: int) -> None:
    row = {"sku": "COLA", "disposition": "sellable", "expected": 20, "counted": 20 + delta, "delta": delta}
    row["within"] = False
    data = {
        "kind": "approved", "count": f"C{permille}", "zone": "shelf", "blind": False, "lines_total": lines,
        "accuracy_permille": permille, "exact_permille": permille, "counted_by": ["c1"], "lines": [row],
    }  # fmt: skip
    log.write("count", data)


def test_a_week_of_a_store(make: Made) -> None:
    log = Log().open([["COLA", "shelf", None, "sellable", 20]])
    for day in ("2026-11-23", "2026-11-26"):
        for _ in range(5):
            movement = {"kind": "received", "lines": [{"sku": "COLA", "quantity": 1, "from": "supplier", "to": "shelf",
                                                       "disposition": "sellable"}]}  # fmt: skip
            log.write("movement", movement, occurred_at=f"{day}T12:00:00.000+09:00")
        log.write("exception", {"kind": "unknown_code", "reason": "x"}, occurred_at=f"{day}T12:00:00.000+09:00")
    counted(log, 900, -4, 30)
    counted(log, 500, 10, 10)
    world = make(log)
    assert WEEK.begin_us <= world.clock.wall_us() < WEEK.end_us
    world.check()
    world.database.write("UPDATE stock SET quantity = quantity + 3 WHERE sku = 'COLA'")
    world.check()
    found = told(world)
    assert (found.checks_equal, found.checks_repaired, found.checks_different) == (1, 1, 0)
    assert (found.counts, found.accuracy_permille, found.lines_off) == (2, (900 * 30 + 500 * 10) // 40, 3 + 5)
    assert (found.movements, found.exceptions, found.exceptions_permille) == (10, 2, 200)
    assert found.silent_days == 5
    overall = report.report(world.database, WEEK)
    assert (overall.stores, overall.first_day, overall.last_day) == (1, "2026-11-23", "2026-11-29")
    assert overall.overall.model_dump() == report.Sums(**{
        name: getattr(found, name) for name in report.Sums.model_fields
    }).model_dump()  # fmt: skip
    assert [(one.sku, one.units, one.found_by) for one in overall.top] == [("COLA", 6, "count"), ("COLA", -3, "check")]


def test_another_week_has_nothing_of_it(make: Made) -> None:
    world = make()
    world.check()
    before = report.last_week(START_US)
    found = report.stores(world.database, before).rows[0]
    assert (found.checks_equal, found.movements, found.latency_p50_ms, found.silent_days) == (0, 0, None, 7)
    assert report.report(world.database, before).top == []


def test_latency_is_from_written_to_stored_where_the_clock_is_good(make: Made) -> None:
    log = Log().open()
    at_us = START_US + 1_000_000_000
    for number in range(100):
        late_s = 500 if number % 3 else 2
        recorded = report.datetime.fromtimestamp(at_us / 1e6 - late_s, report.UTC).isoformat(timespec="milliseconds")
        clock = "suspect" if number % 3 else "synced"
        log.write("exception", {"kind": "unknown_code", "reason": "x"}, recorded_at=recorded, clock=clock)
    world = make(log)
    assert told(world).latency_p50_ms == 2000


@pytest.mark.parametrize("text", ["2026", "2026-W54", "2026-W00", "W47", "2026-Wxx", "0000-W01"])
def test_what_is_no_week(text: str) -> None:
    with pytest.raises(report.NoWeek):
        report.week_of(text)


def test_weeks_are_those_of_iso_8601() -> None:
    assert report.week_of("2026-W01").first.isoformat() == "2025-12-29"
    assert report.week_of("2026-W53").last.isoformat() == "2027-01-03"


def test_checks_over_the_api(client: Client) -> None:
    page = body(client.get("/api/v1/checks?newest=true"))
    assert {(one["store"], one["verdict"]) for one in page["rows"]} == {("S1", "equal"), ("S2", "equal")}
    one = body(client.get(f"/api/v1/checks/{page['rows'][0]['id']}"))
    assert (one["differences"], one["done"], one["deep"]) == ([], [], False)
    assert body(client.get("/api/v1/checks/999"), 404)["error"] == "unknown_check"
    assert body(client.post("/api/v1/checks", json={"stores": ["S1"], "deep": True}), 202) == {"stores": 1}
    assert body(client.post("/api/v1/checks", json={}), 202) == {"stores": 2}
    assert body(client.post("/api/v1/checks", json={"stores": ["S9"]}), 404)["field"] == "stores"
    assert len(body(client.get("/api/v1/checks?store=S2&verdict=equal"))["rows"]) == 1


def test_the_report_over_the_api(client: Client) -> None:
    found = body(client.get("/api/v1/report", params={"week": WEEK.name}))
    assert (found["week"], found["stores"], found["overall"]["checks_equal"]) == (WEEK.name, 2, 2)
    assert body(client.get("/api/v1/report"))["week"] < WEEK.name
    rows = body(client.get("/api/v1/report/stores", params={"week": WEEK.name, "limit": 1}))
    assert [one["store"] for one in rows["rows"]] == ["S1"]
    lines = client.get(f"/api/v1/report/stores?week={WEEK.name}&format=csv").text.splitlines()
    assert len(lines) == 3
    assert body(client.get("/api/v1/report?week=2026-W60"), 422)["field"] == "week"


def test_the_command_line_checks_and_reports(make: Made, target: str) -> None:
    world = make()
    if not any(one.name == "report" for one in command.registered_commands):
        checks_cli.register(command)

    def said(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(command, [*words, "--db", target])
        assert done.exit_code == code, done.output
        return done.output

    said("check", "--no-wait")
    assert results.wanted(world.database, 9) == [results.Wanted("S1", False)]
    said("check", "--timeout", "1", code=2)  # no desk runs
    said("check", "--store", "S9", code=78)
    world.run(60)
    assert "데이터 품질" in said("report", "--week", WEEK.name, "--ko")
    assert json.loads(said("report", "--week", WEEK.name, "--json"))["overall"]["checks_equal"] == 1
    assert "S1" in said("report", "--week", WEEK.name, "--csv")
    assert "S1: " in said("report")
    said("report", "--week", "47", code=78)


def test_every_word_is_there_in_both_languages() -> None:
    names = {*report.Sums.model_fields, *report.StoreReport.model_fields}
    assert names <= texts.REPORT.keys()
    for table in (texts.REPORT, texts.VERDICTS, texts.DONE):
        assert all(korean.strip() and english.strip() for korean, english in table.values())
    assert texts.VERDICTS.keys() == {"equal", "repaired", "different", "not_compared"}


def test_goods_by_weight_are_told_apart(make: Made) -> None:
    log = Log().open([["COLA", "shelf", None, "sellable", 20], ["HAM", "shelf", None, "sellable", 9000]])
    line = {"disposition": "sellable", "within": False}
    deltas = {"HAM": -2500, "COLA": -3}
    lines = [{"sku": sku, "expected": 9000, "counted": 9000 + delta, "delta": delta, **line}
             for sku, delta in deltas.items()]  # fmt: skip
    log.write("count", {
        "kind": "approved", "count": "C1", "zone": "shelf", "blind": False, "lines_total": 30, "accuracy_permille": 933,
        "exact_permille": 933, "counted_by": ["c1"], "lines": lines,
    })  # fmt: skip
    world = make(log)
    world.database.write(
        "INSERT INTO item (sku, revision, base_unit, deleted, body) VALUES ('HAM', 1, 'gram', 0, ?)", (b"{}",)
    )
    world.shops["S1"].lie = {("HAM", "shelf", "", "sellable"): 700, ("COLA", "shelf", "", "sellable"): 1}
    found = world.check()
    assert (found.verdict, found.rows_off, found.units_off, found.grams_off) == ("different", 2, 1, 700)
    listed = results.checks(world.database).rows[0]
    assert (listed.id, listed.units_off, listed.grams_off) == (found.id, 1, 700)
    week = report.report(world.database, WEEK)
    assert week.overall.lines_off == 2
    assert [(one.sku, one.units, one.base_unit) for one in week.top] == [
        ("COLA", -3, "each"),
        ("HAM", -2500, "gram"),
        ("COLA", 1, "each"),
        ("HAM", 700, "gram"),
    ]
