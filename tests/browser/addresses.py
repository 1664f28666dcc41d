"""Every screen there is, for what must hold on each of them: fit, touch, accessibility, pictures."""

from __future__ import annotations

# Of the store in the middle of its day (tests/agent/web/store.py).
STORE = {
    "overview": "/",
    "stock": "/stock",
    "stock-none": "/stock?sku=NOTHING",
    "find": "/find",
    "find-item": "/find?q=SHIRT-M",
    "find-none": "/find?q=3034257BF7194E400000ABCD",
    "find-unknown": "/find?q=NOTHING",
    "device": "/device/reader-1",
    "device-down": "/device/scanner-2",
    "station": "/station/dock-1",
    "station-empty": "/station/counter",
    "login": "/login",
    "print": "/print",
    "print-zones": "/print?part=zones",
    "training": "/training",
    "training-station": "/training?station=dock-1",
    "error-404": "/nothing",
    "error-400": "/stock?page=x",
}
REFUSED = {"find-unknown", "error-404", "error-400"}  # of these: a browser complains of a status that is no success
# Of a whole agent whose supervisor is logged in (`shop.Shop.filled`).
AGENT = {
    "documents": "/documents",
    "document": "/documents/ASN-1001",
    "counts": "/counts",
    "orders": "/orders",
    "exceptions": "/exceptions",
    "exception": "/exceptions/{exception}",
    "history": "/stock/MILK-1L",
    "settings": "/settings",
}
