"""Where tags are, how far documents are, which tags are in doubt: projections that are written as they are folded.

Such events are rare beside scans, so each is a statement in the writer's open transaction: what is read sees it, and a
rollback takes it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from agent.operations import passages
from agent.operations.values import TagPlace
from contract.documents import ExpectedDocument, parse_document

_PUT_TAG = (
    "INSERT INTO tag VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sku = excluded.sku, place = excluded.place, "
    "lot = excluded.lot, disposition = excluded.disposition, units = excluded.units"
)
_PUT_PROGRESS = (
    "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = progress.quantity + excluded.quantity"
)
_PUT_DOUBT = "INSERT INTO doubt VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
_PUT_EXPECTED = (
    "INSERT INTO expected VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision, "
    "body = excluded.body WHERE excluded.revision >= expected.revision"
)


class Places:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tag(self, epc: str) -> TagPlace | None:
        row = self._connection.execute(
            "SELECT sku, place, lot, disposition, units FROM tag WHERE epc = ?", (epc,)
        ).fetchone()
        return TagPlace(*row) if row else None

    def tagged(self, sku: str, place: str) -> int:
        """Base units that known sellable tags of an item in a zone stand for."""
        statement = "SELECT COALESCE(SUM(units), 0) FROM tag WHERE sku = ? AND place = ? AND disposition = 'sellable'"
        return int(self._connection.execute(statement, (sku, place)).fetchone()[0])

    def documents(self) -> Sequence[ExpectedDocument]:
        rows = self._connection.execute("SELECT body FROM expected ORDER BY document")
        return [parse_document(bytes(row[0])) for row in rows]

    def document(self, name: str) -> ExpectedDocument | None:
        row = self._connection.execute("SELECT body FROM expected WHERE document = ?", (name,)).fetchone()
        return parse_document(bytes(row[0])) if row else None

    def progress(self, document: str) -> Mapping[str, int]:
        rows = self._connection.execute("SELECT sku, quantity FROM progress WHERE document = ?", (document,))
        return dict(rows.fetchall())

    def expect(self, document: ExpectedDocument, body: bytes) -> bool:
        """False for one that is older than what is here."""
        values = document.document, document.revision, body
        return self._connection.execute(_PUT_EXPECTED, values).rowcount > 0

    def withdraw(self, document: str) -> None:
        self._connection.execute("DELETE FROM expected WHERE document = ?", (document,))

    def fold(self, kind: str, seq: int, source: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        write = self._connection
        for epc, place in passages.tag_changes(kind, data):
            write.execute(_PUT_TAG, (epc, *place))
        for row in passages.progress_changes(kind, source, data):
            write.execute(_PUT_PROGRESS, row)
        for epc, doubted in passages.doubt_changes(kind, seq, data):
            if doubted is None:
                write.execute("DELETE FROM doubt WHERE epc = ?", (epc,))
            else:
                write.execute(_PUT_DOUBT, (epc, doubted))


class Fold:
    """The same in memory, for a rebuild."""

    def __init__(self) -> None:
        self.tags: dict[str, TagPlace] = {}
        self.progress: dict[tuple[str, str], int] = {}
        self.doubts: dict[str, int] = {}

    def state(self, state: Mapping[str, Any]) -> None:
        """A part of an opening."""
        self.tags.update({row[0]: TagPlace(*row[1:]) for row in state.get("tags", ())})
        self.progress.update({(row[0], row[1]): row[2] for row in state.get("progress", ())})
        self.doubts.update(dict(state.get("doubts", ())))

    def take(self, event: Mapping[str, Any]) -> None:
        kind, data = event["type"], event["data"]
        self.tags.update(passages.tag_changes(kind, data))
        for document, sku, quantity in passages.progress_changes(kind, event["source"], data):
            self.progress[document, sku] = self.progress.get((document, sku), 0) + quantity
        for epc, doubted in passages.doubt_changes(kind, event["seq"], data):
            if doubted is None:
                self.doubts.pop(epc, None)
            else:
                self.doubts[epc] = doubted

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            "tag": sorted((epc, *place) for epc, place in self.tags.items()),
            "progress": sorted((*key, quantity) for key, quantity in self.progress.items()),
            "doubt": sorted(self.doubts.items()),
        }
