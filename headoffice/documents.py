"""Documents that stores are to expect: read from files, kept, answered page by page to `ask/expected`.

A small strict reader, as for items: the first wrong row stops it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import orjson

from contract.documents import DocumentRefused, ExpectedDocument, parse_document
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from headoffice.database import Database
from headoffice.errors import ConfigError
from headoffice.storing import Storage

PAGE_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 512  # room for the page's own members
STORES_MAX = 1_000  # whose pages are remembered
OF_DOCUMENT = ("document", "kind", "revision", "from", "to", "due_at", "order", "tolerance_percent")
OF_LINE = ("line", "sku", "quantity", "lot", "expiry", "sscc", "disposition", "reservation")
_NUMBERS = frozenset({"revision", "tolerance_percent", "line", "quantity"})
_HINT = f"columns: {', '.join((*OF_DOCUMENT, *OF_LINE))}; the rows of a document stand together; or JSON as on the wire"
_KNOWN = "SELECT revision, status FROM document WHERE store = ? AND document = ?"
Row = tuple[str, int, bytes | None]


class Pages:
    """What changed for a store since a revision, cut into messages. A store asks for the pages of one moment."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._cuts: dict[str, tuple[int, list[list[Row]], int]] = {}

    def page(self, store: str, since: int, number: int) -> dict[str, Any]:
        """`{"documents", "withdrawn", "page", "more", "since", "revision"}`."""
        held = self._cuts.get(store)
        if number == 0 or held is None or held[0] != since:
            if len(self._cuts) >= STORES_MAX:
                self._cuts.clear()
            rows = self._store.expected(store, since)
            held = self._cuts[store] = (since, _cut(rows), rows[-1][1] if rows else since)
        _, cuts, revision = held
        rows = cuts[number] if number < len(cuts) else []
        return {
            "documents": [orjson.loads(body) for _, _, body in rows if body is not None],
            "withdrawn": [name for name, _, body in rows if body is None],
            "page": number,
            "more": number + 1 < len(cuts),
            "since": since,
            "revision": revision,
        }


class Renewed(NamedTuple):
    """What became of a document: `new`, `changed`, `same`; `closed`: the store is done with it, nothing is changed."""

    document: str
    outcome: Literal["new", "changed", "same", "closed"]
    revision: int


def put(database: Database, store: str, bodies: Mapping[str, bytes | None]) -> None:
    """What a store is to expect from now on, as it is sent; None withdraws. All in one commit."""
    with database.transaction():
        _put(database, store, bodies, _last(database))


def renew(database: Database, store: str, documents: Sequence[ExpectedDocument]) -> list[Renewed]:
    """Documents of a source that does not count: one that is another than before gets a higher revision.

    In a transaction of the caller's. Raises `DocumentRefused` for one that is too long.
    """
    found: list[Renewed] = []
    last = _last(database)
    bodies: dict[str, bytes | None] = {}
    for one in documents:
        held = _held(database, store, one.document)
        known = database.rows(_KNOWN, (store, one.document))
        if held is not None and held == one.model_copy(update={"revision": held.revision}):
            found.append(Renewed(one.document, "same", held.revision))
        elif known and known[0][1] == "closed":
            found.append(Renewed(one.document, "closed", known[0][0]))
        else:
            # Above all that the store has heard of it, also before it was withdrawn.
            heard = max(held.revision if held else 0, known[0][0] if known else 0)
            revision = max(heard, last + len(bodies)) + 1
            body = wire(one.model_copy(update={"revision": revision}))
            parse_document(body)
            bodies[one.document] = body
            found.append(Renewed(one.document, "new" if held is None else "changed", revision))
    _put(database, store, bodies, last)
    return found


def _held(database: Database, store: str, document: str) -> ExpectedDocument | None:
    rows = database.rows("SELECT body FROM expected WHERE store = ? AND document = ?", (store, document))
    return parse_document(bytes(rows[0][0])) if rows and rows[0][0] is not None else None


def _last(database: Database) -> int:
    if database.dialect == "postgres":  # revisions are counted by one at a time
        database.write("LOCK TABLE expected IN SHARE ROW EXCLUSIVE MODE")
    last: int = database.rows("SELECT COALESCE(MAX(revision), 0) FROM expected")[0][0]
    return last


def _put(database: Database, store: str, bodies: Mapping[str, bytes | None], last: int) -> None:
    database.write_many(
        "INSERT INTO expected (store, document, revision, body) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (store, document) DO UPDATE SET (revision, body) = (excluded.revision, excluded.body)",
        [(store, name, last + more, body) for more, (name, body) in enumerate(bodies.items(), start=1)],
    )


def _cut(rows: Iterable[Row]) -> list[list[Row]]:
    pages: list[list[Row]] = []
    size_bytes = 0
    for row in rows:
        row_bytes = len(row[2] or row[0]) + 3
        if not pages or size_bytes + row_bytes > PAGE_SIZE_BYTES_MAX:
            pages.append([])
            size_bytes = 0
        pages[-1].append(row)
        size_bytes += row_bytes
    return pages


def wire(document: ExpectedDocument) -> bytes:
    return document.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True).encode()


def read_documents(path: Path) -> list[ExpectedDocument]:
    """CSV of one or more documents; JSON of one, or a list of them. Raises `ConfigError` with what is wrong."""
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                raw = _from_csv(file, path)
        else:
            found = orjson.loads(path.read_bytes())
            raw = cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])
        documents = [parse_document(wire(parse_document(one))) for one in raw]
    except (OSError, UnicodeDecodeError, csv.Error, orjson.JSONDecodeError, DocumentRefused) as error:
        raise ConfigError(f"{path}: {error}", hint=_HINT) from error
    if not documents:
        raise ConfigError(f"{path}: there is no document in it", hint=_HINT)
    return documents


def _from_csv(file: Iterable[str], path: Path) -> list[dict[str, Any]]:
    rows = csv.DictReader(file, strict=True)
    unknown = [name for name in rows.fieldnames or () if name not in OF_DOCUMENT + OF_LINE]
    if unknown:
        raise ConfigError(f"{path}: there is no column {unknown[0]!r}", hint=_HINT)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        cells = {name: value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()}
        if "document" not in cells or None in row:
            raise ConfigError(f"{path}: line {rows.line_num}: no document, or more cells than columns", hint=_HINT)
        values = {name: _number(text) if name in _NUMBERS else text for name, text in cells.items()}
        head = {name: values[name] for name in OF_DOCUMENT if name in values}
        one = found.setdefault(cells["document"], {"revision": 1, **head, "lines": []})
        if other := [name for name, value in head.items() if one.get(name) != value]:
            raise ConfigError(f"{path}: line {rows.line_num}: {other[0]} is not that of the first row", hint=_HINT)
        line = {name: values[name] for name in OF_LINE if name in values}
        one["lines"].append({"line": len(one["lines"]) + 1, **line})
    return list(found.values())


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else text
