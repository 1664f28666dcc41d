"""The exceptions tray over a real ledger: what is open, and what a person makes of it without scanning again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.operations import resolving
from agent.operations.approving import Approve, approve
from agent.operations.resolving import Late, Way
from agent.operations.rules import DEFAULTS
from agent.operations.values import Clerk, Draft, Outcome
from contract.documents import parse_document
from tests.agent.ledger.gone import prune_all
from tests.agent.operations.shop import NOON_US, Shop

BY = {"clerk": "c7"}
AT = {"device": "hand", "station": "dock", "session": "s1"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def session(shop: Shop, mode: str, **members: Any) -> None:
    data = {"kind": "session_opened", "session": "s1", "mode": mode, "language": "ko", **members}
    shop.write(Draft("journal", data, AT, NOON_US - 10_000_000, "synced"))


def unknown(shop: Shop, source: dict[str, Any] | None = None, at_us: int = NOON_US - 5_000_000) -> int:
    data = {"kind": "unknown_code", "reason": "unknown_trade_item", "code": {"text": "8809", "aim": "]E0"}}
    shop.write(Draft("exception", data, AT if source is None else source, at_us, "synced"))
    return int(shop.events("exception")[-1]["seq"])


def books(shop: Shop, seq: int, quantity: int = 3, way: Way | None = None) -> Outcome:
    late = Late(seq, "MILK", quantity, None, way)
    return shop.do(lambda state, context: resolving.book(state, late, BY, context))


def dismisses(shop: Shop, seq: int, note: str | None = None) -> Outcome:
    return shop.do(lambda state, context: resolving.dismiss(state, seq, note, BY, context))


def test_an_entry_says_what_was_scanned_where_and_when(shop: Shop) -> None:
    seq = unknown(shop)
    assert shop.reader.book(resolving.BOOK) == [
        (
            f"{seq:012d}",
            {
                "kind": "unknown_code",
                "reason": "unknown_trade_item",
                "text": "8809",
                "station": "dock",
                "device": "hand",
                "occurred_us": NOON_US - 5_000_000,
            },
        )
    ]


def test_a_dismissed_entry_is_gone_and_the_note_stays(shop: Shop) -> None:
    first, second = unknown(shop), unknown(shop)
    assert dismisses(shop, first, "a loyalty card").refused is None
    [event] = shop.events("journal", "exception_resolved")
    assert event["source"] == BY
    assert event["data"]["note"] == "a loyalty card"
    assert event["data"]["concerns"]["seq"] == first
    assert shop.tray() == [second]
    assert dismisses(shop, first).refused == "not_open"
    assert shop.ledger.call(lambda tx: resolving.standing(tx.books)) == (1, 0)


def test_an_unknown_code_is_assigned(shop: Shop) -> None:
    seq = unknown(shop)
    shop.do(lambda state, context: resolving.assign(state, seq, "MILK", BY, context))
    data = shop.events("journal", "exception_resolved")[0]["data"]
    assert (data["resolution"], data["sku"]) == ("assigned", "MILK")
    assert shop.tray() == []


def test_what_was_received_is_booked_without_scanning_again(shop: Shop) -> None:
    session(shop, "receive", zone="backroom")
    seq = unknown(shop)
    assert books(shop, seq, 12).refused is None
    [event] = shop.events("movement")
    assert (event["data"]["kind"], event["source"]) == ("received", BY)
    assert event["data"]["resolves"]["seq"] == seq
    assert event["data"]["lines"][0]["code"] == {"text": "8809", "aim": "]E0"}
    assert event["occurred_at"] == "2026-11-26T11:59:55.000+09:00"
    assert shop.stock("MILK") == {("backroom", "", "sellable"): 12}
    assert shop.tray() == []
    assert books(shop, seq).refused == "not_open"


@pytest.mark.parametrize(
    ("mode", "members", "kind", "way"),
    [
        ("receive", {"zone": "backroom"}, "received", ("supplier", "backroom")),
        ("receive", {"zone": "backroom", "document": "ASN"}, "received", ("supplier", "dock")),
        ("ship", {"zone": "backroom", "document": "OUT"}, "transferred", ("backroom", "transit:S2")),
        ("move", {"zone": "backroom", "zone_to": "salesfloor"}, "moved", ("backroom", "salesfloor")),
        ("return", {"zone": "backroom", "reason": "FAULTY"}, "returned", ("customer", "backroom")),
    ],
)
def test_it_is_what_the_station_was_doing(
    shop: Shop, mode: str, members: dict[str, Any], kind: str, way: tuple[str, str]
) -> None:
    for name, of, places in (
        ("ASN", "receipt", ("supplier", "dock")),
        ("OUT", "transfer_out", ("backroom", "transit:S2")),
    ):
        line = {"line": 1, "sku": "MILK", "quantity": 9}
        raw = {"document": name, "kind": of, "revision": 1, "from": places[0], "to": places[1], "lines": [line]}
        document = parse_document(raw)
        body = document.model_dump_json(by_alias=True).encode()
        shop.ledger.call(lambda tx, document=document, body=body: tx.places.expect(document, body))
    session(shop, mode, **members)
    seq = unknown(shop)
    session(shop, "lookup")
    assert books(shop, seq).refused is None
    event = shop.events("movement")[0]
    [line] = event["data"]["lines"]
    assert (event["data"]["kind"], (line["from"], line["to"])) == (kind, way)
    assert event["source"].get("document") == members.get("document")
    assert event["data"].get("reason") == members.get("reason")


@pytest.mark.parametrize("mode", ["count", "lookup", "adjust", "move", "ship"])
def test_where_that_says_nothing_the_clerk_must(shop: Shop, mode: str) -> None:
    session(shop, mode)
    seq = unknown(shop)
    assert books(shop, seq).refused == "say_where"
    assert books(shop, seq, way=Way("adjusted", "salesfloor", "scrap", reason="SCRAP")).refused is None
    assert [one["data"]["kind"] for one in shop.events("exception")] == ["unknown_code", "negative_stock"]


def test_an_unknown_sale_is_booked_as_the_sale_it_was(shop: Shop) -> None:
    shop.gets("MILK", 5)
    shop.sells("T1", {"code": "??", "quantity": 2}, {"code": "??", "return": True}, at="2026-11-26T10:00:00+09:00")
    sold, back = shop.tray()
    books(shop, sold, 2)
    books(shop, back, 1)
    assert shop.stock("MILK") == {("salesfloor", "", "sellable"): 4}
    event = shop.events("movement", "sold")[0]
    assert (event["data"]["transaction"], event["occurred_at"]) == ("T1", "2026-11-26T10:00:00.000+09:00")
    assert shop.sells("T1", {"code": "??", "quantity": 2}).status == "conflict"


def test_quantities_and_places_that_cannot_be_are_refused(shop: Shop) -> None:
    seq = unknown(shop, {"device": "hand"})
    assert books(shop, seq).refused == "say_where"
    assert books(shop, seq, 0, Way("received", "supplier", "dock")).refused == "bad_quantity"
    assert books(shop, 9_999).refused == "not_open"
    assert shop.tray() == [seq]


def test_the_scans_around_an_entry_are_those_of_its_station(shop: Shop) -> None:
    for number in range(15):
        shop.write(
            Draft(
                "journal", {"kind": "looked_up", "sku": f"A{number}", "code": {}, "on_hand": 0}, AT, NOON_US, "synced"
            )
        )
        shop.gets("MILK", 1)
    seq = unknown(shop)
    for number in range(3):
        shop.gets("MILK", 1)
        shop.write(
            Draft(
                "journal", {"kind": "looked_up", "sku": f"B{number}", "code": {}, "on_hand": 0}, AT, NOON_US, "synced"
            )
        )
    found = shop.ledger.call(lambda tx: resolving.around(tx, seq, 10))
    assert [one["data"].get("sku") for one in found] == [*(f"A{n}" for n in range(5, 15)), None, "B0", "B1", "B2"]
    assert shop.ledger.call(lambda tx: resolving.around(tx, 9_999, 10)) == []


def test_the_tray_is_bounded_and_says_what_dropped_out(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    monkeypatch.setattr(resolving, "OPEN_MAX", 10)
    monkeypatch.setattr(resolving, "DROPPED_AT_ONCE", 4)
    seqs = [unknown(shop) for _ in range(12)]
    assert shop.tray() == seqs[4:]
    assert shop.ledger.call(lambda tx: resolving.standing(tx.books)) == (8, 4)
    assert dismisses(shop, seqs[0]).refused == "not_open"


# -- entries that outlive their event ----------------------------------------------------------------------------------


def test_an_entry_whose_event_was_pruned_can_be_settled(shop: Shop) -> None:
    session(shop, "receive", zone="salesfloor")
    seqs = [unknown(shop) for _ in range(3)]
    before = shop.ledger.call(lambda tx: resolving.event_of(tx, seqs[0]))
    prune_all(shop.ledger, shop.folder)
    event = shop.ledger.call(lambda tx: resolving.event_of(tx, seqs[0]))
    assert "id" not in event
    assert event["occurred_at"] == before["occurred_at"]
    assert event["source"] == {"device": "hand", "station": "dock"}
    assert event["data"] == {"kind": "unknown_code", "reason": "unknown_trade_item", "code": {"text": "8809"}}
    assert dismisses(shop, seqs[0]).refused is None
    assert shop.events("journal", "exception_resolved")[-1]["data"]["concerns"] == {"seq": seqs[0]}
    assert books(shop, seqs[1]).refused == "say_where", "what the station was doing is gone too"
    assert books(shop, seqs[1], way=Way("received", "supplier", "salesfloor")).refused is None
    [line] = shop.events("movement")[-1]["data"]["lines"]
    assert "code" not in line
    assert (line["quantity"], shop.events("movement")[-1]["occurred_at"]) == (3, before["occurred_at"])
    assert shop.tray() == [seqs[2]]
    assert dismisses(shop, seqs[0]).refused == "not_open"


def test_what_a_pruned_entry_held_cannot_be_approved(shop: Shop) -> None:
    seq = unknown(shop)
    prune_all(shop.ledger, shop.folder)
    command = Approve(seq, Clerk("boss", "supervisor"), DEFAULTS)
    assert shop.do(lambda state, context: approve(state, command, context)).refused == "too_old"
    assert shop.tray() == [seq]
