"""Is head office's stock the store's stock? By the store's own digests, or by an export of its log.

Both sides are compared at one event: the digest says as of which, and its hash stands for everything before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract.chain import ChainError, check_body
from contract.messages import DigestResult
from contract.opening import read_opening
from contract.stock import StockKey, StockRow, stock_digest
from headoffice import keeping, keys, own
from headoffice.errors import NotComparable
from headoffice.ingest import HashAt
from headoffice.restating import Standing
from headoffice.storing import Storage
from headoffice.taken import Skipped

ROWS_LISTED = 200
DIFFERENCES_MAX = 100
HASH_SIZE_BYTES = 32

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


def compare_live(database: Storage, store: str, ask: Digest) -> Verdict:
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
        _narrowed(database, verdict, ask)
    return verdict


def _narrowed(database: Storage, verdict: Verdict, ask: Digest) -> None:
    talk = narrow(verdict.differences)
    try:
        place = next(talk)
        while True:
            theirs, rows = ask(*place, ROWS_LISTED), database.stock(verdict.store, *place)
            if theirs.as_of != verdict.as_of:
                raise Moved
            place = talk.send((theirs, rows))
    except StopIteration as end:
        verdict.reason = end.value or verdict.reason


def narrow(
    found: list[Difference], sku_from: str | None = None, sku_to: str | None = None
) -> Generator[tuple[str | None, str | None], tuple[DigestResult, list[StockRow]], str | None]:
    """Halve the range of SKUs until the store lists its rows; pure.

    Yields ranges, and is sent the store's digest of one, asked for with `ROWS_LISTED`, and head office's rows of it.
    What differs is added to `found`. The value says what could not be listed, if anything.
    """
    if len(found) >= DIFFERENCES_MAX:
        return None
    theirs, rows = yield sku_from, sku_to
    if stock_digest(rows)["hash"] == theirs.hash:
        return None
    if theirs.list is not None:
        listed = [StockRow(row[0], row[1], row[2] or "", row[3], row[4]) for row in theirs.list]
        found += differences(listed, rows)[: DIFFERENCES_MAX - len(found)]
        return None
    skus = sorted({row.sku for row in rows})
    if len(skus) < 2:
        return f"stock differs: the store has {theirs.rows} rows where head office has {len(rows)}"
    last = skus[len(skus) // 2 - 1]
    below = yield from narrow(found, sku_from, last)
    above = yield from narrow(found, after(last), sku_to)
    return above or below


def after(sku: str) -> str:
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


def compare_export(database: Storage, store: str | None, lines: Iterable[bytes]) -> Verdict:
    """A JSON Lines export: its chain is checked, its stock folded, both compared row by row as of its end.

    Raises `NotComparable` for an export that is damaged or goes further than head office, and `Damaged`.
    """
    standing = Standing()
    event: dict[str, Any] = {}
    hashes = bytearray()
    try:
        for event in _read_export(lines):
            hashes += bytes.fromhex(event["hash"])
            own.fold(standing, event)
    except ChainError as error:
        raise NotComparable(f"the export is damaged: {error}", hint="write it again: jaego log export") from error
    if not event:
        raise NotComparable("the export is empty", hint="write it with: jaego log export FILE")
    if store is not None and event["store"] != store:
        raise NotComparable(
            f"the export is of store {event['store']}, not {store}", hint="name the store of the export"
        )
    rows = [StockRow(*key, quantity) for key, quantity in standing.stock.items()]
    return _against_export(database, event, rows, bytes(hashes))


def _read_export(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events, each checked. Raises `ChainError`."""
    prev: str | None = None
    seq: int | None = None
    for line in lines:
        event = check_body(line.rstrip(b"\n"), prev=prev, seq=seq)
        opened = read_opening(event)
        if seq is None and (opened is None or opened.part != 1):
            raise NotComparable(
                f"the export begins with event {event['seq']}, expected an opening", hint="export the whole log"
            )
        prev, seq = event["hash"], event["seq"] + 1
        yield event


def _against_export(database: Storage, last: dict[str, Any], rows: list[StockRow], hashes: bytes) -> Verdict:
    store, log, seq, found = last["store"], last["log"], last["seq"], stock_digest(rows)
    verdict = Verdict(store, log, seq, found["rows"], found["quantity"], equal=True)
    with database.moment():
        find = database.hash_at(store)
        first = _first_other(find, seq, hashes, database.skipped(store, log), log)
        if first <= seq and find(log, first) is None:
            held = database.position(store)
            where = f"at event {held[0].seq} of log {held[0].log}" if held else "without an event of this store"
            why = f"head office is {where}, the export ends at event {seq} of log {log}"
            raise NotComparable(why, hint="is jaego-hq run running, and connected? compare again when it has them all")
        if find(log, seq) is not None:
            verdict.differences = differences(rows, _stock_as_of(database, store, log, seq))[:DIFFERENCES_MAX]
    if first <= seq:
        verdict.equal, verdict.reason = False, f"the export and head office are not of one log from event {first} on"
    elif verdict.differences:
        verdict.equal, verdict.reason = False, "stock differs"
    return verdict


def _first_other(find: HashAt, last: int, hashes: bytes, skipped: Sequence[Skipped], log: str) -> int:
    """The first event whose hash head office has not or has otherwise; one behind the last where all are the same.

    Each hash stands for all before it, so halving finds it. What head office never had is not looked at.
    """
    base = last - len(hashes) // HASH_SIZE_BYTES
    places = [seq for seq in range(base + 1, last + 1) if not any(one.seq_from <= seq <= one.seq_to for one in skipped)]

    def other(seq: int) -> bool:
        at = (seq - base - 1) * HASH_SIZE_BYTES
        return find(log, seq) != hashes[at : at + HASH_SIZE_BYTES].hex()

    found = bisect_left(places, True, key=other)
    return places[found] if found < len(places) else last + 1


def _stock_as_of(database: Storage, store: str, log: str, seq: int) -> list[StockRow]:
    """The table where it is of this event; else the sum of the stored events, which are held against the table too."""
    known = database.position(store)
    if known is None or (known[0].log, known[0].seq) == (log, seq):
        return database.stock(store)
    position, pinned = known
    keys_known = keys.of_logs(database.database, store, pinned)
    standing = own.folded(database, store, log, known=keys_known, last=seq)
    rows = [StockRow(*place, quantity) for place, quantity in standing.stock.items()]
    if position.log == log:
        prev, key = database.hash_at(store)(log, seq) or "", keeping.key_at(database.database, store, log, seq, pinned)
        own.folded(database, store, log, known=keys_known, key=key, first=seq + 1, prev=prev, standing=standing)
        own.check_stock(database, store, position, standing.stock)
    return rows
