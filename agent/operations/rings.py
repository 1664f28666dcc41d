"""Books that remember the newest so many and forget the oldest, without asking a clock. Pure."""

from __future__ import annotations

from typing import Any

from agent.operations.books import Books, Record

_NEXT = "next"


def remember(books: Books, book: str, key: str, record: Record, limit: int) -> None:
    """Put a record under a key that the book does not hold; with `limit` records in it the oldest goes."""
    order = f"{book}_order"
    count = (books.get(order, _NEXT) or {"count": 0})["count"]
    place = f"{count % limit:09d}"
    oldest: dict[str, Any] | Record | None = books.get(order, place)
    if oldest is not None:
        books.put(book, oldest["key"], None)
    books.put(order, place, {"key": key})
    books.put(order, _NEXT, {"count": count + 1})
    books.put(book, key, record)
