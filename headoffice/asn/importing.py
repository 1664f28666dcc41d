"""Notices into the database: what is new, what changed, what stays as it is. Each is one commit."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, NamedTuple

from contract.catalog import Item
from contract.documents import DocumentRefused
from headoffice import documents
from headoffice.asn.columns import Map
from headoffice.asn.reading import Notice, read
from headoffice.asn.table import Fault, read_table
from headoffice.database import Database

FAULTS_TOLD_MAX = 1_000


class Imported(NamedTuple):
    """A document of a store; `units` are base units."""

    store: str
    document: str
    outcome: Literal["new", "changed", "same"]
    revision: int
    lines: int
    units: int
    supplier: str | None


class Report(NamedTuple):
    """`refused`: notices that were not taken; `faults`: why, at most `FAULTS_TOLD_MAX` of `faults_total`."""

    encoding: str
    delimiter: str
    ignored: list[str]
    documents: list[Imported]
    refused: list[str]
    faults: list[Fault]
    faults_total: int


class _Stop(Exception):
    """Takes back what the transaction has written; without a fault because it was only to be checked."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__("not written")
        self.fault = fault


class Stored:
    """Items and stores as they are in the database; each is looked up once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[tuple[str, str], Item | None] = {}
        self._stores: dict[str, bool] = {}

    def by_gtin(self, gtin: str) -> Item | None:
        return self._one("item JOIN item_gtin USING (sku)", "gtin", gtin)

    def by_sku(self, sku: str) -> Item | None:
        return self._one("item", "sku", sku)

    def store(self, name: str) -> bool:
        """Whether anything ever came from it."""
        if name not in self._stores:
            sql = "SELECT 1 FROM position WHERE store = ? UNION SELECT 1 FROM store_state WHERE store = ?"
            self._stores[name] = bool(self._database.rows(sql, (name, name)))
        return self._stores[name]

    def _one(self, table: str, column: str, value: str) -> Item | None:
        if (column, value) not in self._found:
            rows = self._database.rows(f"SELECT body FROM {table} WHERE {column} = ? ORDER BY sku LIMIT 1", (value,))
            item = Item.model_validate_json(bytes(rows[0][0])) if rows else None
            self._found[column, value] = item
        return self._found[column, value]


def import_notices(database: Database, data: bytes, chosen: Map, *, check: bool = False) -> Report:
    """`check`: nothing is written. Raises `ConfigError` for a file that is no table of notices."""
    table = read_table(data, chosen)
    found = read(table, chosen, Stored(database))
    faults, refused, done = list(found.faults), list(found.refused), list[Imported]()
    notices: defaultdict[str, list[Notice]] = defaultdict(list)
    for one in found.notices:
        notices[one.document.document].append(one)
    for name, parts in notices.items():
        outcome = _put(database, parts, check=check)
        if isinstance(outcome, Fault):
            faults.append(outcome)
            refused.append(name)
        else:
            done += outcome
    told = sorted(faults, key=lambda one: one.line)[:FAULTS_TOLD_MAX]
    return Report(table.encoding, table.delimiter, table.ignored, done, refused, told, len(faults))


def _put(database: Database, parts: list[Notice], *, check: bool) -> list[Imported] | Fault:
    """One notice, for all its stores."""
    done: list[Imported] = []
    try:
        with database.transaction():
            done += [_renewed(database, one) for one in parts]
            _go_back(check)
    except _Stop as stop:
        return stop.fault or done
    return done


def _go_back(check: bool) -> None:
    if check:
        raise _Stop(None)


def _renewed(database: Database, one: Notice) -> Imported:
    name, lines = one.document.document, one.document.lines
    try:
        [found] = documents.renew(database, one.store, [one.document])
    except DocumentRefused as error:
        raise _Stop(Fault(one.line, "", name, "too_long", {"why": str(error)})) from error
    if found.outcome == "closed":
        raise _Stop(Fault(one.line, "", name, "closed", {}))
    units = sum(line.quantity for line in lines)
    return Imported(one.store, name, found.outcome, found.revision, len(lines), units, one.supplier)
