"""What head office answers at `answer/{id}`. A store asks for one page after the other while `more` is true."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from contract.catalog import Item
from contract.documents import ExpectedDocument
from contract.journal import Key
from contract.messages import Count, Id
from contract.shapes import Hash, Name, Shape


class Page(Shape):
    id: Id
    page: Count
    more: bool = Field(description="there is another page of this answer")
    since: Count = Field(description="as asked")
    revision: Count = Field(description="the store has everything up to here, once it has the last page")


class CatalogPage(Page):
    """To `ask/catalog`: what changed since a revision."""

    items: list[Item]


class ExpectedPage(Page):
    """To `ask/expected`: what changed for this store since a revision."""

    documents: list[ExpectedDocument]
    withdrawn: list[Name] = Field(description="documents that are expected no more")


class RestorePage(Shape):
    """To `ask/restore`: consecutive events. The store asks from behind the last one until it has `head`."""

    id: Id
    log: Name | None = Field(None, description="absent: head office has no events of this store")
    head: Count = Field(description="the newest event that head office has of that log")
    hash: Hash | None = Field(None, description="of that event")
    key: Key | None = Field(None, description="with which the log is signed at its head")
    followed: Name | None = Field(
        None, description="the log that head office follows: a new log must grow from its end"
    )
    events: list[dict[str, Any]] = Field(max_length=100, description="as the store wrote them; none: there are none")


class Resolved(Shape):
    """To `ask/resolve`: the items that have the code, or none."""

    id: Id
    items: list[Item]
