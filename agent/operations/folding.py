"""Which events write which books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import get_args

from agent.operations import counts_fold, departures, documents, fefo, presses, reservations, resolving, sales
from agent.operations.books import Books, Fold, Folded
from contract.events import ExceptionData, MovementData

_MOVEMENTS = get_args(MovementData.model_fields["kind"].annotation)
_EXCEPTIONS = get_args(ExceptionData.model_fields["kind"].annotation)


def _rules() -> Iterator[tuple[str, Iterable[str], Fold]]:
    """Type of the event, its kinds, and what folds it; in this order."""
    yield "movement", ("sold", "returned"), sales.fold_transaction
    yield "exception", ("unknown_sale",), sales.fold_transaction
    yield "journal", ("sales_file_taken",), sales.fold_file
    yield "movement", ("sold",), departures.fold_sold
    yield "journal", ("tags_departed",), departures.fold_departed
    yield "journal", ("reservation_made",), reservations.fold_made
    yield "journal", ("reservation_released", "reservation_expired", "pick_rejected"), reservations.fold_less
    yield "journal", ("reservation_picked",), reservations.fold_picked
    yield "movement", ("sold", "transferred", "reversed"), reservations.fold_moved
    yield "exception", _EXCEPTIONS, resolving.fold_opened
    yield "journal", ("exception_resolved",), resolving.fold_closed
    yield "movement", _MOVEMENTS, resolving.fold_closed
    yield from counts_fold.RULES
    yield from documents.RULES
    yield "movement", ("received", "transferred", "returned", "adjusted"), fefo.fold_lots


def _by_event() -> Mapping[tuple[str, str], tuple[Fold, ...]]:
    found: dict[tuple[str, str], tuple[Fold, ...]] = {}
    for kind, kinds, one in _rules():
        for key in product((kind,), kinds):
            found[key] = (*found.get(key, ()), one)
    return found


FOLDS = _by_event()  # (type, kind) of the event


def fold(books: Books, event: Folded) -> None:
    if "press" in event.source:
        presses.fold(books, event)
    for one in FOLDS.get((event.type, event.data["kind"]), ()):
        one(books, event)
