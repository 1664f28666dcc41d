"""Books: small projections of the log, each a map from a key to a record. Folded from events, the same at a rebuild.

A record is a JSON object without null and without floats, and is never changed in place: `put` takes a new one. What a
fold needs beside its own books stands in the event; so no fold ever asks the catalogue, the clock or the stock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

Record = Mapping[str, Any]


class Shelf(Protocol):
    """Books as operations look at them."""

    def get(self, book: str, key: str, /) -> Record | None: ...

    def under(self, book: str, prefix: str = "", /) -> Iterator[tuple[str, Record]]:
        """Keys that begin with `prefix` and their records, in key order."""
        ...


class Books(Shelf, Protocol):
    """Books as folds write them."""

    def put(self, book: str, key: str, record: Record | None, /) -> None:
        """None takes the key out."""
        ...


class Folded(NamedTuple):
    """An event as a fold sees it. `occurred_us` is as the log keeps it, in whole milliseconds."""

    type: str
    seq: int
    occurred_us: int
    source: Mapping[str, Any]
    data: Mapping[str, Any]
    clock: str = "synced"


Fold = Callable[[Books, Folded], None]


class MemoryBooks:
    """For a rebuild, and for tests."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Record]] = {}

    def get(self, book: str, key: str) -> Record | None:
        return self._held.get(book, {}).get(key)

    def put(self, book: str, key: str, record: Record | None) -> None:
        held = self._held.setdefault(book, {})
        if record is None:
            held.pop(key, None)
        else:
            held[key] = record

    def under(self, book: str, prefix: str = "") -> Iterator[tuple[str, Record]]:
        held = self._held.get(book, {})
        yield from [(key, held[key]) for key in sorted(held) if key.startswith(prefix)]

    def rows(self) -> Iterator[tuple[str, str, Record]]:
        """Book, key and record, in order."""
        for book in sorted(self._held):
            for key, record in self.under(book):
                yield book, key, record
