"""What columns of a notice are called, in Korean and English; whatever they are called else stands in a map."""

from __future__ import annotations

import tomllib
import unicodedata
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.ids import is_store
from contract.stock import is_outside
from headoffice.errors import ConfigError

COLUMNS: dict[str, tuple[str, ...]] = {
    "asn": (
        "ASN", "ASN number", "ASN no", "advance ship notice", "shipment", "shipment number", "despatch advice",
        "dispatch note", "delivery note", "delivery number", "ASN번호", "납품번호", "납품예정번호", "출하번호",
        "출고번호", "입고예정번호", "납품서번호",
    ),
    "po": ("PO", "PO number", "PO no", "purchase order", "order number", "발주번호", "주문번호",
           "구매오더", "오더번호"),
    "supplier": ("supplier", "supplier name", "vendor", "vendor name", "공급사", "공급업체", "공급처",
                 "거래처", "협력사", "업체명"),
    "store": (
        "store", "store id", "store number", "store code", "ship to", "site", "매장", "매장코드", "매장번호", "점포",
        "점포코드", "점포번호", "지점", "납품처", "납품처코드",
    ),
    "gln": ("GLN", "ship to GLN", "store GLN", "매장GLN", "점포GLN", "납품처GLN"),
    "gtin": (
        "GTIN", "EAN", "UPC", "EAN13", "barcode", "item barcode", "바코드", "상품바코드", "바코드번호", "표준코드",
    ),
    "sku": ("SKU", "item", "item number", "item code", "article", "article number", "상품코드", "품번", "품목코드",
            "상품번호", "단품코드"),
    "quantity": (
        "quantity", "qty", "shipped quantity", "shipped qty", "quantity shipped", "수량", "출고수량", "출하수량",
        "납품수량", "입고예정수량", "발송수량",
    ),
    "unit": ("unit", "UOM", "unit of measure", "level", "package", "package level", "단위", "포장단위", "포장"),
    "units": ("units", "units per package", "units per case", "pack size", "case size", "입수", "입수량", "박스입수"),
    "lot": ("lot", "lot number", "batch", "batch number", "로트", "로트번호", "LOT번호", "배치번호", "제조번호"),
    "expiry": (
        "expiry", "expiry date", "expiration date", "best before", "use by", "유통기한", "소비기한", "유효기한",
        "유효기간",
    ),
    "sscc": ("SSCC", "pallet", "pallet number", "logistic unit", "carton id", "팔레트번호", "파렛트번호",
             "물류단위번호", "박스번호"),
    "epc": ("EPC", "EPCs", "tag", "tags", "RFID", "태그", "태그번호", "RFID태그"),
    "serial": ("serial", "serial number", "serial no", "일련번호", "시리얼", "시리얼번호"),
    "due": (
        "due", "due date", "delivery date", "expected date", "ETA", "arrival date", "납품일", "납품예정일",
        "입고예정일",        "도착예정일", "배송일",
    ),
}  # fmt: skip
NEEDED = (("asn",), ("quantity",), ("gtin", "sku"), ("store", "gln"))
UNITS: dict[str, str] = {
    word: unit
    for unit, words in {
        "each": ("each", "ea", "pcs", "pc", "piece", "pieces", "unit", "st", "낱개", "개", "본", "입"),
        "inner": ("inner", "inn", "pack", "pk", "내포장", "중포장", "팩", "묶음", "번들"),
        "case": ("case", "cs", "ca", "box", "bx", "carton", "ctn", "ct", "박스", "상자", "카톤"),
        "pallet": ("pallet", "plt", "pl", "팔레트", "파렛트", "팰릿"),
        "gram": ("g", "gram", "grams", "gr", "그램"),
        "kilogram": ("kg", "kgm", "kilogram", "kilo", "킬로그램", "킬로"),
    }.items()
    for word in words
}
HINT = "docs/asn.md describes it"
_Names = dict[str, str]


class Settings(BaseModel):
    """How a partner's file is meant, where it does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str | None = Field(None, description="all of the file is for this store")
    to: str = Field("backroom", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="zone that goods come into")
    encoding: Literal["utf-8", "cp949", "utf-16"] | None = None
    time_zone: str = Field("Asia/Seoul", description="that due dates are meant in, IANA")
    tolerance_percent: int = Field(0, ge=0, le=100, description="over-delivery that is taken without a supervisor")
    company_prefix_digits: int | None = Field(
        None, ge=6, le=12, description="of the supplier's GTINs: EPCs are made of serial numbers"
    )


class Map(BaseModel):
    """`--map`: what a partner's columns and stores are called here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: _Names = Field(
        default_factory=dict[str, str], description="header as it stands in the file, and the column that it is"
    )
    stores: _Names = Field(default_factory=dict[str, str], description="GLN or the partner's number, and the store")
    settings: Settings = Settings.model_validate({})


def read_map(text: str) -> Map:
    """Raises `ConfigError`."""
    try:
        found = Map.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the map is no TOML: {error}", hint=HINT) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"the map: {'.'.join(map(str, first['loc']))}: {first['msg']}", hint=HINT) from error
    return checked(found)


def checked(found: Map) -> Map:
    """Raises `ConfigError` for columns, stores and zones that there are not."""
    wrong = [name for name in found.columns.values() if name not in COLUMNS]
    strange = [name for name in (*found.stores.values(), found.settings.store or "S") if not is_store(name)]
    if wrong or strange:
        why = f"there is no column {wrong[0]!r}: {', '.join(COLUMNS)}" if wrong else f"{strange[0]!r} is no store"
        raise ConfigError(f"the map: {why}", hint=HINT)
    if is_outside(found.settings.to):
        raise ConfigError(f"the map: {found.settings.to} is no zone of a store", hint=HINT)
    try:
        ZoneInfo(found.settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"the map: there is no time zone {found.settings.time_zone!r}", hint=HINT) from error
    return found


def plain(word: str) -> str:
    """Case, width, spaces and punctuation mean nothing."""
    return "".join(one for one in unicodedata.normalize("NFKC", word).casefold() if one.isalnum())


_KNOWN = {plain(word): name for name, words in COLUMNS.items() for word in words}


def recognized(header: list[str], chosen: Map) -> list[str | None]:
    """The column of each cell; None for what is of no use here. A cell of the map is only what the map says."""
    mapped = {plain(word): name for word, name in chosen.columns.items()}
    taken = set(mapped.values())
    known = {word: name for word, name in _KNOWN.items() if name not in taken} | mapped
    return [known.get(plain(cell)) for cell in header]
