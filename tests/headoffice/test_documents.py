"""Documents for stores: read from files strictly, kept, and answered page by page as of one moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.documents import ExpectedDocument, parse_document
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from headoffice.documents import Pages, read_documents, wire
from headoffice.errors import ConfigError
from headoffice.part import Message
from headoffice.store import Store
from tests.headoffice.test_service import Desk

CSV = """document,kind,from,to,sku,quantity,lot,expiry,tolerance_percent
ASN-1,receipt,supplier,backroom,MILK,12,L1,2027-01-31,5
ASN-1,receipt,supplier,backroom,TEA,3,,,5
OUT-1,transfer_out,backroom,transit:S2,MILK,6,,,
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = Store(tmp_path / "hq.db")
    yield held
    held.close()


def document(name: str, lines: int = 1) -> ExpectedDocument:
    rows = [{"line": one, "sku": f"SKU-{one:05}", "quantity": 1} for one in range(1, lines + 1)]
    raw = {"document": name, "kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom", "lines": rows}
    return parse_document(raw)


def test_a_file_of_rows_is_documents(tmp_path: Path) -> None:
    path = tmp_path / "asn.csv"
    path.write_text(CSV, "utf-8-sig")
    first, second = read_documents(path)
    assert (first.document, first.kind, first.tolerance_percent) == ("ASN-1", "receipt", 5)
    assert [(one.line, one.sku, one.quantity, one.lot, one.expiry) for one in first.lines] == [
        (1, "MILK", 12, "L1", "2027-01-31"),
        (2, "TEA", 3, None, None),
    ]
    assert (second.document, second.target) == ("OUT-1", "transit:S2")


@pytest.mark.parametrize("listed", [True, False])
def test_json_is_as_on_the_wire(tmp_path: Path, listed: bool) -> None:
    path = tmp_path / "asn.json"
    raw = json.loads(wire(document("ASN-1", 2)))
    path.write_text(json.dumps([raw] if listed else raw))
    assert read_documents(path) == [document("ASN-1", 2)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("document,kind,colour\n", "no column 'colour'"),
        ("document,kind\n", "no document in it"),
        (CSV.replace("TEA,3", "TEA,many"), "quantity"),
        (CSV.replace("supplier,backroom,TEA", "supplier,shop,TEA"), "line 3: to is not that of the first row"),
        (CSV.replace(",TEA", ",TEA,x"), "line 3"),
        (CSV.replace("receipt", "gift"), "kind"),
    ],
)
def test_a_wrong_file_is_refused_whole(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "asn.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_documents(path)
    assert why in str(refused.value)
    assert "columns" in refused.value.hint


def pages(of: Pages, since: int = 0, store: str = "S1") -> list[dict[str, Any]]:
    found = [of.page(store, since, 0)]
    while found[-1]["more"]:
        found.append(of.page(store, since, len(found)))
    return found


def test_what_changed_since_a_revision(store: Store) -> None:
    of = Pages(store)
    store.expect("S1", {name: wire(document(name)) for name in ("A", "B")})
    store.expect("S2", {"A": wire(document("A", 2))})
    [page] = pages(of)
    assert [one["document"] for one in page["documents"]] == ["A", "B"]
    store.expect("S1", {"A": None})
    [page] = pages(of, page["revision"])
    assert (page["documents"], page["withdrawn"]) == ([], ["A"])
    [page] = pages(of, page["revision"])
    assert (page["documents"], page["withdrawn"], page["more"]) == ([], [], False)
    assert len(pages(of, store="S2")[0]["documents"][0]["lines"]) == 2


def test_pages_are_of_one_moment_and_fit_a_message(store: Store) -> None:
    of, names = Pages(store), [f"D{number:02}" for number in range(12)]
    store.expect("S1", {name: wire(document(name, 400)) for name in names})
    first = of.page("S1", 0, 0)
    store.expect("S1", {"D00": wire(document("D00", 1))})
    rest, number = [first], 1
    while rest[-1]["more"]:
        rest.append(of.page("S1", 0, number))
        number += 1
    assert [one["document"] for page in rest for one in page["documents"]] == names
    assert all(len(orjson.dumps(page)) <= MESSAGE_SIZE_BYTES_MAX for page in rest)
    [page] = pages(of, rest[-1]["revision"])
    assert [one["document"] for one in page["documents"]] == ["D00"]


def test_documents_are_there_after_a_restart(tmp_path: Path) -> None:
    held = Store(tmp_path / "hq.db")
    held.expect("S1", {"A": wire(document("A"))})
    held.close()
    again = Store(tmp_path / "hq.db")
    assert again.expected("S1", 0) == [("A", 1, wire(document("A")))]
    again.close()


def ask(desk: Desk, verb: str, **members: Any) -> list[dict[str, Any]]:
    out = desk.service.receive([Message(f"stock/v1/S1/ask/{verb}", orjson.dumps({"id": "a1", **members}))])
    assert all(one.topic == "stock/v1/S1/answer/a1" for one in out)
    return [orjson.loads(one.payload) for one in out]


def test_the_worker_answers_what_stores_ask(tmp_path: Path) -> None:
    item = {"sku": "MILK", "revision": 3, "name": {"ko": "우유"}, "gtins": [{"gtin": "08801234567893"}]}
    desk = Desk(tmp_path, items=[item])
    desk.store.expect("S1", {"A": wire(document("A"))})
    [page] = ask(desk, "expected", since=0, page=0)
    assert page["documents"][0]["document"] == "A"
    [found] = ask(desk, "resolve", gtin="08801234567893", text="8801234567893", sku="MILK")
    assert [one["sku"] for one in found["items"]] == ["MILK"]
    assert ask(desk, "resolve", text="??") == [{"id": "a1", "items": []}]
    assert ask(desk, "weather") == []
    assert ask(desk, "expected", since=-1) == []
    assert any("takes code 08801234567893 for MILK" in line for line in desk.said)
    desk.store.close()
