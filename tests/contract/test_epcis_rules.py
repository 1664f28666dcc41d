"""Our rules: each catches what the official schema lets through. And the schema, as the tests use it, is awake."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.epcis import document, to_epcis
from contract.epcis_rules import RULES, faults
from tests.contract import epcis_events as made
from tests.contract.epcis_scores import validator


def good() -> dict[str, Any]:
    """A receipt of pieces, kilograms and a tag, and a return that adds one."""
    lines = [
        {"sku": sku, "quantity": 2, "from": "supplier", "to": "backroom", "disposition": "sellable", **more}
        for sku, more in (("COLA", {}), ("APPLE", {}), ("SHIRT", {"epcs": ["3034257BF7194E4000001A85"]}))
    ]
    receipt = made.envelope(1, "movement", {"kind": "received", "lines": lines}, Random(3))
    receipt["source"] = {"station": "dock", "document": "ASN-1"}
    unit = made.envelope(
        2, "movement", {"kind": "received", "lines": lines[:1], "sscc": "106141412345678908"}, Random(3)
    )
    events = [part for one in (receipt, unit) for part in to_epcis(one, made.MASTER, lambda _seq: None)]
    return document(events, made.NAMES, "2026-09-07T12:50:36.194+09:00")


def first(one: dict[str, Any]) -> dict[str, Any]:
    return one["epcisBody"]["eventList"][0]


def twice(one: dict[str, Any]) -> None:
    one["epcisBody"]["eventList"][1]["eventID"] = first(one)["eventID"]


def put(path: str, value: Any) -> Any:
    """Sets a member of the first event: `quantityList.0.uom`."""

    def change(one: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = first(one)
        for step in way:
            at = at[int(step) if step.isdigit() else step]
        at[last] = value

    return change


def wrong_declaration(one: dict[str, Any]) -> None:
    declared = {"declarationTime": "2026-09-07T12:50:36Z", "correctiveEventIDs": [first(one)["eventID"]]}
    first(one)["errorDeclaration"] = declared


WRONG = [
    ("context", lambda one: one.update({"@context": [{"jaego": "https://stock.example.com/"}]})),
    ("prefix", lambda one: one["@context"].pop()),
    ("prefix", put("other:thing", "x")),
    ("prefix", put("jaego:deltas.0.other:thing", "x")),
    ("event_id", twice),
    ("event_id", lambda one: first(one).pop("eventID")),
    ("event_id", put("eventID", "https://stock.example.com/event/1")),
    ("time", put("eventTimeZoneOffset", "+01:00")),
    ("empty", put("epcList", [])),
    ("quantity", put("quantityList.0.quantity", 0)),
    ("quantity", put("quantityList.0.quantity", -1)),
    ("quantity", put("quantityList.0.quantity", 1.5)),
    ("quantity", lambda one: first(one)["quantityList"][0].pop("quantity")),
    ("uom", put("quantityList.1.uom", "KG")),
    ("key", put("epcList", ["https://id.gs1.org/01/08801234000018/21/1"])),
    ("key", put("bizLocation.id", "https://id.gs1.org/414/8801234000108")),
    ("key", put("readPoint.id", "https://id.gs1.org/414/8801234000109/254/" + "x" * 21)),
    ("instance", put("epcList", ["https://id.gs1.org/01/08801234000017"])),
    ("instance", put("quantityList.0.epcClass", "https://id.gs1.org/01/08801234000017/21/1")),
    ("step", lambda one: first(one).pop("bizStep")),
    ("step", put("bizStep", "https://stock.example.com/returning")),
    ("disposition", put("disposition", "https://stock.example.com/fine")),
    ("transaction", lambda one: first(one)["bizTransactionList"][0].pop("type")),
    ("place", put("disposition", "in_transit")),
    ("place", put("bizStep", "shipping")),
    ("declaration", wrong_declaration),
]
BEYOND = [  # the schema knows these too
    ("uri", put("readPoint.id", "dock:")),
    ("uri", put("epcList", ["https://stock.example.com/a b"])),
    ("parent", lambda one: one["epcisBody"]["eventList"][1].update(parentID="", action="ADD")),
    ("ilmd", put("ilmd", {"cbvmda:lotNumber": "L7"})),
]


def valid(one: dict[str, Any]) -> bool:
    return next(iter(validator().iter_errors(one)), None) is None


def test_a_good_document_has_no_fault() -> None:
    assert valid(good())
    assert faults(good()) == []


@pytest.mark.parametrize(("rule", "change"), WRONG, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(WRONG)])
def test_a_gap_of_the_schema_is_closed_by_its_rule(rule: str, change: Any) -> None:
    one = copy.deepcopy(good())
    change(one)
    assert valid(one), "the schema catches this one: no gap"
    assert rule in {fault.rule for fault in faults(one)}


@pytest.mark.parametrize(("rule", "change"), BEYOND)
def test_what_the_schema_knows_the_rules_know_without_it(rule: str, change: Any) -> None:
    one = copy.deepcopy(good())
    change(one)
    assert not valid(one)
    assert rule in {fault.rule for fault in faults(one)}


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in WRONG + BEYOND} == set(RULES)


def test_a_declaration_of_error_has_the_id_of_what_was_wrong() -> None:
    one = good()
    again = {**first(one), "errorDeclaration": {"declarationTime": "2026-09-07T12:50:36Z"}}
    one["epcisBody"]["eventList"].append(again)
    assert faults(one) == []
    one["epcisBody"]["eventList"].append(again)
    assert [fault.rule for fault in faults(one)] == ["event_id"]


OTHERS = Path(__file__).resolve().parents[1] / "fixtures" / "gs1" / "epcis"


@pytest.mark.parametrize("path", sorted(OTHERS.glob("*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_schema_is_held_as_others_hold_it(path: Path) -> None:
    assert valid(json.loads(path.read_text("utf-8"))) == (path.parent.name == "valid")
