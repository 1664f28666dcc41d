"""Goods by weight beside goods by the piece: base units of both kinds do not add up, so sums are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headoffice.database import Database

CHUNK = 500  # values of one query
Line = Mapping[str, Any]


def weighed(database: Database, skus: Iterable[str] | None = None) -> frozenset[str]:
    """Those of them that the item master has in grams; without them all that it has so."""
    if skus is None:
        return frozenset(row[0] for row in database.rows("SELECT sku FROM item WHERE base_unit = 'gram'"))
    wanted, found = sorted(set(skus)), set[str]()
    for first in range(0, len(wanted), CHUNK):
        part = wanted[first : first + CHUNK]
        places = ", ".join("?" * len(part))
        rows = database.rows(f"SELECT sku FROM item WHERE base_unit = 'gram' AND sku IN ({places})", part)
        found |= {row[0] for row in rows}
    return frozenset(found)


def gram_sums(lines: Sequence[Line], members: Sequence[str], by_weight: frozenset[str]) -> dict[str, int] | None:
    """Each member summed over lines of goods by weight; None: no line is of such goods."""
    found = [line for line in lines if line["sku"] in by_weight]
    return {name: sum(line.get(name) or 0 for line in found) for name in members} if found else None


def count_lines(lines: Iterable[Line]) -> list[Line]:
    """Lines of a count, the difference as `units_net` and its size as `units_off`."""
    return [{**line, "units_net": line["delta"], "units_off": abs(line["delta"])} for line in lines]


def weight(grams: int) -> str:
    """In kilograms, without zeros at the end: `1.25 kg`."""
    text = f"{abs(grams) / 1000:,.3f}".rstrip("0").rstrip(".")
    return f"{'-' if grams < 0 else ''}{text} kg"


def sum_text(pieces: int, grams: int, unit: str = "") -> str:
    """`3 units + 1.25 kg`; what there is none of is left out. `unit` follows the number of pieces."""
    told = [f"{pieces:,}{unit}"] if pieces or not grams else []
    return " + ".join([*told, weight(grams)] if grams else told)
