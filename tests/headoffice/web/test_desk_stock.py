"""Stock as the desk shows it: sums, channels, thresholds, what is offline, pages and filters."""

from __future__ import annotations

from typing import Any

import pytest

from headoffice.view import stock
from headoffice.view.stock import Filter
from headoffice.view.stores import SILENT_US
from tests.headoffice.logs import Log, line
from tests.headoffice.web.office import Office


def store_of(name: str, *rows: list[Any]) -> Log:
    return Log(f"L-{name}", store=name).open(rows)


def one(office: Office, sku: str, store: str | None = None) -> dict[str, Any]:
    return stock.totals(office.database, [sku], office.view, store)[0].model_dump()


def listed(office: Office, **chosen: Any) -> list[str]:
    page = stock.page(office.database, Filter(**chosen), office.view, cursor=None, limit=500)
    assert page.more is None
    return [row.sku for row in page.rows]


def test_an_item_is_summed_over_stores_zones_lots_and_dispositions(office: Office) -> None:
    office.take(
        store_of("S1", ["COLA", "backroom", None, "sellable", 10], ["COLA", "salesfloor", "A", "sellable", 4],
                 ["COLA", "salesfloor", "B", "display", 1], ["COLA", "backroom", None, "damaged", 2]),
        store_of("S2", ["COLA", "salesfloor", None, "sellable", 5], ["COLA", "backroom", None, "quarantine", 3]),
    )  # fmt: skip
    found = one(office, "COLA")
    assert {name: found[name] for name in ("stores", "on_hand", "sellable", "damaged", "quarantine", "display")} == {
        "stores": 2, "on_hand": 25, "sellable": 19, "damaged": 2, "quarantine": 3, "display": 1,
    }  # fmt: skip
    assert found["shelf"] == 9
    assert one(office, "COLA", "S2")["on_hand"] == 8
    places = stock.places(office.database, "COLA").rows
    assert [tuple(row.model_dump().values()) for row in places if row.store == "S2"] == [
        ("S2", "backroom", "", "quarantine", 3),
        ("S2", "salesfloor", "", "sellable", 5),
    ]


def test_one_item_is_told_with_its_master_data_and_zones(office: Office) -> None:
    office.take(
        store_of("S1", ["COLA", "backroom", None, "sellable", 10], ["COLA", "backroom", "A", "sellable", 4]),
        store_of("S2", ["COLA", "backroom", None, "sellable", 5], ["COLA", "salesfloor", None, "display", 3]),
    )
    office.item("COLA", name_ko="콜라")
    client = office.client()
    found = client.get("/api/v1/stock/COLA").json()
    assert (found["on_hand"], found["item"]["name_ko"]) == (22, "콜라")
    assert found["zones"] == [
        {"zone": "backroom", "disposition": "sellable", "stores": 2, "quantity": 19},
        {"zone": "salesfloor", "disposition": "display", "stores": 1, "quantity": 3},
    ]
    assert client.get("/api/v1/stock/COLA?store=S1").json()["zones"][0]["quantity"] == 14
    assert client.get("/api/v1/items/COLA").json()["name_ko"] == "콜라"
    for path in ("/api/v1/stock/NONE", "/api/v1/items/NONE"):
        assert client.get(path).json()["error"] == "unknown_sku"


def test_what_is_reserved_and_kept_back_is_not_available(office: Office) -> None:
    log = store_of("S1", ["COLA", "backroom", None, "sellable", 10])
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 3})
    office.take(log, store_of("S2", ["COLA", "backroom", None, "sellable", 10]))
    office.item("COLA", category="drinks")
    assert one(office, "COLA")["available"] == 17
    office.rule("buffer", 1)
    office.rule("buffer", 2, store="S2")
    assert (one(office, "COLA")["buffer"], one(office, "COLA")["available"]) == (3, 14)
    office.rule("buffer", 4, category="drinks")
    assert one(office, "COLA", "S2")["buffer"] == 4
    office.rule("buffer", 5, sku="COLA", store="S2")
    rows = stock.in_stores(office.database, "COLA", office.view).rows
    assert [(row.store, row.reserved, row.buffer, row.available) for row in rows] == [("S1", 3, 4, 3), ("S2", 0, 5, 5)]


def test_a_store_below_zero_takes_nothing_from_what_others_sell_online(office: Office) -> None:
    gone = store_of("S1", ["COLA", "backroom", None, "sellable", 1])
    gone.write("movement", {"kind": "sold", "lines": [line("COLA", 4, **{"from": "backroom", "to": "customer"})]})
    office.take(gone, store_of("S2", ["COLA", "backroom", None, "sellable", 5]))
    assert (one(office, "COLA")["available"], one(office, "COLA")["online"]) == (2, 5)
    assert listed(office, standing="negative") == ["COLA"]


def test_goods_between_stores_are_in_transit_until_they_are_received(office: Office) -> None:
    sender = store_of("S1", ["COLA", "backroom", None, "sellable", 10])
    sender.write(
        "movement", {"kind": "transferred", "lines": [line("COLA", 6, **{"from": "backroom", "to": "transit:S2"})]}
    )
    office.take(sender, store_of("S2", ["COLA", "backroom", None, "sellable", 1]))
    assert (one(office, "COLA")["on_hand"], one(office, "COLA")["in_transit"]) == (5, 6)
    receiver = store_of("S2", ["COLA", "backroom", None, "sellable", 1])
    receiver.write("movement", {"kind": "transferred", "lines": [line("COLA", 4, **{"from": "transit:S1"})]})
    office.take(receiver)
    assert one(office, "COLA")["in_transit"] == 2
    assert one(office, "COLA", "S2")["in_transit"] == 2
    assert one(office, "COLA", "S1")["in_transit"] == 0


def test_each_store_s_figure_says_as_of_when_and_whether_the_store_is_there(office: Office) -> None:
    first = office.clock.now_us
    office.take(
        store_of("S1", ["COLA", "backroom", None, "sellable", 1]), store_of("S2", ["COLA", "x", None, "sellable", 1])
    )
    office.state("S1", "offline")
    rows = stock.in_stores(office.database, "COLA", office.view).rows
    assert [(row.store, row.online, row.seq, row.changed_us) for row in rows] == [
        ("S1", False, 1, first),
        ("S2", True, 1, first),
    ]
    office.clock.now_us += SILENT_US + 1
    late = stock.in_stores(office.database, "COLA", office.view).rows
    assert [(row.online, row.heard_us) for row in late] == [(False, first), (False, first)]
    assert one(office, "COLA")["stores_offline"] == 2


def test_thresholds_are_the_rule_s_else_the_item_s(office: Office) -> None:
    office.take(
        store_of("S1", *([sku, "backroom", None, "sellable", 5] for sku in ("A", "B", "C", "D"))),
        store_of("S2", *([sku, "backroom", None, "sellable", 50] for sku in ("A", "B"))),
    )
    office.item("A", stock_min=6)
    office.item("B", stock_min=4, stock_max=49)
    office.item("C")
    office.rule("low_stock", 9, sku="C")
    office.rule("low_stock", None, sku="A")
    office.rule("low_stock", 100, sku="D")
    office.rule("low_stock", 100, sku="D", store="S1", on=False)
    assert listed(office, standing="below_min") == ["A", "C"]
    assert listed(office, standing="above_max") == ["B"]
    assert listed(office, standing="above_max", store="S1") == []
    assert (one(office, "A")["below_min"], one(office, "B")["above_max"]) == (1, 1)


def test_items_are_found_by_name_sku_gtin_category_and_store(office: Office) -> None:
    office.item("COLA", name_ko="콜라 500ml", name_en="Cola 100%_", category="drinks")
    office.item("MILK", name_ko="우유", name_en="Milk", category="dairy")
    office.item("GONE", name_ko="없음", deleted=1)
    office.put("item_gtin", gtin="08801234567893", sku="MILK")
    office.take(store_of("S1", ["COLA", "x", None, "sellable", 1], ["STRAY", "x", None, "sellable", 1]))
    assert listed(office) == ["COLA", "MILK", "STRAY"]
    assert listed(office, text="콜라") == ["COLA"]
    assert listed(office, text="mil") == ["MILK"]
    assert listed(office, text="STR") == ["STRAY"]
    assert listed(office, text="STR", store="S1") == ["STRAY"]
    assert listed(office, text="TRAY") == []
    assert listed(office, text="8801234567893") == ["MILK"]
    assert listed(office, text="100%_") == ["COLA"]
    assert listed(office, text="1%") == listed(office, text="m_l") == []
    assert listed(office, category="dairy") == ["MILK"]
    assert listed(office, store="S1") == ["COLA", "STRAY"]
    assert listed(office, store="S1", text="milk") == []
    milk = one(office, "MILK")
    assert (milk["stores"], milk["on_hand"], milk["name_ko"], milk["changed_us"]) == (0, 0, "우유", None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_any_size_have_every_item_once(office: Office, limit: int) -> None:
    skus = [f"SKU-{number}" for number in range(7)]
    office.take(store_of("S1", *([sku, "x", None, "sellable", 1] for sku in skus[:5])))
    for sku in skus[3:]:
        office.item(sku)
    for chosen in (Filter(), Filter(standing="below_min")):
        office.database.write("DELETE FROM rule")
        office.rule("low_stock", 2)
        found, cursor = list[str](), None
        while True:
            page = stock.page(office.database, chosen, office.view, cursor=cursor, limit=limit)
            found += [row.sku for row in page.rows]
            if (cursor := page.more) is None:
                break
        assert found == (skus if chosen.standing is None else skus[:5])


def test_a_filter_by_standing_looks_at_so_many_items_and_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "SCAN_ROWS", 2)
    monkeypatch.setattr(stock, "SCANS_MAX", 2)
    skus = [f"SKU-{number}" for number in range(6)]
    office.take(store_of("S1", *([sku, "x", None, "sellable", 1 + (sku == "SKU-5")] for sku in skus)))
    office.rule("overstock", 1)
    first = stock.page(office.database, Filter(standing="above_max"), office.view, cursor=None, limit=5)
    assert first.rows == []
    second = stock.page(office.database, Filter(standing="above_max"), office.view, cursor=first.more, limit=5)
    assert [row.sku for row in second.rows] == ["SKU-5"]
