"""From what a point of sale hands over to the ledger: codes and catalogue, then each transaction in its own command.

The local API and the drop folder come this way. Transactions that are handed over together are committed together, and
each is answered for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agent.capture.office import Done, Office
from agent.catalogue.errors import CatalogueError
from agent.catalogue.store import Hit
from agent.operations import sales
from agent.operations.sales import Tills
from agent.operations.transactions import Meant, Sale, SaleLine, Taken, Transaction, read
from agent.operations.values import Product
from contract.catalog import Item
from identity import Identity, Kind, Template, identify

BATCH_MAX = 200  # transactions that are handed over together


class Items(Protocol):
    def by_code(self, gtin: str, /) -> Hit | None: ...

    def by_item_number(self, number: str, /) -> Hit | None: ...

    def item(self, sku: str, /) -> Item | None: ...

    def lookup(self, key: str, /) -> str | None: ...


class TillDesk:
    """`epc_of` gives the identity of a code with GTIN and serial number, where it can be told."""

    def __init__(
        self,
        *,
        items: Items,
        office: Office,
        tills: Tills,
        templates: Sequence[Template] = (),
        epc_of: Callable[[Identity], str | None] = lambda _identity: None,
    ) -> None:
        self._items = items
        self._office = office
        self._tills = tills
        self._templates = templates
        self._epc_of = epc_of

    async def sell(self, raw: Sequence[Any]) -> list[Taken]:
        """What became of each, in their order, once it is durable. Raises `LedgerError` when one could not be written:
        send all of them again, what was written is known then."""
        prepared = await asyncio.to_thread(self._prepared, raw)  # a batch may hold thousands of codes
        found = await asyncio.gather(*(self._sell(one) for one in prepared), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if not isinstance(one, BaseException)]

    def _prepared(self, raw: Sequence[Any]) -> list[Sale | Taken]:
        found = map(read, raw)
        return [one if isinstance(one, Taken) else self.sale(one) for one in found]

    async def _sell(self, one: Sale | Taken) -> Taken:
        if isinstance(one, Taken):
            return one
        done = await self._office.do(lambda tx, context: sales.book(tx, one, self._tills, context))
        taken: Taken = done.outcome.result
        return taken

    def submit(self, one: Transaction, done: Callable[[Taken | None, Exception | None], None]) -> None:
        """From any thread; `done` runs in the writer's. Raises `LedgerError` when nothing more is taken."""
        sale = self.sale(one)

        def tell(result: Done | None, error: Exception | None) -> None:
            done(result.outcome.result if result is not None else None, error)

        self._office.submit(lambda tx, context: sales.book(tx, sale, self._tills, context), tell)

    def sale(self, one: Transaction) -> Sale:
        """What the lines mean, as the catalogue says now."""
        return Sale(one, tuple(self._meant(line) for line in one.lines))

    def _meant(self, line: SaleLine) -> Meant:
        try:
            if line.sku is not None:
                return Meant(self._product(Hit(line.sku, 1, 0)))
            if line.gtin is not None:
                gtin = line.gtin.zfill(14)
                product = self._product(self._items.by_code(gtin))
                return Meant(product, product.units if product else 1, gtin)
            return self._scanned(line.code or "")
        except CatalogueError:
            return Meant(None, why="no_catalogue")

    def _scanned(self, code: str) -> Meant:
        identity = identify(code.encode(), aim=None, lookup=self._items.lookup, templates=self._templates)
        hit: Hit | None = None
        if identity.kind is Kind.TRADE_ITEM and identity.gtin is not None:
            hit = self._items.by_code(identity.gtin)
        elif identity.item_number is not None:
            hit = self._items.by_item_number(identity.item_number)
        product = self._product(hit)
        why = "unknown_item"
        units = product.units if product else 1
        if product is not None and product.base_unit == "gram":
            grams = identity.weight_g or _grams(product, identity.price)
            product, units, why = (product, grams, why) if grams else (None, 1, "no_weight")
        elif identity.quantity is not None:
            units *= identity.quantity
        return Meant(product, units, identity.gtin, identity.lot, identity.serial, self._epc_of(identity), why)

    def _product(self, hit: Hit | None) -> Product | None:
        if hit is None or (item := self._items.item(hit.sku)) is None:
            return None
        price, per = (item.price.amount_minor, item.price.per_units) if item.price else (None, 1)
        names = item.name.ko or "", item.name.en or ""
        return Product(item.sku, hit.units, item.revision, item.base_unit, *names, price, per, item.tracking)


def _grams(product: Product, price: str | None) -> int:
    """Of a label that says what the goods cost, to the nearest gram; a plain code of weighed goods is one gram, and
    the line's quantity says how many."""
    if not price:
        return 1
    if not product.price_minor:
        return 0
    minor = int(price.replace(".", ""))
    return (minor * product.price_per * 2 + product.price_minor) // (product.price_minor * 2)
