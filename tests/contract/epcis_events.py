"""Events of every kind that gives EPCIS events, by chance, and the item master that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from contract.epcis import EpcisNames, Item, Master
from identity.epc import encode

ITEMS = {
    "COLA": Item("08801234000017"),
    "APPLE": Item(None, grams=True),
    "HAM": Item("98801234000010", grams=True),
    "SHIRT": Item("08801234000024"),
    "NAMELESS": Item(None),
}
NAMES = EpcisNames(
    base="https://stock.example.com/hq",
    company="8801234000000",
    locations={"S1": "8801234000109", "S1/salesfloor": "8801234000116", "S2": "8801234000208"},
    read_points={"S1/dock-door": "8801234000109/dock-door"},
    back_zones=frozenset({"S1/backroom"}),
)
MASTER = Master(NAMES, ITEMS.get)
BARE = Master(EpcisNames(base="https://stock.example.com"), lambda _sku: None)

ZONES = ("backroom", "salesfloor", "a.zone-with_a-name-that-no-extension-takes")
DIRECTIONS = {
    "received": [("supplier", "zone")],
    "moved": [("zone", "zone"), ("zone", "customer"), ("zone", "unknown"), ("customer", "zone"), ("unknown", "zone")],
    "sold": [("zone", "customer")],
    "returned": [("customer", "zone"), ("zone", "supplier")],
    "transferred": [("zone", "transit:S2"), ("transit:S2", "zone")],
    "adjusted": [("zone", "scrap"), ("zone", "unknown"), ("unknown", "zone"), ("zone", "zone"), ("supplier", "zone")],
}
DISPOSITIONS = ("sellable", "sellable", "sellable", "damaged", "quarantine", "display")
LOTS = (None, None, "L7", "A/1?x%", "lot with blanks", "더미-7", "x" * 40)
TIMES = ("2026-09-07T12:50:36.194+09:00", "2026-09-07T03:50:36Z", "2026-03-01T23:59:59.999-09:30")


def tag(chance: Random) -> str:
    serial = str(chance.randrange(10**6))
    sgtin = encode("sgtin-96", {"01": "08801234000024", "21": serial}, company_prefix_digits=7).hex().upper()
    giai = encode("giai-96", {"8004": f"8801234{serial}"}, company_prefix_digits=7).hex().upper()
    return chance.choice(
        (sgtin, sgtin, sgtin, giai, f"E2{chance.randrange(16**8):08X}", "300833B2DDD901400000" + "0000")
    )


def _line(chance: Random, ends: tuple[str, str]) -> dict[str, Any]:
    sku = chance.choice([*ITEMS, "STRANGE"])
    line: dict[str, Any] = {"sku": sku, "quantity": chance.choice((1, 1, 2, 24, 1234, 10**12))}
    line["from"], line["to"] = (chance.choice(ZONES) if one == "zone" else one for one in ends)
    line["disposition"] = chance.choice(DISPOSITIONS)
    if ends == ("zone", "zone") and chance.random() < 0.3:
        line["from_disposition"] = chance.choice(DISPOSITIONS)
    if lot := chance.choice(LOTS):
        line |= {"lot": lot, "expiry": "2027-01-31"}
    if chance.random() < 0.3:
        line["epcs"] = [tag(chance) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.5:
        line["code"] = {"text": "x", "gtin": "08801234000017", "units": chance.choice((1, 6))}
    return line


def movement(chance: Random, kind: str | None = None) -> dict[str, Any]:
    kind = kind or chance.choice([*DIRECTIONS])
    ends = [chance.choice(DIRECTIONS[kind]) for _ in range(chance.choice((1, 1, 1, 2)))]
    data: dict[str, Any] = {
        "kind": kind,
        "lines": [_line(chance, chance.choice(ends)) for _ in range(chance.randint(1, 4))],
    }
    if kind == "sold":
        data["transaction"] = f"till-1/{chance.randrange(10**6)}#x"
    if kind in {"received", "transferred"} and chance.random() < 0.3:
        data["sscc"] = "106141412345678908"
    if kind == "moved" and chance.random() < 0.5:
        data |= chance.choice(({"reservation": "R-1"}, {"portal": "dock-door"}, {"portal": "gate"}))
    if kind == "adjusted":
        data |= chance.choice(({"reason": "LOST"}, {"count": {"seq": 1}}, {"balances": [{"seq": 1}, {"seq": 2}]}))
    return data


def reversal(event: dict[str, Any]) -> dict[str, Any]:
    """As a station's UNDO writes it."""
    lines = [{**line, "from": line["to"], "to": line["from"]} for line in event["data"]["lines"]]
    for line in lines:
        if "from_disposition" in line:
            line["disposition"], line["from_disposition"] = line["from_disposition"], line["disposition"]
    kept = {name: one for name, one in event["data"].items() if name in {"reason", "sscc", "reservation"}}
    return {"kind": "reversed", "lines": lines, "reverses": {"seq": event["seq"], "id": event["id"]}, **kept}


def count(chance: Random) -> dict[str, Any]:
    lines = [
        {
            "sku": chance.choice([*ITEMS]), "disposition": chance.choice(DISPOSITIONS), "within": True,
            "lot": chance.choice(LOTS), "expected": 5, "counted": found, "delta": found - 5,
        }
        for found in (chance.choice((0, 1, 7, 2500)) for _ in range(chance.randint(0, 5)))
    ]  # fmt: skip
    return {
        "kind": "approved", "count": "C-1", "zone": chance.choice(ZONES), "blind": True, "lines": lines,
        "lines_total": len(lines), "accuracy_permille": 900, "exact_permille": 800, "counted_by": ["k"],
        **chance.choice(({}, {"request": "CR-1"})),
    }  # fmt: skip


def document(chance: Random) -> dict[str, Any]:
    kind, source, target = chance.choice(
        [
            ("receipt", "supplier", "backroom"),
            ("transfer_in", "transit:S2", "backroom"),
            ("transfer_out", "backroom", "transit:S2"),
            ("vendor_return", "backroom", "supplier"),
            ("pick", "salesfloor", "customer"),
        ]
    )
    lines = [
        {
            "sku": chance.choice([*ITEMS]),
            "expected": 5,
            "done": done,
            "short": max(0, 5 - done),
            "over": max(0, done - 5),
        }
        for done in (chance.choice((0, 5, 7)) for _ in range(chance.randint(1, 4)))
    ]
    word = chance.choice(("closed", "closed_short"))
    head = {"kind": word, "document": "ASN-1", "document_kind": kind, "revision": 1, "from": source, "to": target}
    return {**head, "lines": lines}


def tags(chance: Random) -> dict[str, Any]:
    epcs = [tag(chance) for _ in range(chance.randint(1, 3))]
    about = {"sku": "SHIRT", "quantity": len(epcs), "epcs": epcs}
    written = {"gtin": "08801234000024", "serial": "7", "epc": epcs[0], "replaces": "E200", "encoding": {"seq": 1}}
    return chance.choice(
        [
            {"kind": "tags_seen", "session": "s", "zone": "backroom", "count": "C-1", "epcs": epcs},
            {"kind": "tags_departed", "place": "customer", "portal": "gate", **about},
            {"kind": "tags_identified", "place": "backroom", "disposition": "sellable", **about},
            {"kind": "tag_written", **written},
        ]
    )


def about_goods(chance: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """(type, data) without end; what reverses an event is made by the caller, who knows the event."""
    while True:
        kind = chance.choices(("movement", "count", "document", "journal"), (8, 1, 1, 2))[0]
        made = {"movement": movement, "count": count, "document": document, "journal": tags}[kind]
        yield kind, made(chance)


def envelope(seq: int, kind: str, data: dict[str, Any], chance: Random) -> dict[str, Any]:
    found = {"station": "dock", "device": "scanner-1", "document": "ASN-1"}
    source = {name: value for name, value in found.items() if chance.random() < 0.5}
    time = chance.choice(TIMES)
    return {
        "store": "S1", "log": "L1", "seq": seq, "id": f"019a0000-0000-7000-8000-{seq:012x}", "type": kind,
        "occurred_at": time, "recorded_at": time, "clock": chance.choice(("synced", "synced", "suspect")),
        "source": source, "prev": "0" * 64, "hash": f"{seq:064x}", "data": data,
    }  # fmt: skip
