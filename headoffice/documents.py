"""Documents that stores are to expect: read from files, kept, answered page by page to `ask/expected`.

A small strict reader, as for items: the first wrong row stops it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import orjson

from contract.documents import DocumentRefused, ExpectedDocument, parse_document
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from headoffice.errors import ConfigError
from headoffice.storing import Storage

PAGE_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 512  # room for the page's own members
STORES_MAX = 1_000  # whose pages are remembered
OF_DOCUMENT = ("document", "kind", "revision", "from", "to", "due_at", "order", "tolerance_percent")
OF_LINE = ("line", "sku", "quantity", "lot", "expiry", "sscc", "disposition", "reservation")
_NUMBERS = frozenset({"revision", "tolerance_percent", "line", "quantity"})
_HINT = f"columns: {', '.join((*OF_DOCUMENT, *OF_LINE))}; the rows of a document stand together; or JSON as on the wire"
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
