"""What the API writes: counts, the tray, reservations, documents; each refusal says why and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.errors import LedgerFull
from contract.topics import EventType
from tests.agent.web.branch import Branch
from tests.agent.web.office_day import counted, unknown


@pytest.fixture
def branch(tmp_path: Path):
    with Branch(tmp_path) as one:
        yield one


def test_a_count_is_opened_reviewed_and_approved(branch):
    branch.rules = replace(branch.rules, recount_by_another=False)
    branch.move("MILK-1L", 12, "supplier", "dock")
    branch.move("RICE", 5, "supplier", "dock")
    assert [one["zone"] for one in branch.get("/counts/proposals")["proposals"]] == ["backroom", "dock", "salesfloor"]
    count = branch.post("/counts", {"zone": "dock", "blind": True})["result"]["count"]
    assert branch.post("/counts", {"zone": "dock"}, status=409)["error"] == "count_is_open"
    counted(branch, count, "MILK-1L", 11, 12)
    assert branch.get(f"/counts/{count}")["lines"] is None  # blind
    branch.post(f"/counts/{count}/submit")
    review = branch.get(f"/counts/{count}")
    told = {line["sku"]: (line["expected"], line["counted"], line["status"]) for line in review["lines"]}
    assert told == {"MILK-1L": (12, 11, "short"), "RICE": (5, None, "missing")}
    assert (review["done"], review["lines_total"]) == (1, 2)
    assert [line["sku"] for line in branch.get(f"/counts/{count}", start=1, limit=1)["lines"]] == ["RICE"]
    branch.post(f"/counts/{count}/recount", {"skus": ["MILK-1L"]})
    counted(branch, count, "MILK-1L", 11, 12)
    branch.post(f"/counts/{count}/confirm-zero", {"skus": ["RICE"]})
    assert branch.post(f"/counts/{count}/approve", status=409)["error"] == "count_not_submitted"
    branch.post(f"/counts/{count}/submit")
    branch.post(f"/counts/{count}/approve")
    assert [(row["sku"], row["quantity"]) for row in branch.get("/stock")["rows"]] == [("MILK-1L", 11)]
    assert branch.get("/counts")["counts"] == []
    assert branch.get(f"/counts/{count}", status=404)["error"] == "unknown_count"


def test_a_count_that_is_given_up_posts_nothing(branch):
    count = branch.post("/counts", {"zone": "dock"})["result"]["count"]
    branch.post(f"/counts/{count}/cancel")
    assert branch.get("/counts")["counts"] == []
    assert branch.post(f"/counts/{count}/submit", status=409)["error"] == "count_is_closed"
    assert branch.post("/counts", {"zone": "moon"}, status=404)["error"] == "unknown_zone"


def test_an_entry_of_the_tray_is_booked_without_scanning_again(branch):
    seq = unknown(branch)
    tray = branch.get("/exceptions")
    assert [(one["seq"], one["text"]) for one in tray["exceptions"]] == [(seq, "8801043014830")]
    body = {"gtin": "18801234567890", "quantity": 2}
    assert branch.post(f"/exceptions/{seq}/book", body, status=409)["error"] == "say_where"
    way = {"kind": "received", "from": "supplier", "to": "dock"}
    branch.post(f"/exceptions/{seq}/book", body | {"way": way})
    assert branch.get("/stock/MILK-1L")["on_hand"] == 24
    assert branch.get("/exceptions")["open"] == 0
    assert branch.post(f"/exceptions/{seq}/dismiss", status=409)["error"] == "not_open"
    told = branch.get(f"/exceptions/{seq}")
    assert (told["open"], [one["seq"] for one in told["around"]]) == (False, [seq])


def test_an_entry_is_dismissed_or_assigned(branch):
    first, second = unknown(branch), unknown(branch)
    branch.post(f"/exceptions/{first}/dismiss", {"note": "a loyalty card"})
    assert branch.post(f"/exceptions/{second}/assign", {"sku": "NONE"}, status=404)["error"] == "unknown_sku"
    branch.post(f"/exceptions/{second}/assign", {"sku": "RICE"})
    assert branch.get("/exceptions")["exceptions"] == []
    assert branch.get("/exceptions/999", status=404)["error"] == "unknown_exception"
    assert branch.post("/exceptions/1/book", {"quantity": 1}, status=422)["error"] == "sku_or_gtin"


def test_the_tray_comes_in_pages_and_by_kind(branch):
    seqs = [unknown(branch) for _ in range(5)]
    first = branch.get("/exceptions", limit=2)["exceptions"]
    rest = branch.get("/exceptions", before=first[-1]["seq"])["exceptions"]
    assert [one["seq"] for one in first + rest] == seqs[::-1]
    assert branch.get("/exceptions", kind="bad_read")["exceptions"] == []


def test_an_order_is_reserved_picked_and_rejected(branch):
    branch.move("MILK-1L", 10, "supplier", "salesfloor")
    branch.post("/reservations", {"reservation": "web/1", "sku": "MILK-1L", "quantity": 4, "order": "A-1"})
    refused = branch.post("/reservations", {"reservation": "web/2", "sku": "MILK-1L", "quantity": 7}, status=409)
    assert refused["error"] == "not_available"
    told = branch.get("/stock/MILK-1L")
    assert (told["on_hand"], told["reserved"], told["available"]) == (10, 4, 6)
    branch.post("/reservations/pick", {"reservation": "web/1", "quantity": 3, "zone": "salesfloor"})
    branch.post("/reservations/reject", {"reservation": "web/1", "reason": "damaged"})
    assert branch.get("/reservations")["reservations"] == [
        {"made": 4, "order": "A-1", "picked": 3, "quantity": 3, "reservation": "web/1", "sku": "MILK-1L"}
        | {"seq": 3, "zone": "salesfloor"}
    ]
    branch.post("/reservations/release", {"reservation": "web/1"})
    assert branch.get("/reservations")["reservations"] == []
    assert branch.post("/reservations/release", {"reservation": "web/1"}, status=404)["error"] == "unknown_reservation"


RECEIPT = {
    "document": "PO-7",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "dock",
    "lines": [{"line": 1, "sku": "MILK-1L", "quantity": 12}, {"line": 2, "sku": "RICE", "quantity": 5}],
}


def test_a_document_of_the_stores_own(branch):
    branch.post("/documents", RECEIPT)
    assert [(one["document"], one["lines"], one["lines_done"]) for one in branch.get("/documents")["documents"]] == [
        ("PO-7", 2, 0)
    ]
    told = branch.get("/documents/PO-7")
    assert [(one["sku"], one["expected"], one["short"]) for one in told["standing"]] == [
        ("MILK-1L", 12, 12),
        ("RICE", 5, 5),
    ]
    assert branch.post("/documents", RECEIPT | {"kind": "pick"}, status=422)["error"] == "invalid"
    stranger = [{"line": 1, "sku": "NONE", "quantity": 1}]
    assert branch.post("/documents", RECEIPT | {"lines": stranger}, status=422)["error"] == "unknown_sku"
    branch.post("/documents", RECEIPT | {"revision": 3})
    assert branch.post("/documents", RECEIPT | {"revision": 2}, status=409)["error"] == "newer_revision"


def test_a_document_is_closed_short_closed_and_withdrawn(branch):
    branch.post("/documents", RECEIPT)
    branch.move("MILK-1L", 13, "supplier", "dock", document="PO-7")
    line = branch.get("/documents/PO-7")["standing"][0]
    assert (line["done"], line["over"], line["short"]) == (13, 1, 0)
    branch.post("/documents/PO-7/close-short")
    assert branch.get("/documents")["documents"][0]["lines_done"] == 1
    branch.post("/documents/PO-7/close")
    assert branch.get("/documents")["documents"] == []
    assert branch.post("/documents/PO-7/close", status=404)["error"] == "unknown_document"
    assert branch.post("/documents", RECEIPT | {"revision": 9}, status=409)["error"] == "closed_before"
    branch.post("/documents", RECEIPT | {"document": "PO-8"})
    branch.move("MILK-1L", 1, "supplier", "dock", document="PO-8")
    branch.post("/documents/PO-8/withdraw")
    assert branch.get("/documents/PO-8", status=404)["error"] == "unknown_document"
    kinds = [event["data"]["kind"] for event in branch.moments.after(0, EventType.DOCUMENT, [], 9).events]
    assert kinds == ["opened", "closed_short", "closed", "withdrawn"]


def sale(name: str, quantity: int, **line: object) -> dict[str, Any]:
    lines = [{"gtin": "8801234567893", "quantity": quantity} | line]
    return {"transaction": name, "till": "till-1", "occurred_at": "2025-09-07T12:50:00+09:00", "lines": lines}


def test_each_sale_is_taken_once_and_answered_for_itself(branch):
    branch.move("MILK-1L", 10, "supplier", "salesfloor")
    batch = [sale("T-1", 2), sale("T-2", 1, gtin="4006381333931"), {"transaction": "T-3"}]
    told = branch.post("/sales", {"transactions": batch})["results"]
    assert [(one["transaction"], one["status"], one["tray"]) for one in told] == [
        ("T-1", "taken", 0),
        ("T-2", "taken", 1),
        ("T-3", "refused", 0),
    ]
    assert told[2]["hint"]
    again = branch.post("/sales", {"transactions": [sale("T-1", 2), sale("T-1", 3)]})["results"]
    assert [one["status"] for one in again] == ["known", "conflict"]
    assert branch.get("/stock/MILK-1L")["on_hand"] == 8
    assert branch.post("/sales", {"transactions": []}, status=422)["field"] == "transactions"


def test_settings_are_told_without_secrets(branch):
    told = branch.get("/settings")["settings"]
    assert told["uplink"] == {"username": "store", "password_file": None}


def test_what_could_not_be_recorded_is_told_with_a_hint_and_when_to_try_again(branch):
    async def full(_operation: object) -> None:
        raise LedgerFull("no room", hint="make room on the disk")

    async def talk(client):
        app = client._transport.app
        view = app.state.room.view
        app.state.room.view = replace(view, back=replace(view.back, do=full))
        return await client.post("/api/v1/counts", json={"zone": "dock"})

    answer = branch.run(talk)
    assert (answer.status_code, answer.json()) == (503, {"error": "not_recorded", "hint": "make room on the disk"})
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "word"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b'{"zone": "dock"}', "text/plain", 415, "not_json"),
        (b'{"zone": 5}', "application/json", 422, "invalid"),
        (b'{"zone": "dock", "colour": 1}', "application/json", 422, "invalid"),
        (b'{"zone": "' + b"x" * 70_000 + b'"}', "application/json", 413, "too_long"),
    ],
)
def test_a_body_that_cannot_be_is_refused(branch, content, kind, status, word):
    async def talk(client):
        return await client.post("/api/v1/counts", content=content, headers={"content-type": kind})

    answer = branch.run(talk)
    assert (answer.status_code, answer.json()["error"]) == (status, word)
