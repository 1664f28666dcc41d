"""The API's reads, and how a call that cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.ledger import moment
from tests.agent.web.branch import Branch


@pytest.fixture
def branch(tmp_path: Path):
    with Branch(tmp_path) as one:
        yield one


def test_an_item_is_found_by_its_name_and_told_whole(branch):
    found = branch.get("/items", q="우유")["items"]
    assert [one["sku"] for one in found] == ["MILK-1L"]
    assert branch.get("/items/MILK-1L") == found[0]
    assert found[0]["gtins"][1] == {"gtin": "18801234567890", "units": 12, "level": "case"}
    refused = branch.get("/items/NONE", status=404)
    assert refused["error"] == "unknown_sku"
    assert "NONE" in refused["hint"]


def test_stock_of_an_item_and_what_led_to_it(branch):
    branch.move("MILK-1L", 12, "supplier", "dock")
    branch.move("RICE", 5, "supplier", "dock")
    branch.move("MILK-1L", 4, "dock", "salesfloor", kind="moved")
    told = branch.get("/stock/MILK-1L")
    assert (told["on_hand"], [(row["zone"], row["quantity"]) for row in told["rows"]]) == (
        12,
        [("dock", 8), ("salesfloor", 4)],
    )
    page = branch.get("/stock/MILK-1L/history", limit=1)
    assert (page["events"][0]["data"]["kind"], page["more"]) == ("moved", True)
    older = branch.get("/stock/MILK-1L/history", before=page["cursor"], limit=10)
    assert [event["data"]["kind"] for event in older["events"]] == ["received"]
    assert older["more"] is False


def test_movements_follow_each_other_in_pages_and_by_filters(branch):
    for number in range(5):
        branch.move("MILK-1L", number + 1, "supplier", "dock")
    branch.move("RICE", 9, "supplier", "backroom")
    first = branch.get("/movements", limit=4)
    rest = branch.get("/movements", since=first["cursor"], limit=4)
    quantities = [event["data"]["lines"][0]["quantity"] for event in first["events"] + rest["events"]]
    assert quantities == [1, 2, 3, 4, 5, 9]
    assert (first["more"], rest["more"]) == (True, False)
    assert [event["data"]["lines"][0]["sku"] for event in branch.get("/movements", zone="backroom")["events"]] == [
        "RICE"
    ]
    assert branch.get("/movements", kind="sold")["events"] == []
    assert len(branch.get("/movements", sku="MILK-1L", zone="dock")["events"]) == 5


def test_a_page_looks_at_so_many_events_and_no_more(branch, monkeypatch):
    monkeypatch.setattr(moment, "SCANNED_MAX", 2)
    for number in range(4):
        branch.move("RICE" if number else "MILK-1L", 1, "supplier", "dock")
    cursor, pages, found = 10**9, 0, 0
    while True:
        page = branch.get("/stock/MILK-1L/history", before=cursor)
        pages, found, cursor = pages + 1, found + len(page["events"]), page["cursor"]
        if not page["more"]:
            break
    assert (pages, found) == (3, 1)


MALFORMED = [
    ("/items", {}, "q"),
    ("/items", {"q": "a", "limit": "101"}, "limit"),
    ("/stock", {"page": "0"}, "page"),
    ("/stock", {"colour": "red"}, "colour"),
    ("/movements", {"since": "-1"}, "since"),
    ("/movements", {"kind": "lost"}, "kind"),
    ("/movements", {"sku": ["A", "B"]}, "sku"),
    ("/stock/A%00B", {}, "sku"),
    ("/status", {"lang": "de"}, "lang"),
]


@pytest.mark.parametrize(("path", "query", "field"), MALFORMED)
def test_a_malformed_parameter_is_named(branch, path, query, field):
    refused = branch.get(path, status=400, **query)
    assert (refused["error"], refused["field"]) == ("bad_parameter", field)
    assert refused["hint"]


def test_stations_and_devices(branch):
    assert [one["station"] for one in branch.get("/stations")["stations"]] == ["dock-1", "backroom", "counter"]
    assert [one["state"] for one in branch.get("/devices")["devices"]] == ["up", "down"]
    assert branch.get("/devices/none", status=404)["error"] == "unknown_device"
    assert branch.get("/count/none", status=404)["error"] == "unknown_station"
