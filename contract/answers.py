"""What head office answers at `answer/{id}`. A store asks for one page after the other while `more` is true."""

from __future__ import annotations

from pydantic import Field

from contract.catalog import Item
from contract.documents import ExpectedDocument
from contract.messages import Count, Id
from contract.shapes import Name, Shape


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


class Resolved(Shape):
    """To `ask/resolve`: the items that have the code, or none."""

    id: Id
    items: list[Item]
