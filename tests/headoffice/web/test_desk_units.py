"""Goods by weight beside goods by the piece: sums of documents and counts are told apart, in the API and on pages."""

from __future__ import annotations

import re

import orjson
import pytest

from headoffice.view import orders
from tests.headoffice.logs import Log
from tests.headoffice.web.office import NOW_US, Office


@pytest.fixture
def mixed(office: Office) -> Office:
    """A document and a count of two pieces and of some ham."""
    office.item("HAM", base_unit="gram")
    office.item("COLA")
    log = Log().open()
    way = {"document": "D1", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    lines = [
        {"line": 1, "sku": "HAM", "expected": 2000, "done": 1250, "short": 750},
        {"line": 2, "sku": "COLA", "expected": 2, "done": 3, "over": 1},
    ]
    log.write("document", {"kind": "opened", **way})
    log.write("document", {"kind": "closed_short", **way, "lines": lines})
    counted = [
        {"sku": sku, "disposition": "sellable", "expected": expected, "counted": expected + delta, "delta": delta,
         "within": False}
        for sku, expected, delta in (("HAM", 1250, -250), ("COLA", 3, 2), ("HAM", 0, 100))
    ]  # fmt: skip
    log.write("count", {
        "kind": "approved", "count": "C1", "zone": "backroom", "blind": True, "lines": counted, "lines_total": 3,
        "accuracy_permille": 0, "exact_permille": 0, "counted_by": [],
    })  # fmt: skip
    office.take(log)
    body = {
        "document": "D1", "kind": "receipt", "revision": 1,
        "lines": [{"line": 1, "sku": "HAM", "quantity": 2000}, {"line": 2, "sku": "COLA", "quantity": 2}],
    }  # fmt: skip
    office.put("expected", store="S1", document="D1", revision=1, body=orjson.dumps(body))
    return office


SUMS = {
    "expected": 2, "done": 3, "damaged": 0, "over": 1, "short": 0,
    "grams": {"expected": 2000, "done": 1250, "damaged": 0, "over": 0, "short": 750},
}  # fmt: skip


@pytest.mark.parametrize("path", ["documents", "documents/S1/D1", "expected"])
def test_a_document(mixed: Office, path: str) -> None:
    told = mixed.client().get(f"/api/v1/{path}").json()
    row = told if "document" in told else told["rows"][0]
    assert {name: row[name] for name in SUMS} == SUMS


@pytest.mark.parametrize("path", ["counts", "counts/S1/L1/C1"])
def test_a_count(mixed: Office, path: str) -> None:
    told = mixed.client().get(f"/api/v1/{path}").json()
    row = told if "count_id" in told else told["rows"][0]
    assert [row[name] for name in ("expected", "counted", "units_off", "units_net")] == [3, 5, 2, 2]
    assert row["grams"] == {"expected": 1250, "counted": 1100, "units_off": 350, "units_net": -150}


def test_an_expected_document_that_the_store_has_not_opened(mixed: Office) -> None:
    mixed.database.write("DELETE FROM document")
    found = orders.expected_one(mixed.database, NOW_US, "S1", "D1")
    assert found is not None
    assert found.grams is not None
    assert (found.expected, found.done, found.grams.expected, found.grams.done) == (2, 0, 2000, 0)


def test_without_goods_by_weight_there_are_no_grams(mixed: Office) -> None:
    mixed.database.write("DELETE FROM item WHERE sku = 'HAM'")
    client = mixed.client()
    assert client.get("/api/v1/documents").json()["rows"][0]["grams"] is None
    assert client.get("/api/v1/counts").json()["rows"][0]["expected"] == 1253
    assert client.get("/api/v1/expected").json()["rows"][0]["grams"] is None


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("documents", ["2 + 2 kg", "3 + 1.25 kg", "0.75 kg"]),
        ("documents/S1/D1", ["2 + 2 kg", "3 + 1.25 kg", "0.75 kg", "2,000 g"]),
        ("commands/expected", ["2 + 2 kg", "3 + 1.25 kg", "0.75 kg"]),
        ("counts", ["3 + 1.25 kg", "5 + 1.1 kg", "2 + 0.35 kg", "2 + −0.15 kg"]),
        ("counts/S1/L1/C1", ["3 + 1.25 kg", "2 + 0.35 kg", "1,250 g", "−250 g"]),
    ],
)
def test_pages_say_what_is_in_kilograms(mixed: Office, path: str, texts: list[str]) -> None:
    answer = mixed.client().get(f"/{path}")
    assert answer.status_code == 200
    said = re.sub(r"<[^>]+>", "|", answer.text)
    assert [text for text in texts if f"|{text}|" not in said] == []
