"""Is head office's stock the store's stock? By the store's own digests, or by an export of its log.

Both sides are compared at one event: the digest says as of which, and its hash stands for everything before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from contract.chain import GENESIS, ChainError, check_body
from contract.messages import DigestResult
from contract.opening import read_opening
from contract.stock import StockKey, StockRow, stock_digest
from headoffice.errors import NotComparable
from headoffice.own import fold
from headoffice.store import Store

ROWS_LISTED = 200
DIFFERENCES_MAX = 100

Digest = Callable[[str | None, str | None, int], DigestResult]
"""Ask the store for the digest of a range of SKUs; rows are listed if there are at most so many."""


@dataclass(frozen=True, slots=True)
class Difference:
    sku: str
    zone: str
    lot: str | None
    disposition: str
    store: int
    head_office: int


@dataclass(slots=True)
class Verdict:
    store: str
    log: str
    as_of: int
    rows: int
    quantity: int
    equal: bool
    reason: str | None = None
    differences: list[Difference] = field(default_factory=list[Difference])


class Moved(Exception):
    """The store went on while it was compared: compare again."""


def compare_live(database: Store, store: str, ask: Digest) -> Verdict:
    """One attempt. Raises `Moved` when the two sides do not stand at the same event."""
    result = ask(None, None, 0)
    position, rows = database.snapshot(store, None, None)
    if position is None or position.log != result.log or position.seq != result.as_of:
        raise Moved
    ours = stock_digest(rows)
    verdict = Verdict(store, result.log, result.as_of, ours["rows"], ours["quantity"], equal=True)
    if position.hash != result.head_hash:
        verdict.equal, verdict.reason = False, f"event {result.as_of} has another hash: the logs are not the same"
    elif ours["hash"] != result.hash:
        verdict.equal, verdict.reason = False, "stock differs"
        _narrow(database, verdict, ask, None, None)
    return verdict


def _narrow(database: Store, verdict: Verdict, ask: Digest, sku_from: str | None, sku_to: str | None) -> None:
    """Halve the range of SKUs until the store lists its rows."""
    if len(verdict.differences) >= DIFFERENCES_MAX:
        return
    theirs = ask(sku_from, sku_to, ROWS_LISTED)
    rows = database.stock(verdict.store, sku_from, sku_to)
    if theirs.as_of != verdict.as_of:
        raise Moved
    if stock_digest(rows)["hash"] == theirs.hash:
        return
    if theirs.list is not None:
        listed = [StockRow(row[0], row[1], row[2] or "", row[3], row[4]) for row in theirs.list]
        verdict.differences += differences(listed, rows)[: DIFFERENCES_MAX - len(verdict.differences)]
        return
    skus = sorted({row.sku for row in rows})
    if len(skus) < 2:
        verdict.reason = f"stock differs: the store has {theirs.rows} rows where head office has {len(rows)}"
        return
    last = skus[len(skus) // 2 - 1]
    _narrow(database, verdict, ask, sku_from, last)
    _narrow(database, verdict, ask, _after(last), sku_to)


def _after(sku: str) -> str:
    """The first text that is greater and may be an SKU: nothing lies between, and `-` is the first of the letters."""
    return sku + "-"


def differences(store: Iterable[StockRow], head_office: Iterable[StockRow]) -> list[Difference]:
    theirs = {StockKey(*row[:4]): row.quantity for row in store if row.quantity}
    ours = {StockKey(*row[:4]): row.quantity for row in head_office if row.quantity}
    return [
        Difference(key.sku, key.zone, key.lot or None, key.disposition, theirs.get(key, 0), ours.get(key, 0))
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key, 0) != ours.get(key, 0)
    ]


def compare_export(database: Store, store: str | None, lines: Iterable[bytes]) -> Verdict:
    """A JSON Lines export: its chain is checked, its stock folded, both compared row by row."""
    prev: str | None = None
    event: dict[str, Any] = {}
    stock: dict[StockKey, int] = {}
    try:
        for line in lines:
            seq = event["seq"] + 1 if event else None
            event = check_body(line.rstrip(b"\n"), prev=prev, seq=seq)
            prev = event["hash"]
            opened = read_opening(event)
            if seq is None and (opened is None or opened.part != 1):
                raise NotComparable(
                    f"the export begins with event {event['seq']}, which is no opening", hint="export the whole log"
                )
            fold(stock, event)
    except ChainError as error:
        raise NotComparable(f"the export is damaged: {error}", hint="write it again: jaego log export") from error
    if not event:
        raise NotComparable("the export is empty", hint="write it with: jaego log export FILE")
    if store is not None and event["store"] != store:
        raise NotComparable(
            f"the export is of store {event['store']}, not {store}", hint="name the store of the export"
        )
    rows = [StockRow(*key, quantity) for key, quantity in stock.items()]
    return _against_export(database, event, rows)


def _against_export(database: Store, last: dict[str, Any], rows: list[StockRow]) -> Verdict:
    position, ours = database.snapshot(last["store"], None, None)
    found = stock_digest(rows)
    verdict = Verdict(last["store"], last["log"], last["seq"], found["rows"], found["quantity"], equal=True)
    held = (position.log, position.seq, position.hash) if position else ("none", 0, GENESIS)
    if held != (last["log"], last["seq"], last["hash"]):
        verdict.equal = False
        verdict.reason = f"head office is at event {held[1]} of log {held[0]}, the export ends at {last['seq']}"
    verdict.differences = differences(rows, ours)[:DIFFERENCES_MAX]
    if verdict.differences:
        verdict.equal, verdict.reason = False, verdict.reason or "stock differs"
    return verdict
