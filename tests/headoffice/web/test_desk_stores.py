"""Stores side by side: whether they are there, how far behind, what they hold and since when that is known."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from headoffice.view import stores
from headoffice.view.days import day_of, days_before
from headoffice.view.stores import SILENT_US
from tests.headoffice.logs import Log, line
from tests.headoffice.web.office import NOW_US, Office


def refresh(office: Office, budget_s: float = 9.0) -> bool:
    return office.room.figures.refresh(office.database, budget_s, office.clock.now_s)


def figures(office: Office, store: str) -> dict[str, Any]:
    found = office.room.figures.of(store)
    assert found is not None
    return found.model_dump()


def test_a_store_is_there_if_it_says_so_and_was_heard(office: Office) -> None:
    office.take(Log("L1", store="S1").open(), Log("L2", store="S2").open(), Log("L3", store="S3").open())
    office.state("S1", log="L1", head=5)
    office.state("S2", "stopped", log="L2", head=1)
    office.state("S4", "offline", log="L4", head=7)
    found = {row.store: row for row in stores.stores(office.database, NOW_US).rows}
    assert {name: row.online for name, row in found.items()} == {"S1": True, "S2": False, "S3": True, "S4": False}
    assert {name: row.behind for name, row in found.items()} == {"S1": 4, "S2": 0, "S3": None, "S4": None}
    assert (found["S4"].seq, found["S4"].head, found["S3"].state) == (None, 7, None)
    late = NOW_US + SILENT_US + 1
    assert [row.online for row in stores.stores(office.database, late).rows] == [False] * 4
    office.database.write("UPDATE store_state SET heard_us = ? WHERE store = 'S1'", (late,))
    assert [row.store for row in stores.stores(office.database, late, online=True).rows] == ["S1"]
    assert len(stores.stores(office.database, late, online=False).rows) == 3


def test_stores_come_in_pages_and_by_state(office: Office) -> None:
    office.take(*(Log(f"L{number}", store=f"S{number}").open() for number in range(5)))
    office.state("S2", "offline", log="L2")
    client = office.client()
    first = client.get("/api/v1/stores?limit=3").json()
    second = client.get(f"/api/v1/stores?limit=3&cursor={first['more']}").json()
    assert [row["store"] for row in first["rows"] + second["rows"]] == ["S0", "S1", "S2", "S3", "S4"]
    assert second["more"] is None
    assert [row["store"] for row in client.get("/api/v1/stores?state=offline").json()["rows"]] == ["S2"]
    assert client.get("/api/v1/stores/S2").json()["state"] == "offline"
    assert client.get("/api/v1/stores/S9").json()["error"] == "unknown_store"


def test_what_a_store_says_of_itself(office: Office) -> None:
    office.state("S1", health='{"outbox_age_s": 7}', health_us=NOW_US, boot="B7")
    client = office.client()
    assert client.get("/api/v1/stores/S1").json()["outbox_age_s"] == 7
    told = client.get("/api/v1/stores/S1/health").json()
    assert (told["boot"], told["health"]) == ("B7", {"outbox_age_s": 7})
    assert client.get("/api/v1/stores/S9/health").status_code == 404


def test_how_the_log_of_a_store_stands(office: Office) -> None:
    log = Log().open()
    public = log.key.public_key().public_bytes_raw().hex()
    client = office.client()
    assert client.get("/api/v1/stores/S1/log").status_code == 404
    office.take(log)
    bare = {"store": "S1", "log": "L1", "first": 1, "key": public, "key_since": None, "skipped": []}
    assert client.get("/api/v1/stores/S1/log").json() == bare
    log.rotate()
    office.take(log)
    office.state("S1", first_seq=2)
    office.put("skipped", store="S1", log="L0", seq_from=5, seq_to=9, at_us=NOW_US)
    told = client.get("/api/v1/stores/S1/log").json()
    assert (told["first"], told["key_since"], told["key"] == public) == (2, 2, False)
    assert told["skipped"] == [{"log": "L0", "seq_from": 5, "seq_to": 9, "at_us": NOW_US}]
    page = client.get("/stores/S1?lang=en").text
    assert told["key"][:16] in page
    assert "5 – 9" in page


def test_figures_of_a_store_are_what_its_tables_say(office: Office) -> None:
    price = {"amount_minor": 1500, "currency": "KRW", "per_units": 1}
    office.item("COLA", price=price)
    office.item("HAM", price={"amount_minor": 3000, "currency": "KRW", "per_units": 100}, base_unit="gram")
    office.item("WINE", price={**price, "currency": "EUR"})
    log = Log(store="S1").open(
        [["COLA", "backroom", None, "sellable", 3], ["COLA", "salesfloor", None, "damaged", 1],
         ["HAM", "backroom", None, "sellable", 2_500], ["WINE", "backroom", None, "sellable", 1]]
    )  # fmt: skip
    log.write("movement", {"kind": "sold", "lines": [line("MILK", 2, **{"from": "salesfloor", "to": "customer"})]})
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 2})
    log.look()
    office.take(log)
    for number, share in enumerate([0, 800, 900, 900, 1000, 1000]):
        office.put(
            "counted", store="S1", log="L1", count_id=f"C{number}", zone="x", request=None, blind=1, lines_total=10,
            accuracy_permille=share, exact_permille=share, expected=0, counted=0, units_off=0, units_net=0,
            approved_at="x", seq=number, at_us=number, lines="[]",
        )  # fmt: skip
    today = day_of(NOW_US)
    office.database.write("DELETE FROM daily")
    for kind, events, quantity in (("sold", 4, 9), ("returned", 1, 2), ("journal", 5, 0)):
        office.put("daily", store="S1", day=today, kind=kind, events=events, quantity=quantity)
    office.put("daily", store="S1", day="2026-01-01", kind="sold", events=99, quantity=99)
    assert not refresh(office)
    assert figures(office, "S1") == {
        "store": "S1", "as_of_seq": 4, "as_of_us": NOW_US, "skus": 3, "units": 5, "sellable": 4,
        "value_minor": 4 * 1500 + 75_000, "currency": "KRW", "unpriced_skus": 1, "negative_rows": 1, "reserved": 2,
        "exceptions_open": 1, "accuracy_permille": 920, "events_today": 10, "sales_today": 4, "returns_today": 1,
    }  # fmt: skip
    told = office.client().get("/api/v1/overview").json()
    assert (told["units"], told["value_minor"], told["exceptions_open"], told["summed"]) == (5, 81_000, 1, 1)


def test_only_stores_that_changed_are_summed_again(small: Office) -> None:
    logs = [Log(f"L{number}", store=f"S{number}").open().receive_many(1) for number in range(3)]
    small.take(*logs)
    refresh(small)
    logs[1].receive("COLA", 5)
    small.clock.now_us += 1_000
    small.take(logs[1])
    refresh(small)
    assert [figures(small, f"S{number}")["as_of_us"] - NOW_US for number in range(3)] == [0, 1_000, 0]
    assert figures(small, "S1")["units"] == 6
    small.clock.now_us += 86_400_000_000
    refresh(small)
    assert {figures(small, f"S{number}")["as_of_us"] for number in range(3)} == {small.clock.now_us}


def test_summing_keeps_to_its_time_and_takes_the_oldest_first(small: Office) -> None:
    logs = [Log(f"L{number}", store=f"S{number}").open() for number in range(4)]
    small.take(*logs)
    summed = []
    for _ in range(4):
        small.clock.now_us += 1_000
        summed.append(refresh(small, 0.0))
    assert summed == [True, True, True, False]
    assert sorted(one.as_of_us - NOW_US for one in small.room.figures.all()) == [1_000, 2_000, 3_000, 4_000]


def test_a_price_that_changes_changes_the_value(small: Office) -> None:
    small.take(Log(store="S1").open([["COLA", "x", None, "sellable", 2]]))
    refresh(small)
    assert (figures(small, "S1")["value_minor"], figures(small, "S1")["currency"]) == (0, None)
    small.item("COLA", price={"amount_minor": 7, "currency": "KRW"})
    refresh(small)
    assert figures(small, "S1")["value_minor"] == 14


def test_the_overview_counts_what_is_there_and_what_is_open(office: Office) -> None:
    empty = office.client().get("/api/v1/overview").json()
    assert (empty["stores"], empty["accuracy_permille"], empty["summed_oldest_us"]) == (0, None, None)
    office.take(Log("L1", store="S1").open(), Log("L2", store="S2").open())
    office.state("S1", log="L1", head=11)
    office.state("S2", "offline", log="L2", head=1)
    alert = {
        "rule": "low_stock", "store": "S1", "facts": "{}", "first_us": 1, "last_us": 1, "times": 1,
    }  # fmt: skip
    for subject, severity, state in (("A", "critical", "open"), ("B", "info", "acknowledged"), ("C", "info", "closed")):
        office.put("alert", subject=subject, severity=severity, state=state, **alert)
    told = office.client().get("/api/v1/overview").json()
    assert {name: told[name] for name in ("stores", "online", "offline", "behind_events")} == {
        "stores": 2, "online": 1, "offline": 1, "behind_events": 10,
    }  # fmt: skip
    assert (told["alerts_open"], told["alerts_critical"], told["oldest_heard_us"]) == (2, 1, NOW_US)


def test_days_are_those_of_a_place() -> None:
    late = NOW_US + 2 * 3_600_000_000  # 16:13 in London, 01:13 of the next day in Seoul
    assert day_of(late, ZoneInfo("Europe/London")) == "2026-09-21"
    assert day_of(late, ZoneInfo("Asia/Seoul")) == "2026-09-22"
    assert days_before(late, 7, ZoneInfo("Asia/Seoul")) == "2026-09-16"


def test_today_is_each_stores_own_day(office: Office) -> None:
    def sold(log: Log, at: str) -> None:
        log.write(
            "movement",
            {"kind": "sold", "lines": [line("COLA", 1, **{"from": "backroom", "to": "customer"})]},
            occurred_at=at,
        )

    seoul, sydney = Log("L1", store="S1").open(), Log("L2", store="S2").open()
    sold(seoul, "2026-09-21T09:00:00.000+09:00")
    sold(sydney, "2026-09-21T09:00:00.000+10:00")  # yesterday there: it is 00:13 on the 22nd
    office.take(seoul, sydney)
    figures = office.room.figures

    def today() -> list[int]:
        while figures.refresh(office.database, 9.0, office.clock.now_s):
            pass
        return [one.sales_today for name in ("S1", "S2") if (one := figures.of(name)) is not None]

    assert today() == [1, 0]
    sold(sydney, "2026-09-22T00:10:00.000+10:00")
    office.take(sydney)
    assert today() == [1, 1]
    office.clock.now_us += 3_600_000_000  # past midnight in Seoul, without any event
    assert today() == [0, 1]
