"""Lists come in pages, each with the place where the next one begins. A cursor is opaque to who asks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field

from headoffice.database import Database, Row

LIMIT_MAX = 500
CURSOR_CHARACTERS_MAX = 400


class Told(BaseModel):
    """What is answered; frozen, so that it may be kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Told)


class Page(Told, Generic[R]):
    rows: list[R]
    more: str | None = Field(None, description="cursor of the next page; absent at the end")


class BadCursor(ValueError):
    """A cursor that no page of this list has given."""


def cursor_of(*values: str | int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def place_of(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The values that `cursor_of` was given. Raises `BadCursor`."""
    try:
        found: Any = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursor("it is no cursor") from error
    values = cast("list[Any]", found) if isinstance(found, list) else []
    if len(values) != len(kinds) or any(type(one) is not kind for one, kind in zip(values, kinds, strict=True)):
        raise BadCursor("it is no cursor of this list")
    if not all("\0" not in one if isinstance(one, str) else 0 <= one < 2**63 for one in values):
        raise BadCursor("it is no cursor of this list")
    return tuple(values)


def cut(model: type[R], rows: Sequence[Row], limit: int, place: Callable[[R], tuple[str | int, ...]]) -> Page[R]:
    """A page of what a query with LIMIT `limit + 1` found; columns in the order of the model's members."""
    found = told(model, rows[:limit])
    return Page(rows=found, more=cursor_of(*place(found[-1])) if len(rows) > limit else None)


def told(model: type[R], rows: Iterable[Row]) -> list[R]:
    names = list(model.model_fields)
    return [model(**dict(zip(names, row, strict=True))) for row in rows]


class Where:
    """Conditions of a query, with their values, joined by AND."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        self._conditions.append(condition)
        self.values += values

    def given(self, condition: str, value: Any) -> None:
        """Only where there is a value."""
        if value is not None:
            self.add(condition, value)

    def __str__(self) -> str:
        return " WHERE " + " AND ".join(self._conditions) if self._conditions else ""


def listed(
    database: Database, model: type[R], select: str, where: Where, key: Mapping[str, type], *, cursor: str | None,
    limit: int, newest: bool = False, read: Callable[[list[Row]], Sequence[Row]] = list,
) -> Page[R]:  # fmt: skip
    """A page of a list that is sorted by the columns of `key`, which are members of the model too; `newest`: downwards.

    `select` goes up to FROM with its table, `read` makes the model's columns of the rows. Raises `BadCursor`.
    """
    if cursor is not None:
        names = ", ".join(key)
        where.add(f"({names}) {'<' if newest else '>'} ({marks([*key])})", *place_of(cursor, *key.values()))
    order = ", ".join(f"{name} DESC" if newest else name for name in key)
    rows = database.rows(f"{select}{where} ORDER BY {order} LIMIT ?", (*where.values, limit + 1))
    return cut(model, read(rows), limit, lambda row: tuple(getattr(row, name) for name in key))


def marks(values: Sequence[Any]) -> str:
    """`?, ?, ?` for an IN; at least one, because SQL has no empty list."""
    return ", ".join("?" * len(values)) if values else "NULL"
