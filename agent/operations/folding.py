"""Which events write which books."""

from __future__ import annotations

from collections.abc import Mapping

from agent.operations.books import Books, Fold, Folded

FOLDS: Mapping[tuple[str, str], tuple[Fold, ...]] = {}  # (type, kind) of the event


def fold(books: Books, event: Folded) -> None:
    for one in FOLDS.get((event.type, event.data["kind"]), ()):
        one(books, event)
