"""A store's office in the middle of its day: documents half done, counts to review, a tray, orders to pick."""

from __future__ import annotations

from typing import Any

from agent.operations.values import Draft
from tests.agent.web.branch import Branch

RECEIPT = {
    "document": "PO-20260907-17",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "dock",
    "due_at": "2026-09-07T14:00:00+09:00",
    "lines": [
        {"line": 1, "sku": "MILK-1L", "quantity": 24},
        {"line": 2, "sku": "RICE", "quantity": 10},
        {"line": 3, "sku": "BEEF", "quantity": 12_450},
    ],
}
TRANSFER = {
    "document": "TR-88",
    "kind": "transfer_out",
    "revision": 1,
    "from": "backroom",
    "to": "transit:busan-02",
    "lines": [{"line": 1, "sku": "RICE", "quantity": 4}],
}
REQUEST = {"document": "CNT-9", "kind": "count_request", "revision": 1, "zones": ["backroom"]}


def write(branch: Branch, kind: Any, data: dict[str, Any], **source: Any) -> int:
    """An event as a station would write it; its number."""
    draft = Draft(kind, data, {"station": "dock-1", "device": "scanner-1", **source}, branch.clock.wall_us, "synced")
    seq: int = branch.ledger.call(lambda tx: tx.append([draft]))[0].seq
    branch.clock.advance(37)
    return seq


def counted(branch: Branch, count: str, sku: str, quantity: int, stock: int, zone: str = "dock") -> None:
    data = {"kind": "counted", "session": "s", "count": count, "zone": zone, "sku": sku, "quantity": quantity}
    write(branch, "journal", data | {"disposition": "sellable", "stock": stock})


def unknown(branch: Branch, text: str = "8801043014830") -> int:
    data = {"kind": "unknown_code", "reason": "unknown_trade_item", "code": {"text": text}}
    return write(branch, "exception", data)


def office_day(branch: Branch) -> dict[str, str]:
    """Addresses of its pages, by name."""
    for document in (RECEIPT, TRANSFER, REQUEST):
        branch.post("/documents", document)
    branch.move("MILK-1L", 26, "supplier", "dock", document="PO-20260907-17")
    branch.move("RICE", 7, "supplier", "dock", document="PO-20260907-17")
    branch.move("MILK-1L", 14, "dock", "salesfloor", kind="moved")
    branch.move("RICE", 5, "supplier", "backroom")
    branch.move("MILK-1L", 1, "salesfloor", "customer", kind="sold")
    blind = branch.post("/counts", {"zone": "salesfloor", "blind": True})["result"]["count"]
    counted(branch, blind, "MILK-1L", 12, 13, "salesfloor")
    count = branch.post("/counts", {"zone": "dock", "blind": True})["result"]["count"]
    counted(branch, count, "MILK-1L", 12, 12)
    counted(branch, count, "BEEF", 300, 0)
    branch.post(f"/counts/{count}/submit")
    seq = unknown(branch)
    write(branch, "exception", {"kind": "bad_read", "reason": "checksum", "code": {"raw_hex": "0aff00"}})
    low = {"kind": "negative_stock", "reason": "below_zero", "sku": "RICE", "zone": "dock", "quantity": -3}
    write(branch, "exception", low)
    for name, sku, quantity in (("web/1", "MILK-1L", 2), ("web/2", "RICE", 3)):
        branch.post(
            "/reservations", {"reservation": name, "sku": sku, "quantity": quantity, "order": f"A-10{name[-1]}"}
        )
    branch.post("/reservations/pick", {"reservation": "web/2", "quantity": 3, "zone": "backroom"})
    return {
        "documents": "/documents",
        "document": "/documents/PO-20260907-17",
        "counts": "/counts",
        "count": f"/counts/{count}",
        "count-blind": f"/counts/{blind}",
        "history": "/stock/MILK-1L",
        "tray": "/exceptions",
        "entry": f"/exceptions/{seq}",
        "orders": "/orders",
        "settings": "/settings",
    }
