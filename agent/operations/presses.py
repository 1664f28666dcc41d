"""Presses at screens that became events: each happens once, over a restart too. Pure."""

from __future__ import annotations

from agent.operations.books import Books, Folded
from agent.operations.rings import remember

BOOK = "press"
REMEMBERED_MAX = 2000  # what a browser has kept back longer than that many presses is told as it is: pressed again


def fold(books: Books, event: Folded) -> None:
    press = event.source.get("press")
    if press is not None and books.get(BOOK, press) is None:
        remember(books, BOOK, press, {"seq": event.seq}, REMEMBERED_MAX)
