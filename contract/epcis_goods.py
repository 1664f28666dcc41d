"""What and how much of it: the lists of an EPCIS event, and the signed changes of the books beside them."""

from __future__ import annotations

from typing import Any

from contract.epcis_names import Item, Master
from contract.papers import CountLine, DocumentLine
from contract.shapes import Line
from contract.stock import line_deltas

_UNKNOWN = Item()


class Goods:
    """Gathers lines. Tagged goods are named one by one, others by class and quantity."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.epcs: dict[str, None] = {}
        self.quantities: dict[tuple[str, bool], int] = {}
        self.deltas: list[dict[str, Any]] = []

    def add_line(self, line: Line) -> None:
        if line.epcs:
            self.epcs |= dict.fromkeys(self._master.names.tag(epc) for epc in line.epcs)
        else:
            self._add(line.sku, line.lot, line.quantity, _scanned(line))
        plain = line.model_dump(by_alias=True, include=_STOCK)
        more = {"jaego:expiry": line.expiry} if line.expiry else {}
        for key, delta in line_deltas(plain):
            told = {"jaego:sku": key.sku, "jaego:zone": key.zone, "jaego:disposition": key.disposition}
            lot = {"jaego:lot": key.lot} if key.lot else {}
            self.deltas.append({**told, **lot, **more, "jaego:delta": delta})

    def add_counted(self, line: CountLine) -> None:
        self._add(line.sku, line.lot, line.counted, None)
        numbers = {"jaego:counted": line.counted, "jaego:expected": line.expected, "jaego:delta": line.delta}
        lot = {"jaego:lot": line.lot} if line.lot else {}
        self.deltas.append({"jaego:sku": line.sku, "jaego:disposition": line.disposition, **lot, **numbers})

    def add_done(self, line: DocumentLine) -> None:
        self._add(line.sku, line.lot, line.done, None)
        named = {"expected": line.expected, "done": line.done}
        apart = {"damaged": line.damaged, "over": line.over, "short": line.short}
        numbers = {f"jaego:{name}": number for name, number in (named | {k: v for k, v in apart.items() if v}).items()}
        lot = {"jaego:lot": line.lot} if line.lot else {}
        self.deltas.append({"jaego:sku": line.sku, **lot, **numbers})

    def _add(self, sku: str, lot: str | None, quantity: int, scanned: str | None) -> None:
        item = self._master.item(sku) or _UNKNOWN
        gtin = item.gtin or (None if item.grams else scanned)
        key = self._master.names.goods(sku, gtin, lot or None), item.grams
        self.quantities[key] = self.quantities.get(key, 0) + quantity

    def of_object(self) -> dict[str, Any]:
        return {"epcList": list(self.epcs), "quantityList": self._listed()}

    def of_children(self) -> dict[str, Any]:
        return {"childEPCs": list(self.epcs), "childQuantityList": self._listed()}

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {"epcClass": name, "quantity": kilograms(quantity), "uom": "KGM"}
            if grams
            else {"epcClass": name, "quantity": quantity}
            for (name, grams), quantity in self.quantities.items()
        ]


_STOCK = {"sku", "quantity", "source", "target", "lot", "disposition", "from_disposition"}


def _scanned(line: Line) -> str | None:
    """The GTIN that was read, where it is of one base unit."""
    code = line.code
    return code.gtin if code is not None and code.gtin is not None and code.units == 1 else None


def kilograms(grams: int) -> int | float:
    """Exact in writing: up to 10**12 grams have 13 digits, and a double's shortest form keeps 15."""
    return grams // 1000 if grams % 1000 == 0 else grams / 1000
