"""Events as EPCIS 2.0: every kind is mapped or named, and what comes out is valid, exact and the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.epcis import WITHOUT, EpcisEvent, EpcisNames, Master, Unmappable, document, to_epcis
from contract.epcis_goods import kilograms
from contract.events import EVENT, ExceptionData, MovementData
from contract.journal import JournalData
from contract.papers import CountData, DocumentData
from tests.contract import epcis_events as made
from tests.contract.epcis_scores import check

TRAFFIC = Path(__file__).resolve().parents[1] / "fixtures" / "traffic"
TAG = "3034257BF7194E4000001A85"
TAG_URI = "https://id.gs1.org/01/80614141123458/21/6789"


def line(source: str, target: str, sku: str = "COLA", quantity: int = 2, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "from": source, "to": target, "disposition": "sellable", **more}


def event(kind: str, data: dict[str, Any], seq: int = 7, **source: str) -> dict[str, Any]:
    return made.envelope(seq, kind, data, Random(1)) | {
        "source": source,
        "clock": "synced",
        "occurred_at": made.TIMES[0],
    }


def movement(kind: str, *lines: dict[str, Any], source: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return event(
        "movement", {"kind": kind, "lines": list(lines), **more}, **({"station": "dock"} if source is None else source)
    )


def mapped(one: dict[str, Any], master: Master = made.MASTER, *others: dict[str, Any]) -> list[EpcisEvent]:
    """Valid by construction of this helper: everything that a test maps is held against the schema."""
    EVENT.validate_python(one)
    found = to_epcis(one, master, {other["seq"]: other for other in others}.get)
    if found:
        check(document(found, master.names, one["recorded_at"]))
    return found


# -- every kind --------------------------------------------------------------------------------------------------------


def kinds() -> list[str]:
    journal = [
        kind for one in get_args(get_args(JournalData)[0]) for kind in get_args(one.model_fields["kind"].annotation)
    ]
    named = {"movement": MovementData, "exception": ExceptionData, "count": CountData, "document": DocumentData}
    others = [f"{name}/{kind}" for name, one in named.items() for kind in get_args(one.model_fields["kind"].annotation)]
    return [*others, *(f"journal/{kind}" for kind in journal)]


def test_every_kind_of_event_is_mapped_or_named_with_its_reason() -> None:
    chance, seen = Random(5), set[str]()
    generator = made.about_goods(chance)
    for seq in range(1, 400):
        kind, data = next(generator)
        one = made.envelope(seq, kind, data, chance)
        if mapped(one):
            seen.add(f"{kind}/{data['kind']}")
        if kind == "movement":
            again = made.envelope(seq + 1000, kind, made.reversal(one), chance)
            assert mapped(again, made.MASTER, one)
            seen.add("movement/reversed")
    without = {kind for kind in kinds() if kind in WITHOUT or f"{kind.partition('/')[0]}/*" in WITHOUT}
    assert seen | without == set(kinds())
    assert not seen & without
    assert {name for name in WITHOUT if not name.endswith("*")} <= set(kinds())


@given(st.randoms(use_true_random=False), st.booleans())
def test_whatever_a_store_writes_is_valid(chance: Random, bare: bool) -> None:
    master = made.BARE if bare else made.MASTER
    kind, data = next(made.about_goods(chance))
    one = made.envelope(1, kind, data, chance)
    found = mapped(one, master)
    if kind == "movement":
        back = made.envelope(2, kind, made.reversal(one), chance)
        both = found + mapped(back, master, one)
        check(document(both, master.names, one["recorded_at"]))
        mapped(back, master)
    assert to_epcis(one, master, lambda _seq: None) == found


@pytest.mark.parametrize("master", [made.MASTER, made.BARE], ids=["keys", "bare"])
def test_a_recorded_day_is_valid_as_it_stands(master: Master) -> None:
    events: dict[tuple[str, int], dict[str, Any]] = {}
    for path in sorted(TRAFFIC.glob("*.jsonl")):
        for text in path.read_text("utf-8").splitlines():
            payload = json.loads(json.loads(text)["payload"] or "null")
            for one in payload.get("events", ()) if isinstance(payload, dict) else ():
                events[one["log"], one["seq"]] = one
    found = [
        part
        for one in events.values()
        for part in to_epcis(one, master, lambda seq, log=one["log"]: events.get((log, seq)))
    ]
    assert len(found) > 20
    check(document(found, master.names, "2026-11-26T12:00:00+09:00"))


# -- meaning -----------------------------------------------------------------------------------------------------------


def meaning(one: EpcisEvent) -> tuple[str | None, ...]:
    place = one.get("bizLocation", {}).get("id")
    return one["type"], one["action"], one["bizStep"], one.get("disposition"), place and place.rpartition("/")[2]


FLOOR = "8801234000116"  # the zone's own GLN
MEANINGS = [
    ("received supplier backroom", {}, "OBSERVE receiving in_progress backroom"),
    ("transferred transit:S2 backroom", {}, "OBSERVE receiving in_progress backroom"),
    ("transferred backroom transit:S2", {}, "OBSERVE shipping in_transit -"),
    ("moved salesfloor backroom", {}, "OBSERVE stocking sellable_not_accessible backroom"),
    ("moved backroom salesfloor", {"portal": "gate"}, f"OBSERVE stocking sellable_accessible {FLOOR}"),
    ("moved backroom customer", {"portal": "gate"}, "OBSERVE entering_exiting unknown -"),
    ("moved customer salesfloor", {"portal": "gate"}, f"OBSERVE entering_exiting sellable_accessible {FLOOR}"),
    ("moved salesfloor pickup", {"reservation": "R"}, "OBSERVE picking sellable_accessible pickup"),
    ("sold salesfloor customer", {}, "OBSERVE retail_selling retail_sold -"),
    ("sold salesfloor customer", {"epcs": [TAG]}, "DELETE retail_selling retail_sold -"),
    ("returned customer salesfloor", {}, f"OBSERVE receiving returned {FLOOR}"),
    ("returned customer salesfloor", {"epcs": [TAG]}, f"ADD receiving returned {FLOOR}"),
    ("returned customer backroom", {"disposition": "damaged"}, "OBSERVE receiving damaged backroom"),
    ("returned backroom supplier", {"epcs": [TAG]}, "OBSERVE shipping returned -"),
    ("adjusted backroom scrap", {}, "DELETE destroying destroyed -"),
    ("adjusted backroom unknown", {}, "OBSERVE inspecting unknown -"),
    ("adjusted unknown backroom", {"count": {"seq": 3}}, "OBSERVE cycle_counting sellable_not_accessible backroom"),
    ("adjusted backroom backroom", {"disposition": "damaged"}, "OBSERVE inspecting damaged backroom"),
    ("sold supplier scrap", {}, "OBSERVE other unknown -"),
]


@pytest.mark.parametrize(("way", "more", "expected"), MEANINGS)
def test_a_movement_means_what_the_standard_says(way: str, more: dict[str, Any], expected: str) -> None:
    kind, source, target = way.split()
    about = {name: value for name, value in more.items() if name not in {"epcs", "disposition"}}
    of_line = {name: value for name, value in more.items() if name not in about}
    (found,) = mapped(movement(kind, line(source, target, **of_line), **about))
    assert " ".join(word or "-" for word in meaning(found)) == f"ObjectEvent {expected}"


def test_a_receipt_names_its_papers_its_ends_and_what_came() -> None:
    one = movement(
        "received",
        line("supplier", "backroom", lot="L7", expiry="2027-01-31"),
        line("supplier", "backroom", epcs=[TAG]),
        source={"station": "dock", "document": "ASN-1"},
    )
    (found,) = mapped(one)
    assert found["epcList"] == [TAG_URI]
    assert found["quantityList"] == [{"epcClass": "https://id.gs1.org/01/08801234000017/10/L7", "quantity": 2}]
    paper = {"type": "desadv", "bizTransaction": "https://stock.example.com/hq/store/S1/document/ASN-1"}
    assert found["bizTransactionList"] == [paper]
    assert found["readPoint"] == {"id": "https://stock.example.com/hq/store/S1/read-point/dock"}
    assert found["bizLocation"] == {"id": "https://id.gs1.org/414/8801234000109/254/backroom"}
    assert found["sourceList"] == [
        {"type": "possessing_party", "source": "https://stock.example.com/hq/party/supplier"}
    ]
    assert found["destinationList"] == [
        {"type": "owning_party", "destination": "https://id.gs1.org/417/8801234000000"},
        {"type": "location", "destination": "https://id.gs1.org/414/8801234000109"},
    ]
    assert found["eventID"] == "urn:uuid:019a0000-0000-7000-8000-000000000007"
    assert (found["eventTime"], found["eventTimeZoneOffset"]) == ("2026-09-07T12:50:36.194+09:00", "+09:00")
    delta = {"jaego:sku": "COLA", "jaego:zone": "backroom", "jaego:disposition": "sellable", "jaego:delta": 2}
    assert found["jaego:deltas"] == [{**delta, "jaego:lot": "L7", "jaego:expiry": "2027-01-31"}, delta]


def test_goods_between_stores_leave_one_location_for_the_other() -> None:
    (out,) = mapped(movement("transferred", line("backroom", "transit:S2")))
    (back,) = mapped(movement("transferred", line("transit:S2", "backroom")))
    ends = [[one[name][-1] for name in ("sourceList", "destinationList")] for one in (out, back)]
    here, there = "https://id.gs1.org/414/8801234000109", "https://id.gs1.org/414/8801234000208"
    assert ends[0] == [{"type": "location", "source": here}, {"type": "location", "destination": there}]
    assert ends[1] == [{"type": "location", "source": there}, {"type": "location", "destination": here}]
    assert out["jaego:deltas"][0]["jaego:delta"] == -2


def test_a_logistic_unit_is_packed_before_it_leaves_and_comes_with_what_is_in_it() -> None:
    goods = (line("backroom", "transit:S2", epcs=[TAG]), line("backroom", "transit:S2"))
    packed, shipped = mapped(movement("transferred", *goods, sscc="106141412345678908"))
    assert meaning(packed) == ("AggregationEvent", "ADD", "packing", "in_progress", "backroom")
    assert packed["parentID"] == "https://id.gs1.org/00/106141412345678908"
    assert (packed["childEPCs"], len(packed["childQuantityList"])) == ([TAG_URI], 1)
    assert meaning(shipped) == ("ObjectEvent", "OBSERVE", "shipping", "in_transit", None)
    assert shipped["epcList"] == [packed["parentID"]]
    assert packed["eventID"] != shipped["eventID"]
    (came,) = mapped(movement("received", line("supplier", "backroom"), sscc="106141412345678908"))
    assert meaning(came) == ("AggregationEvent", "OBSERVE", "receiving", "in_progress", "backroom")


def test_lines_that_differ_are_events_with_ids_that_stay() -> None:
    one = movement(
        "moved",
        line("backroom", "salesfloor"),
        line("backroom", "pickup"),
        line("backroom", "salesfloor", "APPLE", 1250),
    )
    first, second = mapped(one)
    assert first["eventID"] == "urn:uuid:019a0000-0000-7000-8000-000000000007"
    assert second["eventID"] == "urn:uuid:eda68897-03e5-5b7f-b0b0-3293cc97ac1b"  # SHA-1 of the id and "2", by hand
    assert [item.get("uom") for item in first["quantityList"]] == [None, "KGM"]
    assert [len(part["jaego:deltas"]) for part in (first, second)] == [4, 2]
    assert [part["eventID"] for part in mapped(one, made.BARE)] == [first["eventID"], second["eventID"]]


def test_kilograms_are_written_exactly() -> None:
    for grams in [1, 999, 1000, 1001, 123_456_789, 10**12 - 1, 10**12]:
        whole, rest = divmod(grams, 1000)
        expected = f"{whole}.{rest:03d}".rstrip("0").rstrip(".")
        assert json.dumps(kilograms(grams)) == expected


def test_goods_are_named_by_what_is_known_of_them() -> None:
    def named(**more: Any) -> str:
        (found,) = mapped(movement("received", line("supplier", "backroom", **more)))
        return found["quantityList"][0]["epcClass"]

    case = {"code": {"gtin": "18801234000014", "units": 6}}
    each = {"code": {"gtin": "08801234000031", "units": 1}}
    assert named() == "https://id.gs1.org/01/08801234000017"
    assert named(sku="NAMELESS", **case) == "https://stock.example.com/hq/class/NAMELESS"
    assert named(sku="NAMELESS", **each) == "https://id.gs1.org/01/08801234000031"
    assert named(sku="APPLE", **each) == "https://stock.example.com/hq/class/APPLE"
    assert named(sku="HAM", lot="A/1") == "https://id.gs1.org/01/98801234000010/10/A%2F1"
    assert named(lot="더미") == "https://stock.example.com/hq/class/COLA/lot/%EB%8D%94%EB%AF%B8"


def test_tags_of_any_scheme_have_a_name() -> None:
    odd = movement("moved", line("backroom", "salesfloor", "SHIRT", 3, epcs=[TAG, "E200341201", "no tag"]))
    (found,) = mapped(odd)
    assert found["epcList"] == [TAG_URI, "urn:epc:raw:40.xE200341201", "https://stock.example.com/hq/object/no%20tag"]
    assert "quantityList" not in found


def test_an_undone_sale_is_declared_wrong_and_its_goods_are_seen_again() -> None:
    sale = movement("sold", line("salesfloor", "customer", epcs=[TAG]), transaction="T-1")
    (told,) = mapped(sale)
    undo = event("movement", made.reversal(sale), 8) | {"occurred_at": made.TIMES[1], "recorded_at": made.TIMES[1]}
    wrong, seen = mapped(undo, made.MASTER, sale)
    assert seen["eventID"] == "urn:uuid:019a0000-0000-7000-8000-000000000008"
    assert wrong["errorDeclaration"] == {
        "declarationTime": made.TIMES[1], "reason": "did_not_occur", "correctiveEventIDs": [seen["eventID"]],
        "jaego:seq": 8, "jaego:hash": undo["hash"],
    }  # fmt: skip
    same = {**wrong, "recordTime": told["recordTime"]}
    del same["errorDeclaration"]
    assert same == told
    assert meaning(seen) == ("ObjectEvent", "OBSERVE", "inspecting", "sellable_accessible", "8801234000116")
    assert seen["jaego:reverses"] == 7
    assert "jaego:deltas" not in seen


def test_an_undone_shipment_of_a_unit_packs_nothing() -> None:
    shipment = movement("transferred", line("backroom", "transit:S2"), sscc="106141412345678908")
    found = mapped(event("movement", made.reversal(shipment), 8), made.MASTER, shipment)
    assert [(one["bizStep"], "errorDeclaration" in one) for one in found] == [
        ("packing", True), ("shipping", True), ("inspecting", False),
    ]  # fmt: skip
    assert found[-1]["bizLocation"]["id"].endswith("/254/backroom")


def test_an_undone_receipt_leaves_nothing_to_see() -> None:
    receipt = movement("received", line("supplier", "backroom"))
    (wrong,) = mapped(event("movement", made.reversal(receipt), 8), made.MASTER, receipt)
    assert "correctiveEventIDs" not in wrong["errorDeclaration"]


def test_a_correction_of_what_is_gone_still_says_what_changed() -> None:
    receipt = movement("received", line("supplier", "backroom"))
    (seen,) = mapped(event("movement", made.reversal(receipt), 8))
    assert meaning(seen) == ("ObjectEvent", "OBSERVE", "inspecting", "unknown", None)
    assert (seen["jaego:deltas"][0]["jaego:delta"], seen["jaego:reverses"]) == (-2, 7)


def test_a_count_tells_what_lies_there_and_never_nothing() -> None:
    def counted(sku: str, found: int, disposition: str = "sellable") -> dict[str, Any]:
        return {
            "sku": sku,
            "disposition": disposition,
            "expected": 5,
            "counted": found,
            "delta": found - 5,
            "within": True,
        }

    lines = [counted("COLA", 4), counted("SHIRT", 0), counted("APPLE", 1250), counted("COLA", 1, "damaged")]
    totals = {"lines_total": 4, "accuracy_permille": 0, "exact_permille": 0, "counted_by": []}
    data = {"kind": "approved", "count": "C-1", "zone": "salesfloor", "blind": True, "lines": lines, **totals}
    good, bad = mapped(event("count", data))
    assert meaning(good) == ("ObjectEvent", "OBSERVE", "cycle_counting", "sellable_accessible", "8801234000116")
    assert [one["quantity"] for one in good["quantityList"]] == [4, 1.25]
    assert good["bizTransactionList"][0] == {
        "type": "https://stock.example.com/hq/ns/jaego/count",
        "bizTransaction": "https://stock.example.com/hq/store/S1/count/C-1",
    }
    assert meaning(bad)[3] == "damaged"
    assert mapped(event("count", data | {"lines": [counted("COLA", 0)]})) == []


def test_a_closed_document_is_a_transaction_of_what_was_done() -> None:
    def closed(**more: Any) -> dict[str, Any]:
        numbers = {"sku": "COLA", "expected": 5, "done": 5} | more
        head = {"kind": "closed", "document": "ASN-1", "document_kind": "receipt", "revision": 1}
        return event("document", {**head, "from": "supplier", "to": "backroom", "lines": [numbers]}, station="dock")

    (exact,) = mapped(closed())
    assert meaning(exact) == ("TransactionEvent", "ADD", "accepting", "completeness_verified", "backroom")
    (short,) = mapped(closed(done=3, short=2))
    assert short["disposition"] == "mismatch_quantity"
    assert mapped(closed(done=0, short=5)) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"data": {"kind": "melted", "lines": []}}, "movement.data.kind"),
        ({"id": "no-uuid"}, "badly formed"),
        ({"occurred_at": "yesterday"}, "RFC 3339"),
        ({"occurred_at": "2026-09-07T12:50:36"}, "RFC 3339"),
        ({"occurred_at": "2026-09-07T12:50:36+15:00"}, "14 hours"),
        ({"recorded_at": "2026-13-07T12:50:36+09:00"}, "month"),
        ({"type": "rumour"}, "rumour"),
    ],
)
def test_what_is_no_event_of_this_contract_is_refused_with_a_reason(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(Unmappable, match=why):
        to_epcis(movement("received", line("supplier", "backroom")) | wrong, made.MASTER, lambda _seq: None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": "http://stock.example.com"},
        {"base": "https://stock.example.com/"},
        {"company": "8801234000001"},
        {"company": "8801234000000/x"},
        {"locations": {"S1": "880123400010"}},
        {"locations": {"S1/a/b": "8801234000109"}},
        {"read_points": {"S1/x": "8801234000109/" + "x" * 21}},
        {"bases": 1},
    ],
)
def test_names_that_no_key_has_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        EpcisNames.model_validate({"base": "https://stock.example.com"} | wrong)
