"""How places, items, tags and papers are called in EPCIS: GS1 Digital Link URIs where GS1 keys are known, URIs below
the company's own address where not (CBV 2.0, section 8, allows both).

    https://id.gs1.org/01/08801234000017/10/L7          a lot of a trade item
    https://id.gs1.org/01/08801234000017/21/1001        one tagged item
    https://id.gs1.org/414/8801234000000/254/backroom   a zone of a store that has a GLN
    https://stock.example.com/class/COLA/lot/L7         the same without a GTIN
    https://stock.example.com/store/S001/zone/backroom  the same without a GLN
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, NamedTuple
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contract import catalog
from identity.check import gs1_valid
from identity.epc import EpcError, decode, format_raw, from_hex

GS1 = "https://id.gs1.org"
_COMPONENT = re.compile(r"[!%-?A-Z_a-z\"]{1,20}")  # AI 10 and 254: up to 20 characters of set 82
_LINKED = frozenset({"00", "01", "253", "255", "414", "417", "8003", "8004", "8006", "8010", "8017", "8018"})


def _gln(text: str) -> str:
    number, slash, extension = text.partition("/")
    if not re.fullmatch("[0-9]{13}", number) or not gs1_valid(number):
        raise ValueError("expected a GLN: 13 digits, the last of them its check digit")
    if slash and not _COMPONENT.fullmatch(extension):
        raise ValueError("behind the slash of a GLN stands its extension, 1 to 20 characters")
    return text


def _plain_gln(text: str) -> str:
    if "/" in text:
        raise ValueError("the GLN of a party has no extension")
    return _gln(text)


Gln = Annotated[str, AfterValidator(_gln)]
PartyGln = Annotated[str, AfterValidator(_plain_gln)]
WebAddress = Annotated[str, Field(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$")]
Spot = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}/[A-Za-z0-9._-]{1,64}$")]
Site = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64})?$")]


class Item(NamedTuple):
    """What EPCIS asks of the item master. `gtin` is of one base unit, or of the goods by weight; 14 digits."""

    gtin: str | None = None
    grams: bool = False


def item_of(item: catalog.Item | None) -> Item | None:
    """Of pieces, the GTIN whose package is one piece; of goods by weight, that of the variable measure (indicator 9,
    GS1 General Specifications, 2.1.10), whose quantity is told in kilograms."""
    if item is None:
        return None
    grams = item.base_unit == "gram"
    found = (one.gtin for one in item.gtins if (one.gtin[0] == "9") == grams and (grams or one.units == 1))
    return Item(next(found, None), grams)


class EpcisNames(BaseModel):
    """Events as EPCIS 2.0: how this company is called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: WebAddress = Field(description="The company's own web address; what has no GS1 key is named below it.")
    company: PartyGln | None = Field(None, description="GLN of the company, who owns the goods.")
    supplier: PartyGln | None = Field(None, description="GLN of the supplier, where there is only one.")
    locations: dict[Site, Gln] = Field(
        {},
        max_length=100_000,
        description="GLN of each store, and of zones as store/zone; its extension, if any, behind a slash.",
    )
    read_points: dict[Spot, Gln] = Field(
        {}, max_length=100_000, description="GLN of portals, stations and readers, as store/name."
    )
    back_zones: frozenset[Spot] = Field(
        frozenset(), max_length=100_000, description="Zones where customers do not come, as store/zone."
    )

    @property
    def namespace(self) -> str:
        """Of the members that are ours, `jaego:` in a document."""
        return f"{self.base}/ns/jaego/"

    def below(self, *names: str) -> str:
        return "/".join((self.base, *(quote(name, safe="") for name in names)))

    def store(self, store: str) -> str:
        gln = self.locations.get(store)
        return _location(gln) if gln else self.below("store", store)

    def zone(self, store: str, zone: str) -> str:
        """With the store's GLN and the zone as its extension, where the zone has no GLN of its own."""
        gln = self.locations.get(f"{store}/{zone}")
        if gln is None and (of_store := self.locations.get(store)) and "/" not in of_store and len(zone) <= 20:
            gln = f"{of_store}/{zone}"
        return _location(gln) if gln else self.below("store", store, "zone", zone)

    def read_point(self, store: str, name: str) -> str:
        gln = self.read_points.get(f"{store}/{name}")
        return _location(gln) if gln else self.below("store", store, "read-point", name)

    def owner(self) -> str | None:
        return f"{GS1}/417/{self.company}" if self.company else None

    def vendor(self) -> str:
        return f"{GS1}/417/{self.supplier}" if self.supplier else self.below("party", "supplier")

    def paper(self, store: str, kind: str, name: str) -> str:
        """A document, count, reservation or sale: names are unique in a store."""
        return self.below("store", store, kind, name)

    def goods(self, sku: str, gtin: str | None, lot: str | None) -> str:
        """The class of goods."""
        if gtin is None or (lot is not None and not _COMPONENT.fullmatch(lot)):
            return self.below("class", sku, *(("lot", lot) if lot else ()))
        return f"{GS1}/01/{gtin}" + (f"/10/{quote(lot, safe='')}" if lot else "")

    def tag(self, epc: str) -> str:
        """One object. `epc` is hexadecimal as read; what is no GS1 EPC keeps its raw form (TDS 12)."""
        return tag_uri(epc) or self.below("object", epc)


class Master(NamedTuple):
    names: EpcisNames
    item: Callable[[str], Item | None]


def sscc_uri(sscc: str) -> str:
    return f"{GS1}/00/{sscc}"


@lru_cache(10_000)
def tag_uri(epc: str) -> str | None:
    """None for a text that is no bytes."""
    try:
        data = from_hex(epc)
    except EpcError:
        return None
    try:
        found = decode(data)
    except EpcError:
        return format_raw(data)
    if found.elements and found.elements[0][0] in _LINKED:
        return GS1 + "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in found.elements)
    return found.uri or format_raw(data)


def _location(gln: str) -> str:
    number, _, extension = gln.partition("/")
    return f"{GS1}/414/{number}" + (f"/254/{quote(extension, safe='')}" if extension else "")
