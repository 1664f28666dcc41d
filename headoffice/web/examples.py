"""Examples for the OpenAPI document, by the name of their shape."""

from __future__ import annotations

from typing import Any

LOG = "019a8b1c-0000-7000-8000-000000000001"
AT_US = 1_795_667_067_618_527

EXAMPLES: dict[str, dict[str, Any]] = {
    "SkuRow": {
        "sku": "COLA", "name_ko": "콜라 500 ml", "name_en": "Cola 500 ml", "category": "drinks", "base_unit": "each",
        "stores": 3, "stores_offline": 1, "on_hand": 120, "sellable": 117, "damaged": 3, "quarantine": 0, "display": 0,
        "reserved": 4, "buffer": 6, "available": 107, "shelf": 48, "online": 107, "in_transit": 24, "below_min": 1,
        "above_max": 0, "changed_us": AT_US,
    },
    "SkuStoreRow": {
        "store": "S001", "online": True, "heard_us": AT_US, "on_hand": 40, "sellable": 39, "damaged": 1,
        "quarantine": 0, "display": 0, "reserved": 4, "buffer": 2, "available": 33, "shelf": 16,
        "stock_min": 12, "stock_max": None, "log": LOG, "seq": 33, "changed_us": AT_US,
    },
    "MovementRow": {
        "store": "S001", "log": LOG, "seq": 33, "at_us": AT_US, "occurred_at": "2026-11-26T13:24:27.501+09:00",
        "clock": "synced", "kind": "sold", "quantity": 2, "lines_total": 1,
        "lines": [
            {"sku": "COLA", "quantity": 2, "source": "salesfloor", "target": "customer", "lot": None,
             "disposition": "sellable"}
        ],
        "station": "till", "clerk": None, "document": None, "reason": None, "reverses": None,
    },
    "StoreCompared": {
        "store": "S001", "online": True, "state": "online", "heard_us": AT_US, "log": LOG, "seq": 5120, "at_us": AT_US,
        "head": 5123, "behind": 3, "version": "0.1.0", "outbox_age_s": 1, "figures": None,
    },
    "Refusal": {
        "error": "unknown_parameter", "hint": "this endpoint knows no such parameter", "field": "categroy",
    },
}  # fmt: skip
