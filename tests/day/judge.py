"""What a day must have left behind, reckoned again from the events alone, by other rules than the store's own code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contract.epcis import EpcisNames, Master, document, to_epcis
from contract.events import EVENT
from simulators.day_plan import Came
from tests.contract.epcis_scores import check

Event = Mapping[str, Any]
OUTSIDE = ("supplier", "customer", "scrap", "unknown")


def written_well(events: Sequence[Event]) -> None:
    """Every event as the contract has it; the chain is checked by `jaego log verify`."""
    for one in events:
        EVENT.validate_python(one)
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))


def told_as_epcis(events: Sequence[Event]) -> None:
    """All of it is valid EPCIS, and as many base units are in its deltas as moved."""
    master = Master(EpcisNames(base="https://stock.example.com"), lambda _sku: None)
    by_seq = {one["seq"]: one for one in events}
    found = [part for one in events for part in to_epcis(one, master, by_seq.get)]
    check(document(found, master.names, events[-1]["recorded_at"]))
    held: Counter[tuple[str, str, str]] = Counter()
    for part in found:
        sign = -1 if "errorDeclaration" in part else 1
        for one in part.get("jaego:deltas", ()):
            held[one["jaego:sku"], one["jaego:zone"], one["jaego:disposition"]] += sign * one["jaego:delta"]
    assert {key: quantity for key, quantity in held.items() if quantity} == moved(events)


def tally(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Stock as the store or head office says it."""
    return {(row["sku"], row["zone"], row["disposition"]): row["quantity"] for row in rows if row["quantity"]}


def moved(events: Iterable[Event]) -> dict[tuple[str, str, str], int]:
    """Stock as the sum of movements."""
    held: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        for line in event["data"]["lines"] if event["type"] == "movement" else ():
            _book(held, line)
    return {key: quantity for key, quantity in held.items() if quantity}


def _book(held: Counter[tuple[str, str, str]], line: Mapping[str, Any]) -> None:
    was = line.get("from_disposition", line["disposition"])
    for place, state, sign in ((line["from"], was, -1), (line["to"], line["disposition"], 1)):
        if place not in OUTSIDE and not place.startswith("transit:"):
            held[line["sku"], place, state] += sign * line["quantity"]


def receipt(events: Iterable[Event], delivery: Mapping[str, Came], extra: str) -> None:
    """The document was opened once and closed once, with what came of each line."""
    about = [one["data"] for one in events if one["type"] == "document" and one["data"]["document"] == "ASN-1"]
    assert [one["kind"] for one in about] == ["opened", "closed"]
    closed = {line["sku"]: line for line in about[1]["lines"]}
    assert closed.keys() == {*delivery, extra}
    for sku, came in delivery.items():
        line = closed[sku]
        found = Came(line["expected"], line["done"], line.get("damaged", 0))
        assert found == came, (sku, line)
        assert line.get("over", 0) == max(0, came.came - came.expected)
        assert line.get("short", 0) == max(0, came.expected - came.came)
    assert (closed[extra]["expected"], closed[extra]["done"]) == (0, 1)


def count(events: Iterable[Event]) -> dict[str, int]:
    """The approved count line by line: what was scanned, against stock as of the line's last scan, and its accuracy,
    where a line that is over never evens out one that is short. Gives the differences by SKU."""
    stock: Counter[tuple[str, str, str]] = Counter()
    counted: dict[tuple[str, str, str], list[int]] = {}
    approved: Event | None = None
    for event in events:
        data = event["data"]
        if event["type"] == "movement":
            for line in data["lines"]:
                _book(stock, line)
        elif data["kind"] == "counted":
            key = data["sku"], data["zone"], data["disposition"]
            before = counted.get(key, [0, 0])[0]
            counted[key] = [before + data["quantity"], stock[key]]
        elif data["kind"] == "count_recount":
            for key in [key for key in counted if key[0] in data["skus"]]:
                del counted[key]
        elif data["kind"] == "count_zeroed":
            for line in data["lines"]:
                key = line["sku"], data["zone"], line["disposition"]
                counted[key] = [0, stock[key]]
        elif event["type"] == "count":
            assert approved is None, "one count, approved once"
            approved = data
            _held_against(data, counted)
    assert approved is not None
    return {line["sku"]: line["delta"] for line in approved["lines"] if line["delta"]}


def _held_against(data: Mapping[str, Any], counted: Mapping[tuple[str, str, str], list[int]]) -> None:
    lines = {(line["sku"], data["zone"], line["disposition"]): line for line in data["lines"]}
    assert lines.keys() == counted.keys()
    for key, (pieces, expected) in counted.items():
        assert (lines[key]["counted"], lines[key]["expected"]) == (pieces, expected), key
        assert lines[key]["delta"] == pieces - expected
        assert lines[key]["within"] == (pieces == expected)
    exact = sum(pieces == expected for pieces, expected in counted.values())
    assert data["lines_total"] == len(counted)
    assert data["exact_permille"] == data["accuracy_permille"] == exact * 1000 // len(counted)
    assert data["approved_by"] not in data["counted_by"]
    assert len(data["counted_by"]) == 3, "two clerks, and one who recounted"


def resolved(events: Sequence[Event]) -> None:
    """What was refused and then approved, or named later, is settled by an event that says which."""
    settled = {one["data"]["resolves"]["seq"] for one in events if "resolves" in one["data"]}
    settled |= {one["data"]["concerns"]["seq"] for one in events if one["data"]["kind"] == "exception_resolved"}
    kinds = {"over_delivery", "unexpected_item", "unknown_code"}
    assert {one["seq"] for one in events if one["data"]["kind"] in kinds} <= settled
    approved = [one for one in events if one["data"]["kind"] == "received" and "approved_by" in one["data"]]
    assert len(approved) == 3, "two lines beyond tolerance, and what was not on the document"
    assert all(one["data"]["approved_by"] != one["source"]["clerk"] for one in approved)
