"""The desk's endpoints for commands, expected documents and items."""

from __future__ import annotations

import base64
import threading
from typing import Any

import orjson
import pytest

from contract.documents import parse_document
from headoffice.commands import Commands
from headoffice.part import Message
from headoffice.web.access import Gate
from tests.headoffice.logs import Log
from tests.headoffice.web.office import Client, Office

GTIN = "8801234567893"
RESERVE = {"members": {"reservation": "R-1", "sku": "MILK", "quantity": 2}, "id": "web-1"}


@pytest.fixture
def client(office: Office) -> Client:
    return office.client()


def receipt(name: str = "ASN-1", quantity: int = 12, **changes: Any) -> dict[str, Any]:
    line = {"line": 1, "sku": "MILK", "quantity": quantity}
    return {"document": name, "kind": "receipt", "from": "supplier", "to": "backroom", "lines": [line], **changes}


def test_a_command_is_taken_listed_and_shown(office: Office, client: Client) -> None:
    made = client.post("/api/v1/stores/S1/commands/reserve", json=RESERVE)
    assert (made.status_code, made.json()["status"], made.json()["asked_by"]) == (202, "waiting", "local")
    office.clock.now_us += 1000
    again = client.post("/api/v1/stores/S1/commands/reserve", json=RESERVE)
    assert again.json() == made.json()
    other = client.post("/api/v1/stores/S2/commands/ping", json={})
    assert client.get("/api/v1/commands/web-1").json() == made.json()
    rows = client.get("/api/v1/commands").json()["rows"]
    assert [one["id"] for one in rows] == [other.json()["id"], "web-1"]
    for query in ("store=S1", "verb=reserve", "status=waiting&store=S1"):
        assert [one["id"] for one in client.get(f"/api/v1/commands?{query}").json()["rows"]] == ["web-1"]
    page = client.get("/api/v1/commands?limit=1").json()
    assert [one["id"] for one in client.get(f"/api/v1/commands?cursor={page['more']}").json()["rows"]] == ["web-1"]
    assert "web-1" in client.get("/api/v1/commands?format=csv").text


@pytest.mark.parametrize(
    ("path", "body", "status", "error", "field"),
    [
        ("S1/commands/reserve", {"members": {"sku": "MILK"}}, 422, "invalid", "members.reservation"),
        ("S1/commands/reserve", {**RESERVE, "expires_in_s": 0}, 422, "invalid", "expires_in_s"),
        ("S1/commands/dance", {}, 422, "invalid", "verb"),
        ("catalog/commands/ping", {}, 422, "bad_store", "store"),
        ("S2/commands/reserve", RESERVE, 409, "other_command", "id"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    client: Client, path: str, body: dict[str, Any], status: int, error: str, field: str
) -> None:
    client.post("/api/v1/stores/S1/commands/reserve", json=RESERVE)
    answer = client.post(f"/api/v1/stores/{path}", json=body)
    assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (status, error, field)


def test_who_waits_gets_the_answer_when_it_comes(office: Office, client: Client) -> None:
    client.post("/api/v1/stores/S1/commands/reserve", json=RESERVE)
    part = Commands(office.database, office.clock, prefix="stock/v1", say=print)
    part.tick()
    body = orjson.dumps({"id": "web-1", "status": "done", "result": {"available": 1}})
    later = threading.Timer(0.5, part.receive, [Message("stock/v1/S1/response/web-1", body)])
    later.start()
    found = client.get("/api/v1/commands/web-1?wait_s=30").json()  # the office's clock stands still
    later.join()
    assert (found["status"], found["response"]["result"]) == ("done", {"available": 1})
    assert client.get("/api/v1/commands/web-2?wait_s=30").status_code == 404
    assert client.get("/api/v1/commands/web-1?wait_s=31").status_code == 422


def test_documents_are_expected_changed_and_withdrawn(client: Client) -> None:
    path = "/api/v1/stores/S1/expected"
    two = {"documents": [receipt(), receipt("ASN-2")]}
    assert client.post(path, json=two).json() == [
        {"document": "ASN-1", "outcome": "new", "revision": 1},
        {"document": "ASN-2", "outcome": "new", "revision": 2},
    ]
    assert [one["outcome"] for one in client.post(path, json=two).json()] == ["same", "same"]
    [changed] = client.post(path, json={"documents": [receipt(quantity=13)]}).json()
    assert changed == {"document": "ASN-1", "outcome": "changed", "revision": 3}
    assert client.request("DELETE", f"{path}/ASN-1").status_code == 204
    assert client.request("DELETE", f"{path}/ASN-1").status_code == 404
    [again] = client.post(path, json={"documents": [receipt()]}).json()
    assert again["outcome"] == "new"
    assert again["revision"] > 3, "a store ignores a revision that it has seen"


def test_one_wrong_document_keeps_all_back(client: Client) -> None:
    path = "/api/v1/stores/S1/expected"
    lines = [{"line": number, "sku": "S" * 60, "quantity": 1, "lot": "L" * 60} for number in range(1, 600)]
    for documents, field in (
        ([receipt(), receipt("ASN-2", quantity=0)], "documents.1"),
        ([receipt(), receipt()], "documents"),
        ([receipt(), receipt("ASN-2", lines=lines)], "documents"),
    ):
        answer = client.post(path, json={"documents": documents})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert client.get("/api/v1/expected").json()["rows"] == []
    assert client.post("/api/v1/stores/catalog/expected", json={"documents": [receipt()]}).status_code == 422


def test_how_far_stores_are_with_them(office: Office, client: Client) -> None:
    papers = [receipt(name, due_at="2026-09-21T00:00:00Z") for name in ("ASN-1", "ASN-2", "ASN-3")]
    papers.append({"document": "CR-1", "kind": "count_request", "zones": ["backroom", "freezer"]})
    client.post("/api/v1/stores/S1/expected", json={"documents": papers})
    client.request("DELETE", "/api/v1/stores/S1/expected/ASN-3")
    log = Log(store="S1").open()
    data = {"document": "ASN-1", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    log.write("document", {"kind": "opened", **data})
    lines = [{"line": 1, "sku": "MILK", "expected": 12, "done": 11, "short": 1}]
    log.write("document", {"kind": "closed", **data, "lines": lines})
    log.write("count", {
        "kind": "approved", "count": "C1", "zone": "freezer", "blind": True, "request": "CR-1", "lines": [],
        "lines_total": 0, "accuracy_permille": 1000, "exact_permille": 1000, "counted_by": [],
    })  # fmt: skip
    office.take(log)
    rows = {one["document"]: one for one in client.get("/api/v1/expected?store=S1").json()["rows"]}
    assert {name: (one["standing"], one["overdue"]) for name, one in rows.items()} == {
        "ASN-1": ("closed", False),
        "ASN-2": ("not_opened", True),
        "ASN-3": ("withdrawn", False),
        "CR-1": ("opened", False),
    }
    first = rows["ASN-1"]
    assert [first[name] for name in ("lines", "expected", "done", "short")] == [1, 12, 11, 1]
    assert rows["CR-1"]["zones_counted"] == ["freezer"]
    for standing in ("closed", "not_opened", "withdrawn", "opened"):
        [found] = client.get(f"/api/v1/expected?standing={standing}").json()["rows"]
        assert found == next(one for one in rows.values() if one["standing"] == standing)
    assert client.get("/api/v1/stores/S1/expected/ASN-1").json() == first
    assert client.get("/api/v1/stores/S1/expected/ASN-9").status_code == 404
    same = client.post("/api/v1/stores/S1/expected", json={"documents": papers[:1]})
    assert [one["outcome"] for one in same.json()] == ["same"]
    refused = client.post("/api/v1/stores/S1/expected", json={"documents": [receipt(quantity=99)]})
    assert (refused.status_code, refused.json()["error"]) == (409, "closed")


def test_items_are_taken_together(office: Office, client: Client) -> None:
    milk, tea = ({"sku": sku, "name": {"en": sku}, "gtins": [{"gtin": "8801234567893"}]} for sku in ("MILK", "TEA"))
    taken = client.post("/api/v1/catalog", json={"items": [milk]}).json()
    assert taken == {"new": ["MILK"], "changed": [], "deleted": [], "same": 0, "revision": 1}
    for items, field in (([milk, tea], "items"), ([milk, milk], "items"), ([milk, {"sku": "TEA"}], "items.1")):
        answer = client.post("/api/v1/catalog", json={"items": items})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    tea["gtins"] = []
    taken = client.post("/api/v1/catalog", json={"items": [tea], "complete": True}).json()
    assert (taken["new"], taken["deleted"]) == (["TEA"], ["MILK"])
    assert office.database.rows("SELECT sku, deleted FROM item ORDER BY sku") == [("MILK", 1), ("TEA", 0)]


def test_who_may_only_look_tells_nobody_anything(office: Office) -> None:
    viewer = office.client(Gate(), authorization=f"Bearer {office.token('eve', 'view')}")
    for method, path, body in (
        ("POST", "stores/S1/commands/reserve", RESERVE),
        ("POST", "stores/S1/expected", {"documents": [receipt()]}),
        ("DELETE", "stores/S1/expected/ASN-1", None),
        ("POST", "catalog", {"items": [{"sku": "TEA", "name": {"en": "x"}}]}),
    ):
        assert viewer.request(method, f"/api/v1/{path}", json=body).status_code == 403
    assert viewer.get("/api/v1/commands").status_code == 200


def test_what_is_stored_is_a_document_of_the_contract(office: Office, client: Client) -> None:
    client.post("/api/v1/stores/S1/expected", json={"documents": [receipt()]})
    [(body,)] = office.database.rows("SELECT body FROM expected")
    assert parse_document(bytes(body), "ASN-1").revision == 1


def test_a_suppliers_file_is_taken_checked_and_told(office: Office, client: Client) -> None:
    client.post("/api/v1/catalog", json={"items": [{"sku": "TEA", "name": {"en": "x"}, "gtins": [{"gtin": GTIN}]}]})
    office.take(Log(store="S1").open())
    text = f"Lieferschein;Filiale;EAN;수량\nASN-1;Eins;{GTIN};3\nASN-2;Eins;{GTIN};0\n"
    chosen = {"columns": {"Lieferschein": "asn", "Filiale": "store"}, "stores": {"Eins": "S1"}}
    body = {"file": base64.b64encode(text.encode("cp949")).decode(), "map": chosen, "language": "ko"}
    checked = client.post("/api/v1/asn", json={**body, "check": True}).json()
    assert client.get("/api/v1/expected").json()["rows"] == []
    report = client.post("/api/v1/asn", json=body).json()
    assert report == checked
    assert (report["encoding"], report["refused"], report["faults_total"]) == ("cp949", ["ASN-2"], 1)
    [taken], [fault] = report["documents"], report["faults"]
    assert (taken["document"], taken["outcome"], taken["units"]) == ("ASN-1", "new", 3)
    assert (fault["line"], fault["column"], fault["found"], fault["code"]) == (3, "수량", "0", "bad_quantity")
    assert "숫자" in fault["text"]
    assert [one["document"] for one in client.get("/api/v1/expected").json()["rows"]] == ["ASN-1"]
    for wrong in ({"file": "eA=="}, {**body, "map": {"columns": {"x": "colour"}}}):
        answer = client.post("/api/v1/asn", json=wrong)
        assert (answer.status_code, answer.json()["error"]) == (422, "bad_file")
