"""What was scanned and what it meant, as events keep it; and the exception for what could not be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.operations.values import Decision, Draft, Scan
from contract.shapes import CODE_HEX_MAX, CODE_TEXT_MAX
from drivers.reads import Answer

DETAIL_MAX = 500


def code_of(scan: Scan) -> dict[str, Any]:
    """A later change of the catalogue rewrites nothing."""
    identity, read, product = scan.identity, scan.read, scan.product
    code: dict[str, Any] = {}
    if identity.control is not None and identity.control.verb == "LOGIN":
        return {"text": "STK-LOGIN"}  # a badge opens stations: it is in no log
    try:
        code["text"] = read.data.decode("ascii")[:CODE_TEXT_MAX]  # `identify` refuses what is longer, and says so
    except UnicodeDecodeError:
        code["raw_hex"] = read.data.hex()[:CODE_HEX_MAX]
    named = {"aim": read.aim, "gtin": identity.gtin, "serial": identity.serial}
    code |= {name: value for name, value in named.items() if value is not None}
    if product is not None:
        code |= {"units": product.units, "revision": product.revision}
        if product.price_minor is not None:
            code["price_minor"] = product.price_minor
            code |= {"price_per": product.price_per} if product.price_per != 1 else {}
    return code


def exception(
    scan: Scan, source: Mapping[str, Any], kind: str, reason: str, *, detail: str | None = None, **more: Any
) -> Decision:
    """The clerk reads `reason` where nothing was done, the kind otherwise; `more` are members of the event."""
    data: dict[str, Any] = {"kind": kind, "reason": reason, "code": code_of(scan), **more}
    if detail:
        data["detail"] = detail[:DETAIL_MAX]
    if scan.product is not None:
        data["sku"] = scan.product.sku
    answer = Answer.LOOK if kind == "possible_duplicate" else Answer.STOP
    facts = {"code": data["code"].get("text") or data["code"].get("raw_hex"), "reason": reason}
    draft = Draft("exception", data, source, scan.context.occurred_us, scan.context.clock)
    return Decision(answer, reason if kind == "not_done" else kind, (draft,), facts)
