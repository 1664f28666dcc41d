"""Passages against a real ledger: what moves, what does not, what is told; and the same tables from a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations import passages
from agent.operations.movements import movement
from agent.operations.passages import Doubt, Passed, PassedTag, Rule
from agent.operations.values import Context, Draft
from contract.documents import parse_document
from contract.events import EVENT
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again

NOW = Context(1_757_217_000_000_000, "synced", "session")


def epc(number: int) -> str:
    return f"{number:024X}"


class Store:
    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder, store="S1", clock=FakeClock(), stamper=Stamper(ZoneInfo("Asia/Seoul")))
        self.ledger.start()
        self.reader = Reader(folder)

    def passes(
        self, numbers: Any, way: str = "backroom>salesfloor", rule: Rule = "record", sku: str | None = "COLA"
    ) -> None:
        source, target = way.split(">")
        found = tuple(PassedTag(epc(one), "08801234567893", str(one), sku, 7) for one in numbers)
        passed = Passed("dock", "gate", source, target, rule, found, NOW)
        self.ledger.call(lambda tx: self._append(tx, passages.decide(tx, passed)))

    def write(self, *drafts: Draft) -> None:
        self.ledger.call(lambda tx: self._append(tx, drafts))

    @staticmethod
    def _append(tx: Any, drafts: tuple[Draft, ...]) -> None:
        if drafts:
            for one in tx.append(drafts):
                EVENT.validate_json(one.body)

    def barcodes(self, quantity: int, zone: str = "backroom", sku: str = "COLA", **line: Any) -> None:
        """Stock that was received without reading tags."""
        held = {"sku": sku, "quantity": quantity, "from": "supplier", "to": zone, "disposition": "sellable", **line}
        self.write(movement({"kind": "received", "lines": [held]}, {"device": "hand"}, NOW))

    def expects(self, name: str, kind: str, way: str, quantity: int, **more: Any) -> None:
        source, target = way.split(">")
        line = {"line": 1, "sku": "COLA", "quantity": quantity, **more.pop("line", {})}
        raw = {"document": name, "kind": kind, "revision": 1, "from": source, "to": target, "lines": [line], **more}
        document = parse_document(raw)
        self.ledger.call(lambda tx: tx.places.expect(document, document.model_dump_json(by_alias=True).encode()))

    def stock(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.reader.stock():
            found[row.zone] = found.get(row.zone, 0) + row.quantity
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.reader.newest(100) if one["type"] == kind]

    def troubles(self) -> list[tuple[str, str, int]]:
        return [
            (one["data"]["kind"], one["data"]["reason"], len(one["data"]["epcs"])) for one in self.events("exception")
        ]

    def close(self) -> None:
        same_again(self.reader)
        self.reader.close()
        self.ledger.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_a_group_is_one_movement_with_its_epcs(store: Store) -> None:
    store.passes(range(1, 61), "supplier>backroom")
    [event] = store.events("movement")
    assert (event["data"]["kind"], event["data"]["portal"], event["source"]) == ("received", "dock", {"device": "gate"})
    [line] = event["data"]["lines"]
    assert (line["quantity"], line["from"], line["to"]) == (60, "supplier", "backroom")
    assert line["epcs"] == [epc(one) for one in range(1, 61)]
    assert store.stock() == {"backroom": 60}


def test_a_tag_moves_on_from_where_it_was_and_never_twice(store: Store) -> None:
    store.passes([1, 2], "supplier>backroom")
    store.passes([1, 2])
    store.passes([1, 2])
    assert store.stock() == {"salesfloor": 2}
    assert len(store.events("movement")) == 2
    assert store.troubles() == []


def test_in_and_out_are_two_movements(store: Store) -> None:
    store.passes([1], "supplier>backroom")
    store.passes([1])
    store.passes([1], "salesfloor>backroom")
    assert store.stock() == {"backroom": 1}


def test_a_tag_that_left_its_zone_unseen_moves_from_where_the_log_has_it(store: Store) -> None:
    store.passes([1], "supplier>yard")
    store.passes([1])
    assert store.stock() == {"salesfloor": 1}
    assert store.events("movement")[-1]["data"]["lines"][0]["from"] == "yard"


def test_an_unknown_tag_stands_for_a_unit_that_was_counted_without_tag(store: Store) -> None:
    store.barcodes(2)
    store.passes([1, 2, 3])
    assert store.stock() == {"salesfloor": 2}
    assert store.troubles() == [("unexpected_tag", "not_in_stock", 1)]


def test_units_whose_tags_are_known_are_not_given_to_others(store: Store) -> None:
    store.passes([1, 2], "supplier>backroom")
    store.passes([8])
    assert store.stock() == {"backroom": 2}
    assert store.troubles() == [("unexpected_tag", "not_in_stock", 1)]


def test_an_item_that_nobody_knows_is_told_and_moves_nothing(store: Store) -> None:
    store.passes([1, 2], "supplier>backroom", sku=None)
    assert store.stock() == {}
    assert store.troubles() == [("unknown_tag", "unknown_item", 2)]


def test_a_tag_that_comes_back_from_outside_is_for_a_person(store: Store) -> None:
    store.passes([1], "supplier>backroom")
    store.write(
        movement(
            {
                "kind": "sold",
                "lines": [
                    {
                        "sku": "COLA",
                        "quantity": 1,
                        "from": "backroom",
                        "to": "customer",
                        "disposition": "sellable",
                        "epcs": [epc(1)],
                    }
                ],
            },
            {"device": "till"},
            NOW,
        )
    )
    store.passes([1])
    assert store.stock() == {}
    assert store.troubles() == [("unexpected_tag", "came_back", 1)]


def test_goods_at_an_exit_with_alarm_move_nothing(store: Store) -> None:
    store.passes([1, 2], "supplier>salesfloor")
    store.passes([1, 2], "salesfloor>customer", "alarm")
    assert store.stock() == {"salesfloor": 2}
    assert store.troubles() == [("unexpected_exit", "unexpected_exit", 2)]


def test_a_receipt_is_booked_under_the_document_that_expects_it(store: Store) -> None:
    store.expects("ASN-1", "receipt", "supplier>backroom", 3)
    store.passes([1, 2], "supplier>backroom", "require_document")
    store.passes([3, 4], "supplier>backroom", "require_document")
    assert [one["source"].get("document") for one in store.events("movement")] == ["ASN-1", "ASN-1"]
    assert store.stock() == {"backroom": 3}
    assert store.troubles() == [("unexpected_tag", "no_document", 1)]
    assert store.reader.projections()["progress"] == [("ASN-1", "COLA", 3)]


def test_tolerance_lot_and_disposition_are_the_documents(store: Store) -> None:
    more = {"lot": "L1", "disposition": "quarantine"}
    store.expects("ASN-1", "receipt", "supplier>backroom", 10, tolerance_percent=20, line=more)
    store.passes(range(13), "supplier>backroom", "require_document")
    [row] = store.reader.stock()
    assert (row.lot, row.disposition, row.quantity) == ("L1", "quarantine", 12)
    store.passes(range(12))
    assert [(one.zone, one.lot, one.disposition, one.quantity) for one in store.reader.stock()] == [
        ("salesfloor", "L1", "quarantine", 12)
    ]


def test_named_epcs_come_first_under_a_document(store: Store) -> None:
    store.expects("T-1", "transfer_in", "transit:S2>backroom", 2, line={"epcs": [epc(8), epc(9)]})
    store.passes([1, 8, 9], "supplier>backroom")
    under = {one["source"].get("document"): one["data"] for one in store.events("movement")}
    assert under["T-1"]["kind"] == "transferred"
    assert under["T-1"]["lines"][0]["from"] == "transit:S2"
    assert under["T-1"]["lines"][0]["epcs"] == [epc(8), epc(9)]
    assert under[None]["lines"][0]["epcs"] == [epc(1)]


def test_a_transfer_out_takes_from_the_zone(store: Store) -> None:
    store.passes([1, 2], "supplier>backroom")
    store.expects("T-9", "transfer_out", "backroom>transit:S7", 2)
    store.passes([1, 2], "backroom>unknown", "require_document")
    assert store.stock() == {}
    data = store.events("movement")[-1]["data"]
    assert (data["kind"], data["lines"][0]["to"]) == ("transferred", "transit:S7")


def test_a_document_of_another_direction_or_zone_is_left_alone(store: Store) -> None:
    store.expects("ASN-1", "receipt", "supplier>yard", 5)
    store.expects("T-9", "transfer_out", "backroom>transit:S7", 5)
    store.passes([1], "supplier>backroom", "require_document")
    assert store.troubles() == [("unexpected_tag", "no_document", 1)]


def test_a_withdrawn_and_an_older_document(store: Store) -> None:
    store.expects("ASN-1", "receipt", "supplier>backroom", 5, revision=4)
    store.expects("ASN-1", "receipt", "supplier>backroom", 50, revision=3)
    assert store.ledger.call(lambda tx: tx.documents()[0].lines[0].quantity) == 5
    store.ledger.call(lambda tx: tx.places.withdraw("ASN-1"))
    assert store.ledger.call(lambda tx: tx.documents()) == []


def test_stock_below_zero_is_allowed_and_told(store: Store) -> None:
    store.passes([1], "supplier>backroom")
    line = {"sku": "COLA", "quantity": 1, "from": "backroom", "to": "scrap", "disposition": "sellable"}
    store.write(movement({"kind": "adjusted", "lines": [line]}, {}, NOW))
    store.passes([1])
    assert store.stock() == {"backroom": -1, "salesfloor": 1}
    assert [one["data"]["kind"] for one in store.events("exception")] == ["negative_stock"]


def test_doubt_is_settled_by_a_count_or_a_passage_that_sees_the_tag(store: Store) -> None:
    store.write(*passages.doubts(Doubt("dock", "gate", "one_sided", (epc(1), epc(2), epc(3)), NOW)))
    assert store.troubles() == [("uncertain_passage", "one_sided", 3)]
    seen = {"kind": "tags_seen", "session": "s", "zone": "backroom", "epcs": [epc(1)]}
    store.write(Draft("journal", seen, {"station": "dock"}, NOW.occurred_us, "synced"))
    store.passes([2], "supplier>backroom")
    assert [row[0] for row in store.reader.projections()["doubt"]] == [epc(3)]


def test_a_large_group_is_cut_into_events_that_fit(store: Store) -> None:
    store.passes(range(1200), "supplier>backroom")
    sizes = [sum(line["quantity"] for line in one["data"]["lines"]) for one in store.events("movement")]
    assert sizes == [500, 500, 200]


def test_one_epc_at_two_places_is_told(store: Store) -> None:
    store.write(passages.duplicate(epc(1), "dock", "gate", "seen at yard 2 s before", NOW))
    assert store.troubles() == [("duplicate_tag", "two_places_at_once", 1)]


def test_what_a_broken_group_writes_is_taken_back_whole(store: Store) -> None:
    """A job that fails after it has folded leaves nothing of it in any table."""
    store.passes([1], "supplier>backroom")
    before = store.reader.projections()

    def job(tx: Any) -> None:
        passed = Passed(
            "dock", "gate", "backroom", "salesfloor", "record", (PassedTag(epc(1), "0" * 14, "1", "COLA"),), NOW
        )
        tx.append(passages.decide(tx, passed))
        tx.rollback()
        tx.begin()

    store.ledger.call(job)
    assert store.reader.projections() == before
    assert store.ledger.call(lambda tx: tx.tag(epc(1))).place == "backroom"
