"""`python -m tests.contract_document`: writes the tables and examples of docs/contract.md anew, from the code's models.

What is made stands between `<!-- made: NAME -->` and `<!-- end -->`; a test holds it against the models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from contract import answers, catalog, chain, documents, events, journal, messages, opening, papers, shapes

DOCUMENT = Path(__file__).parent.parent / "docs" / "contract.md"
_MADE = re.compile(r"(<!-- made: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

# What members mean whose models leave it to their name, by `Model.member` or by member.
MEANINGS = {
    "State.state": "`stopped` is a clean end, `offline` the broker's word for a connection that broke",
    "store": "store id",
    "log": "id of this incarnation of the ledger",
    "seq": "place in the log, from 1, without a gap over all types",
    "Parent.seq": "the last event of the parent that this log knows",
    "Ack.seq": "everything up to here is durably stored",
    "Reference.seq": "its place in the log",
    "id": "UUIDv7 of the event",
    "Response.id": "of the request",
    "Request.id": "chosen by who asks; names the answer's topic",
    "Page.id": "of the question",
    "Resolved.id": "of the question",
    "items": "items, as at `catalog/{sku}`",
    "documents": "documents, as at `expected/{document}`",
    "Ask.id": "chosen by the store; names the answer's topic",
    "AskResolve.id": "chosen by the store; names the answer's topic",
    "AskRestore.id": "chosen by the store; names the answer's topic",
    "AskRestore.log": "absent: the log that head office follows",
    "RestorePage.id": "of the question",
    "RestorePage.log": "absent: head office has no events of this store",
    "RestorePage.hash": "of that event",
    "AskResolve.gtin": "14 digits, where the code has them",
    "TagsDepartedData.place": "where they went",
    "TagsDepartedData.portal": "portal that saw it",
    "type": "the topic that the event travels on",
    "occurred_at": "when it was scanned",
    "recorded_at": "when it was written",
    "clock": "`suspect`: the two times may be wrong; the order is `seq` anyway",
    "source": "who and where",
    "prev": "hash of the event before, 64 zeros in front of event 1",
    "hash": "SHA-256 of this event without this member",
    "Parent.hash": "of that event",
    "DigestResult.hash": "over the rows or of the last event",
    "data": "what happened: see below",
    "device": "device that was scanned with",
    "DeviceState.device": "name of the device",
    "RestartDevice.device": "name of the device",
    "station": "station that the device belongs to",
    "session": "the station's session",
    "document": "document that was open",
    "aim": "AIM identifier that the scanner sent, such as `]d2`",
    "gtin": "14 digits",
    "serial": "serial number in the code",
    "price_minor": "price in the smallest unit of its currency",
    "sku": "item",
    "quantity": "base units",
    "ExceptionData.quantity": "stock that fell below zero, in base units",
    "DigestResult.quantity": "sum over the rows",
    "from": "zone, or a place outside: `supplier`, `customer`, `transit:{store}`, `scrap`, `unknown`",
    "to": "as `from`",
    "disposition": "of the goods, after the movement",
    "code": "what was scanned",
    "kind": "what it is about",
    "ExpectedDocument.document": "its name, as in the topic",
    "ExpectedDocument.lines": "what is to come or to go",
    "lot": "lot, where it is known",
    "ExpectedDocument.kind": "`receipt` is an advance ship notice or a purchase order",
    "DeviceState.kind": "kind of driver",
    "lines": "what moved",
    "zone": "zone",
    "detail": "more of it, for people",
    "concerns": "the event that this is about",
    "mode": "what scans mean",
    "SessionData.zone": "zone to receive into, or to move from",
    "zone_to": "zone to move to",
    "language": "of the clerk",
    "on_hand": "base units in all zones",
    "epcs": "EPCs in hexadecimal",
    "CountedData.zone": "zone that is counted",
    "message": "what it is, for people",
    "part": "number of this part",
    "parts": "how many parts there are",
    "parent": "the log that this one goes on from; null for the store's first",
    "state": "stock rows `[sku, zone, lot or null, disposition, quantity]`, and sessions",
    "DeviceState.state": "`refused` and `failed` need a person",
    "key": "the store's public key",
    "signature": "over the statement (see below)",
    "boot": "changes with every start of the agent",
    "version": "of the agent",
    "at": "when it was written",
    "uptime_s": "since start",
    "Health.head": "sequence of the newest event",
    "disk_free_bytes": "of the ledger's file system",
    "ledger_size_bytes": "of the ledger's files",
    "devices": "state of each device",
    "consumers": "how far each consumer is",
    "delivered": "position it has acknowledged",
    "behind": "events it has not",
    "stalled": "silent for so long that it is only probed",
    "since": "when it came into this state",
    "Ask.since": "revision up to which the store has everything",
    "reads": "since start",
    "bad_reads": "since start",
    "error": "what is wrong",
    "hint": "what a person can do",
    "Response.hint": "what can be done",
    "reserved": "base units held for orders",
    "available": "sellable on hand, less what is reserved",
    "zones": "base units by zone",
    "as_of": "sequence that this is the state of",
    "expires_at": "later it is answered with `expired`",
    "consumer": "who asks",
    "of": "what is summed",
    "seq_from": "inclusive",
    "seq_to": "inclusive",
    "status": "what became of it",
    "reason": "word for machines",
    "result": "what was asked for",
    "page": "page of the answer, from 0",
    "head_hash": "hash of event `as_of`",
    "rows": "how many",
    "list": "the rows, if there are at most `rows_max` and they fit into a message",
    "events": "consecutive events, oldest first",
    "stock": "`[sku, zone, lot or null, disposition, quantity]`",
    "sessions": "open sessions of stations",
    "revision": "head office's count of changes",
    "name": "`ko`, `en`, one of them at least",
    "base_unit": "what stock is counted in",
    "gtins": "`gtin`, `units` (base units in that package), `level` (each, inner, case, pallet)",
    "item_numbers": "the store's own short numbers",
    "tracking": "how stock of it is kept",
    "price": "`amount_minor`, `currency`, `per_units`",
    "thresholds": "`min`, `max`",
    "category": "free text",
    "deleted": "frees its codes",
    "count": "name of the count",
    "expiry": "last day of the lot",
    "reverses": "the scan that this one takes back",
    "clerk": "opaque id, unique in the store",
    "role": "what the clerk may do",
    "reservation": "id that head office gave it",
    "order": "the customer's order",
    "resolution": "`booked`: as a movement; `counted`: a count settled it; `assigned`: the code is `sku`'s",
    "note": "what the clerk wrote",
    "taken": "transactions that are booked now",
    "refused": "transactions that are not: the file's report says why",
    "document_kind": "what kind of document it is",
    "expected": "base units on the document",
    "done": "base units that came or went",
    "damaged": "of these, damaged",
    "over": "more than expected",
    "short": "less than expected",
    "counted": "base units counted",
    "delta": "counted less expected",
    "recounted": "a second clerk counted it",
    "blind": "clerks did not see what was expected",
    "request": "head office's count request that it answers",
    "lines_total": "lines over all parts",
    "approved_by": "opaque id of the clerk who approved",
    "Alert.rule": "the rule that found it",
    "Alert.severity": "how bad it is",
    "Alert.state": "`acknowledged`: somebody has it in hand",
    "Alert.change": "what this message is about",
    "acknowledged_by": "who has it in hand",
    "Alert.note": "what they wrote",
    "SalesFileData.hash": "SHA-256 of its bytes",
    "SalesFileData.rows": "rows that it has",
}


DEVICE = {
    "device": "dock-ssi",
    "kind": "ssi",
    "state": "down",
    "reads": 212,
    "bad_reads": 1,
    "error": "the port is gone",
    "hint": "plug the scanner in again",
}
ALERT = {
    "notice": "019a8b1c-0000-7000-8000-0000000000bb",
    "id": 17,
    "change": "raised",
    "rule": "low_stock",
    "store": "S001",
    "subject": "MILK-1L",
    "severity": "warning",
    "state": "open",
    "times": 1,
    "facts": {"available": 3, "min": 6, "name_ko": "우유 1L", "name_en": "Milk 1L"},
    "text": {"ko": "우유 1L: 가용 3개, 최소 6개", "en": "Milk 1L: 3 available, minimum 6"},
}
EXPECTED = {
    "document": "ASN-4711",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "backroom",
    "lines": [{"line": 1, "sku": "MILK-1L", "quantity": 12}],
}
LEVEL = {"sku": "MILK-1L", "on_hand": 12, "reserved": 0, "available": 12, "zones": {"backroom": 12}, "as_of": 3}


def members(model: type[BaseModel]) -> Iterator[str]:
    """A table of a model's members."""
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    yield from ("| member | | content |", "|---|---|---|")
    for name, field in model.model_fields.items():
        member = field.alias or name
        said = field.description or meaning(model, member)
        assert said, f"{model.__name__}.{member}: say what it means, in the model or in tests/contract_document.py"
        need = "" if member in required else "may be absent; " if field.default is None else "has a default; "
        kind = _kind(schema["properties"][member], schema.get("$defs", {}))
        yield f"| `{member}` | {need}{kind} | {said} |"


def meaning(model: type[BaseModel], member: str) -> str | None:
    """By the model, by what it is made of, or by the member's name alone."""
    names = [f"{one.__name__}.{member}" for one in model.__mro__]
    return next((MEANINGS[one] for one in [*names, member] if one in MEANINGS), None)


def _kind(shape: dict[str, Any], held: dict[str, Any]) -> str:
    if "$ref" in shape:
        return _kind(held[shape["$ref"].rpartition("/")[2]], held)
    if "anyOf" in shape:
        return " or ".join(_kind(one, held) for one in shape["anyOf"] if one.get("type") != "null")
    if "const" in shape or "enum" in shape:
        return ", ".join(f"`{one}`" for one in shape.get("enum", [shape.get("const")]))
    match shape.get("type"):
        case "array":
            return "list" if "maxItems" not in shape else f"list of at most {shape['maxItems']}"
        case "integer":
            low, high = shape.get("minimum"), shape.get("maximum")
            return "integer" if low is None else f"integer from {low}" if high is None else f"integer, {low} to {high}"
        case "string":
            return {"^[0-9a-f]{64}$": "64 hex digits", "^[0-9a-f]{128}$": "128 hex digits"}.get(
                shape.get("pattern", ""), "name" if "64}" in shape.get("pattern", "") else "text"
            )
        case other:
            return str(other or "object")


def sample_log() -> list[dict[str, Any]]:
    """Four events as a young store writes them, the same at every run."""
    store, log = "S001", "019a8b1c-0000-7000-8000-000000000001"
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    [part] = opening.opening_parts([], [], None)
    public = key.public_key().public_bytes_raw().hex()
    opened = opening.sign(key.sign, public, store=store, log=log, seq=1, prev=chain.GENESIS, data=part)
    source = {"device": "dock-ssi", "station": "dock", "session": "019a8b1c-0000-7000-8000-000000000002"}
    scanned = {
        "text": "0118809999000010",
        "aim": "]d2",
        "gtin": "18809999000010",
        "units": 12,
        "revision": 7,
        "price_minor": 2980,
    }
    line = {"sku": "MILK-1L", "quantity": 12, "from": "supplier", "to": "backroom", "disposition": "sellable"}
    session = {"session": source["session"], "mode": "receive", "language": "ko", "zone": "backroom"}
    unknown = {"kind": "unknown_code", "reason": "unknown_trade_item", "code": {"text": "8801234567893", "aim": "]E0"}}
    drafts: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("journal", opened, {}),
        ("journal", {"kind": "session_opened", **session}, source),
        ("movement", {"kind": "received", "lines": [{**line, "code": scanned}]}, source),
        ("exception", unknown, source),
    ]
    sealer, prev, found = chain.Sealer(store, log), chain.GENESIS, list[dict[str, Any]]()
    for seq, (kind, data, origin) in enumerate(drafts, start=1):
        at = f"2026-09-07T12:50:{30 + seq}.194+09:00"
        place = chain.Place(seq, prev, f"019a8b1c-0000-7000-8000-0000000001{seq:02}", at, at, "synced")
        sealed = sealer.seal(kind, data, origin, place)
        prev = sealed.hash
        events.EVENT.validate_json(sealed.body)
        found.append(orjson.loads(sealed.body))
    return found


def example(topic: str) -> dict[str, Any]:
    log = sample_log()
    for event in log[1:]:
        if event["type"] == topic:
            return {"store": event["store"], "log": event["log"], "events": [event]}
    head = log[-1]
    common = {"log": head["log"], "head": 4, "boot": "019a8b1c-0000-7000-8000-0000000000ff"}
    digest = {"as_of": 4, "head_hash": head["hash"], "rows": 1, "quantity": 12, "hash": log[0]["hash"]}
    made: dict[str, Callable[[], BaseModel]] = {
        "state": lambda: messages.State.model_validate(
            {**common, "state": "online", "version": "0.1.0", "at": head["recorded_at"]}
        ),
        "health": lambda: messages.Health.model_validate(_health(head)),
        "device": lambda: messages.DeviceState.model_validate({**DEVICE, "since": head["recorded_at"]}),
        "level": lambda: messages.Level.model_validate({**LEVEL, "log": head["log"]}),
        "expected": lambda: documents.parse_document(EXPECTED),
        "alert": lambda: messages.Alert.model_validate(
            {**ALERT, "first_at": head["recorded_at"], "last_at": head["recorded_at"]}
        ),
        "ack": lambda: messages.Ack(log=head["log"], seq=4),
        "request": lambda: messages.StockDigest(
            id="hq-17", expires_at="2026-09-07T12:51:30+09:00", of="stock", sku_from="MILK-1L", sku_to="MILK-1L"
        ),
        "response": lambda: messages.Response(id="hq-17", status="done", result={"log": head["log"], **digest}),
        "ask": lambda: messages.Ask(id="019a8b1c-0000-7000-8000-0000000000aa", since=41),
    }
    return json.loads(made[topic]().model_dump_json(exclude_none=True, by_alias=True))


def _health(head: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": head["recorded_at"],
        "uptime_s": 86_400,
        "head": 4,
        "outbox_depth": 2,
        "outbox_age_s": 0,
        "disk_free_bytes": 51_539_607_552,
        "ledger_size_bytes": 4_194_304,
        "clock": "synced",
        "devices": {"dock-ssi": "up"},
        "consumers": {"headoffice": {"delivered": 2, "behind": 2, "stalled": False, "age_s": 0, "silent_s": 1}},
        "counters": {"scans": 212, "bad_reads": 1, "exceptions": 1, "requests_refused": 0},
        "disk_size_bytes": 128_035_676_160,
        "memory_bytes": 96_468_992,
        "open_files": 41,
        "waiting": 0,
        "commit_us_max": 6_120,
        "broker_up_s": 86_380,
        "certificates": {"broker": "2027-01-31T09:00:00.000+09:00", "store": "2027-06-30T09:00:00.000+09:00"},
        "catalogue_revision": 41,
        "catalogue_items": 12_044,
        "device_notices": 0,
    }


def made(name: str) -> str:
    what, _, subject = name.partition(" ")
    if what == "example":
        shown = json.dumps(example(subject), ensure_ascii=False, indent=1)
        return f"```json\n{shown}\n```\n"
    rooms: tuple[ModuleType, ...] = (events, papers, journal, shapes, messages, documents, catalog, answers)
    return "\n".join(members(next(vars(room)[name] for room in rooms if name in vars(room)))) + "\n"


def renewed(text: str) -> str:
    return _MADE.sub(lambda found: found[1] + made(found[2]) + found[3], text)


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")
