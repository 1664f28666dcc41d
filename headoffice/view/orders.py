"""What head office asked of stores: commands with their answers, expected documents with how far the stores are."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import Field

from contract.times import parse_us
from headoffice.commands import members_of
from headoffice.database import Database, Row
from headoffice.view.books import DocumentGrams
from headoffice.view.paging import Page, Told, Where, cursor_of, listed, place_of
from headoffice.weights import gram_sums, weighed

CommandStatus = Literal["waiting", "sent", "done", "refused", "expired", "unanswered"]
Standing = Literal["withdrawn", "not_opened", "opened", "closed", "closed_short"]
_COMMAND = "id, store, verb, body, status, response, asked_by, at_us, expires_us, sent_us, answered_us"
_EXPECTED = (
    "e.store, e.document, e.body, d.status, d.done, d.damaged, d.over, d.short, d.opened_at, d.closed_at, d.lines"
)
_COUNTED = "EXISTS (SELECT 1 FROM counted c WHERE c.store = e.store AND c.request = e.document)"


class CommandRow(Told):
    id: str
    store: str
    verb: str
    members: dict[str, Any] = Field(description="of the request, as in the contract")
    status: CommandStatus = Field(
        description="expired without an answer: it was never sent; unanswered: nobody here knows whether it is done"
    )
    response: dict[str, Any] | None = Field(description="as in the contract")
    asked_by: str
    at_us: int
    expires_us: int
    sent_us: int | None = Field(description="when it was sent last")
    answered_us: int | None


class CommandTold(CommandRow):
    held: int | None = Field(
        description="of a reserve: base units that the store's own events say are held for it now; null: none"
    )


class ExpectedRow(Told):
    store: str
    document: str
    kind: str | None = Field(description="as in the contract; null: it is withdrawn, and what it was is not kept")
    standing: Standing = Field(description="of a count request: opened: some of its zones are counted; closed: all")
    overdue: bool = Field(description="`due_at` has passed, and it is neither closed nor withdrawn")
    due_at: str | None
    revision: int | None
    lines: int
    expected: int = Field(description="pieces, by the document's lines")
    done: int = Field(description="pieces, by the store's closing; 0 until then")
    damaged: int
    over: int
    short: int
    grams: DocumentGrams | None = Field(description="goods by weight, beside the pieces; null: none")
    opened_at: str | None = Field(description="by the store's clock")
    closed_at: str | None
    zones_counted: list[str] = Field(description="of a count request: zones with an approved count that answers it")


def commands(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    verb: str | None = None, status: CommandStatus | None = None,
) -> Page[CommandRow]:  # fmt: skip
    """The newest first."""
    where = Where()
    where.given("store = ?", store)
    where.given("verb = ?", verb)
    where.given("status = ?", status)
    select, key = f"SELECT {_COMMAND} FROM command", {"at_us": int, "id": str}

    def read(rows: list[Row]) -> list[Row]:
        return [_read(row) for row in rows]

    return listed(database, CommandRow, select, where, key, cursor=cursor, limit=limit, newest=True, read=read)


def command(database: Database, command_id: str) -> CommandTold | None:
    rows = database.rows(f"SELECT {_COMMAND} FROM command WHERE id = ?", (command_id,))
    if not rows:
        return None
    row = CommandRow(**dict(zip(CommandRow.model_fields, _read(rows[0]), strict=True)))
    held = database.rows(
        "SELECT quantity FROM reservation WHERE store = ? AND reservation = ?",
        (row.store, str(row.members.get("reservation", ""))),
    )
    return CommandTold(**row.model_dump(), held=held[0][0] if held and row.verb == "reserve" else None)


def _read(row: Row) -> Row:
    response = orjson.loads(row[5]) if row[5] is not None else None
    return (*row[:3], members_of(row[3]), row[4], response, *row[6:])


def expected(
    database: Database, now_us: int, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    standing: Standing | None = None,
) -> Page[ExpectedRow]:  # fmt: skip
    """By store and name. With `standing` a page may be short: whether all zones are counted shows when it is read."""
    where = Where()
    where.given("e.store = ?", store)
    if standing == "withdrawn":
        where.add("e.body IS NULL")
    elif standing is not None:
        where.add("e.body IS NOT NULL")
        if standing == "not_opened":
            where.add(f"d.status IS NULL AND NOT {_COUNTED}")
        else:
            where.add(f"(d.status = ? OR {_COUNTED})", standing)
    if cursor is not None:
        where.add("(e.store, e.document) > (?, ?)", *place_of(cursor, str, str))
    rows = database.rows(
        f"SELECT {_EXPECTED} FROM expected e LEFT JOIN document d ON d.store = e.store AND d.document = e.document"
        f"{where} ORDER BY e.store, e.document LIMIT ?",
        (*where.values, limit + 1),
    )
    by_weight = weighed(database)
    each = [_expected(database, now_us, row, by_weight) for row in rows[:limit]]
    found = [one for one in each if one.standing == (standing or one.standing)]
    more = cursor_of(*rows[limit - 1][:2]) if len(rows) > limit else None
    return Page(rows=found, more=more)


def expected_one(database: Database, now_us: int, store: str, document: str) -> ExpectedRow | None:
    rows = database.rows(
        f"SELECT {_EXPECTED} FROM expected e LEFT JOIN document d ON d.store = e.store AND d.document = e.document "
        "WHERE e.store = ? AND e.document = ?",
        (store, document),
    )
    return _expected(database, now_us, rows[0], weighed(database)) if rows else None


_GRAMS = tuple(DocumentGrams.model_fields)


def _expected(database: Database, now_us: int, row: Row, by_weight: frozenset[str]) -> ExpectedRow:
    store, document, raw, status, *sums, opened_at, closed_at, closing = row
    body: dict[str, Any] = orjson.loads(raw) if raw is not None else {}
    counted = _counted(database, store, document) if body.get("kind") == "count_request" else []
    standing: Standing = status or "not_opened"
    if counted:
        standing = "closed" if {*body["zones"]} <= {*counted} else "opened"
    if raw is None:
        standing = "withdrawn"
    due_at = body.get("due_at")
    lines = [{"sku": one["sku"], "expected": one["quantity"]} for one in body.get("lines", [])]
    asked = gram_sums(lines, _GRAMS, by_weight)
    told = gram_sums(orjson.loads(closing or "[]"), _GRAMS, by_weight)
    grams = {**(told or dict.fromkeys(_GRAMS, 0)), "expected": asked["expected"] if asked else 0}
    pieces = {name: (size or 0) - grams[name] for name, size in zip(_GRAMS[1:], sums, strict=True)}
    return ExpectedRow(
        store=store, document=document, kind=body.get("kind"), standing=standing,
        overdue=standing in {"not_opened", "opened", "closed_short"} and _passed(due_at, now_us), due_at=due_at,
        revision=body.get("revision"), lines=len(lines),
        expected=sum(line["expected"] for line in lines) - grams["expected"], **pieces,
        grams=DocumentGrams(**grams) if asked or told else None, opened_at=opened_at, closed_at=closed_at,
        zones_counted=counted,
    )  # fmt: skip


def _counted(database: Database, store: str, request: str) -> list[str]:
    rows = database.rows(
        "SELECT DISTINCT zone FROM counted WHERE store = ? AND request = ? ORDER BY zone", (store, request)
    )
    return [row[0] for row in rows]


def _passed(due_at: str | None, now_us: int) -> bool:
    try:
        return due_at is not None and parse_us(due_at) < now_us
    except ValueError:  # words of somebody's own: nobody can say
        return False
