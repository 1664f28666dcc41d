"""Lists: a page as JSON, or everything as CSV (`?format=csv`, or Accept: text/csv).

    @router.get("/api/v1/tags", response_model=Page[TagRow], responses=TABLE)
    def tags(listing: Listing, sku: SkuQuery = None) -> Any:
        return listing.answer(TagRow, lambda database, cursor, limit: view.tags(database, sku, cursor, limit))

A CSV is UTF-8 with a byte order mark, so that spreadsheets see Korean; texts that a spreadsheet would take for a
formula have an apostrophe in front (OWASP, CSV injection); times are UTC.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from headoffice.database import Database
from headoffice.view.paging import CURSOR_CHARACTERS_MAX, LIMIT_MAX, Page, Told
from headoffice.web.room import room_of

EXPORT_ROWS_MAX = 1_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
TABLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page, or everything as CSV"}
}
R = TypeVar("R", bound=Told)
Fetch = Callable[[Database, str | None, int], Page[R]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Lists:
    def __init__(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="rows of a page")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=CURSOR_CHARACTERS_MAX, description="`more` of the page before")
        ] = None,
        format: Annotated[  # noqa: A002  as it stands in the address
            Literal["json", "csv"] | None, Query(description="csv: everything, as a table; absent: as Accept says")
        ] = None,
    ) -> None:
        self._room = room_of(request)
        self._limit = limit
        self._cursor = cursor
        accepts = request.headers.get("accept", "").split(",")[0].partition(";")[0].strip()
        self._csv = format == "csv" or (format is None and accepts == "text/csv")
        self._name = request.url.path.rpartition("/")[2]

    def answer(
        self, model: type[R], fetch: Fetch[R], lines: tuple[type[Any], Fetch[Any]] | None = None
    ) -> Page[R] | Response:
        """`lines`: what a table has instead, where a row of the list is several of the table."""
        if not self._csv:
            with self._room.reading.taken() as database:
                return fetch(database, self._cursor, self._limit)
        return self._table(*lines) if lines is not None else self._table(model, fetch)

    def _table(self, model: type[R], fetch: Fetch[R]) -> Response:
        rows = self._all(fetch)
        first = next(rows, None)  # what fails does so before the answer has begun
        return StreamingResponse(
            table(model, (one for part in ((first,) if first is not None else (), rows) for one in part)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{self._name}.csv"'},
        )

    def _all(self, fetch: Fetch[R]) -> Iterator[R]:
        cursor, rows = self._cursor, 0
        while True:
            with self._room.reading.taken() as database:
                page = fetch(database, cursor, LIMIT_MAX)
            yield from page.rows
            rows, cursor = rows + len(page.rows), page.more
            if cursor is None:
                return
            if rows >= EXPORT_ROWS_MAX:  # an export that ends early must not look whole: the connection breaks
                raise RuntimeError(f"{self._name}: more than {EXPORT_ROWS_MAX} rows: narrow the filter")


Listing = Annotated[Lists, Depends()]


def table(model: type[Told], rows: Iterable[Told]) -> Iterator[bytes]:
    """CSV in pieces, a header first; a member that ends in `_us` becomes a column that ends in `_utc`.

    Members of an object inside are columns of their own; lists are JSON.
    """
    columns = list(_columns(model))
    names = ["_".join(path) for path in columns]
    heads = [name.removesuffix("_us") + "_utc" if name.endswith("_us") else name for name in names]
    yield _line(heads, "\ufeff")
    for row in rows:
        yield _line([_cell(path[-1], _value(row, path)) for path in columns])


def _columns(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inside = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        found = next((one for one in inside if issubclass(one, Told)), None)
        if found is not None and get_origin(field.annotation) is not list:
            yield from _columns(found, (*above, name))
        else:
            yield (*above, name)


def _value(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        row = None if row is None else getattr(row, name)
    return row


def _cell(name: str, value: Any) -> str | int:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not name.endswith("_us"):
            return value
        return (_EPOCH + timedelta(microseconds=value)).isoformat(" ", "milliseconds")[:23]
    text = value if isinstance(value, str) else orjson.dumps(value, default=_plain).decode()
    return "'" + text if text.startswith(FORMULA) else text


def _plain(one: BaseModel) -> dict[str, Any]:
    return one.model_dump()


def _line(cells: Iterable[str | int], mark: str = "") -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return (mark + out.getvalue()).encode("utf-8", "replace")
