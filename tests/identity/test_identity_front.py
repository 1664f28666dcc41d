"""`identify` at the station: AIM identifiers, catalogue, templates, lost separators, dates, control codes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from identity import Control, ControlError, DocumentTemplate, InStoreTemplate, Kind, TemplateError, control, identify
from identity.check import price4_digit, price5_digit
from identity.describe import FIELDS, describe, line_to_input
from identity.prefixes import with_epc_uri
from identity.values import INPUT_BYTES_MAX


def catalogue(**keys: str) -> Callable[[str], str | None]:
    return {key.replace("_", ":", 1): sku for key, sku in keys.items()}.get


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("STK-UNDO-3", Control("UNDO")),
        ("stk-undo-3", Control("UNDO")),
        ("STK-X12-O", Control("X", "12")),
        (control.encode("set", 3), Control("SET", "3")),
        (control.encode("LOGIN", "b-17"), Control("LOGIN", "B-17")),
        (control.encode("DOC", "PO/2026.1"), Control("DOC", "PO/2026.1")),
        (control.encode("CLOSE-SHORT"), Control("CLOSE-SHORT")),
    ],
)
def test_control_codes(text: str, order: Control) -> None:
    found = identify(text, aim="]C0")
    assert (found.kind, found.control) == (Kind.CONTROL, order)
    assert identify(text.lower()).control == order


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("STK-UNDO-4", "control_check"),
        ("STK-UNDO", "control_check"),
        ("STK-", "control_check"),
        ("STK--0", "control_check"),
        ("STK-MAKEUP-" + control.mod37_36("MAKEUP"), "control_unknown"),
        ("STK-X0-" + control.mod37_36("X0"), "control_argument"),
        ("STK-X123456-" + control.mod37_36("X123456"), "control_unknown"),
        ("STK-ZONE--" + control.mod37_36("ZONE"), "control_argument"),
        ("STK-DOC-" + "A" * 60, "control_length"),
    ],
)
def test_control_codes_that_order_nothing(text: str, reason: str) -> None:
    found = identify(text)
    assert (found.kind, found.reason) == (Kind.REFUSED, reason)


def test_check_character_against_a_published_example() -> None:
    # The Global Release Identifier standard's own example: A1-2425G-ABC1234002-M.
    assert control.mod37_36("A12425GABC1234002") == "M"


@pytest.mark.parametrize(
    ("verb", "argument"), [("X", "A"), ("UNDO", "1"), ("ZONE", ""), ("ZONE", "나"), ("NOPE", None)]
)
def test_encode_prints_nothing_that_parse_refuses(verb: str, argument: str | None) -> None:
    with pytest.raises(ControlError):
        control.encode(verb, argument)


def test_every_verb_comes_back() -> None:
    for verb in control.VERBS:
        argument = "7" if verb in control.COUNTED else "A-1" if verb in control.NAMED else None
        assert control.parse(control.encode(verb, argument)) == Control(verb, argument)


def test_upc_e_or_ean8_is_the_catalogues_to_say() -> None:
    assert identify("04252614").candidates == ("00042100005264",)
    assert identify("04252614", lookup=catalogue(gtin_00042100005264="S1")).sku == "S1"
    both = identify("01234565")
    assert both.kind is Kind.AMBIGUOUS
    assert identify("04252613").reason == "check_digit"
    # As EAN-8 it is an in-store number of the shop.
    assert identify("01234565", lookup=catalogue(item_01234565="OWN")).sku == "OWN"


def test_the_catalogue_fills_the_sku() -> None:
    lookup = catalogue(gtin_08801234567893="SHIRT", code_LOC1="SHELF", item_0212345012505="APPLE")
    assert identify("8801234567893", lookup=lookup).sku == "SHIRT"
    assert identify("]C1010880123456789310A", lookup=lookup).sku == "SHIRT"
    assert identify("0212345012505", lookup=lookup).sku == "APPLE"
    own = identify("LOC1", lookup=lookup)
    assert (own.kind, own.item_number, own.sku) == (Kind.IN_STORE, "LOC1", "SHELF")


def test_a_korean_scale_label() -> None:
    scale = InStoreTemplate("scale", ("28",), "IIIIIPPPPPC", currency="KRW")
    found = identify("2812345098768", templates=[scale], lookup=catalogue(item_12345="PORK"))
    assert found.kind is Kind.REFUSED
    found = identify("2812345098769", templates=[scale], lookup=catalogue(item_12345="PORK"))
    assert (found.kind, found.item_number, found.price, found.sku) == (Kind.IN_STORE, "12345", "9876", "PORK")
    assert identify("2912345098766", templates=[scale]).reason == "no_template"


def test_the_inner_check_digit() -> None:
    template = InStoreTemplate("de", ("23",), "IIIIKPPPPPC", price_decimals=2)
    assert identify("2330714002396", templates=[template]).price == "2.39"
    assert identify("2330715002395", templates=[template]).reason == "inner_check"


@pytest.mark.parametrize(
    ("prefixes", "layout"),
    [
        ((), "IIIIIIPPPPC"),
        (("2",), "IIIIIIPPPPC"),
        (("2x",), "IIIIIIPPPPC"),
        (("20",), "IIIIIIPPPP"),
        (("20",), "IIIPPPPIIIC"),
        (("20",), "IIIWWWPPPPC"),
        (("20",), "PPPPPPPPPPC"),
        (("20",), "IIIIIIKPPPC"),
    ],
)
def test_templates_that_mean_nothing(prefixes: tuple[str, ...], layout: str) -> None:
    with pytest.raises(TemplateError):
        InStoreTemplate("bad", prefixes, layout)


def test_documents() -> None:
    found = identify("PO-2026-17", templates=[DocumentTemplate("orders", "PO-")])
    assert (found.kind, found.document) == (Kind.DOCUMENT, "PO-2026-17")
    assert identify("]C1400ORDER7").document == "ORDER7"
    assert identify("]C12539501101530003X1").kind is Kind.DOCUMENT
    with pytest.raises(TemplateError):
        DocumentTemplate("all", "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("]C1010880123456789310L717270131", Kind.SUSPECT),  # the date swallowed by the lot
        ("010880123456789321A1727013110L7", Kind.SUSPECT),
        ("]C1010880123456789310L717270131\x1d21A", Kind.TRADE_ITEM),  # separators arrive: it is a lot
        ("]C1010880123456789310L717271331", Kind.TRADE_ITEM),  # month 13 is no date
        ("]C101088012345678931712123110L717270131", Kind.TRADE_ITEM),  # the date is there already
        ("]C1010880123456789317270131", Kind.TRADE_ITEM),
    ],
)
def test_lost_separators(text: str, kind: Kind) -> None:
    found = identify(text)
    assert found.kind is kind, found
    assert found.gtin == "08801234567893"
    # A suspect must not be laundered into a certain thing by its own link.
    assert (found.digital_link is None) == (kind is Kind.SUSPECT)


def test_a_value_too_long_names_the_separator() -> None:
    found = identify("]C1010880123456789310ABCDEFGHIJKL1727013121SER99")
    assert (found.kind, found.reason) == (Kind.REFUSED, "ai_too_long")
    assert "separator" in str(found.hint)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("]C101088012345678930209501101530003", "ai_excluded"),
        ("]C10108801234567893" + "0109501101530003", "ai_repeated"),
        ("]C1", "empty"),
        ("]C1\x1d", "empty"),
        ("]C1AB", "ai_unknown"),
        ("]Q3(01)08801234567893", "ai_unknown"),
        ("]E388012345678931", "length"),
        ("]E112", "length"),
        ("]E0880123456789", "length"),
        ("]E4\x1d", "length"),
        ("\x00", "charset"),
        ("8801234567893\r", "charset"),
        ("]", "bad_identifier"),
        ("]??", "bad_identifier"),
        ("0000000000000", "unused_prefix"),
        ("10212345012502", "unused_prefix"),
        ("https://id.gs1.org/AQnYUc1gmiCNV4JGLi8", "dl_compressed"),
        ("]E08801234567893|99X", "bad_identifier"),
        ("A" * (INPUT_BYTES_MAX + 1), "too_long"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    found = identify(text)
    assert (found.kind, found.reason) == (Kind.REFUSED, reason)
    assert found.hint
    assert found.gtin is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "plain_text"),
        ("https://shop.example.com/offers?id=01", "web_address"),
        ("]C110LOT7", "no_key"),
        ("]C1020950110153000337200", "no_key"),
        ("]C18017952114112345678906", "not_stock"),
        ("9900000000004", "coupon"),
        ("]C1255950110153000312", "coupon"),
        ("]C18006095211411234540102\x1d21A", "part_of_item"),
        ("157035381410375177", "plain_text"),  # an SSCC without its AI
        ("]I012345", "plain_text"),
        ("]C0A\x1dB", "plain_text"),  # no FNC1 in plain Code 128: GS is data
    ],
)
def test_things_that_stock_does_not_keep(text: str, reason: str) -> None:
    found = identify(text)
    assert (found.kind, found.reason) == (Kind.RAW, reason)
    assert found.gtin is None


def test_a_pallet_with_its_contents() -> None:
    found = identify("]C1003880123450000000130208801234567893372410L7")
    assert found.reason == "ai_non_digit_character"  # the count swallows the lot: no separator
    found = identify("]C10038801234500000001302088012345678933724\x1d10L7")
    assert (found.kind, found.sscc, found.gtin, found.quantity, found.lot) == (
        Kind.LOGISTIC_UNIT,
        "388012345000000013",
        "08801234567893",
        24,
        "L7",
    )
    assert found.digital_link == "https://id.gs1.org/00/388012345000000013?02=08801234567893&37=24&10=L7"


def test_locations_and_assets() -> None:
    place = identify("]C1414950110153000725432a/b")
    assert (place.kind, place.gln, place.serial) == (Kind.REFUSED, None, None)
    place = identify("]C1414952114112345425432a/b")
    assert (place.kind, place.gln, place.serial) == (Kind.LOCATION, "9521141123454", "32a/b")
    crate = identify("]C1800309521141123454567")
    assert (crate.kind, crate.asset) == (Kind.ASSET, "09521141123454567")


def test_dates_and_measures() -> None:
    found = identify("]C101088012345678931727020015260731310300125030" + "12")
    assert (found.expiry, found.best_before, found.weight_g, found.quantity) == ("2027-02-28", "2026-07-31", 1250, 12)
    assert identify("]C10108801234567893" + "3201000100").weight_g == 4536  # 10.0 lb
    assert identify("]C10108801234567893" + "3105000049").weight_g == 0  # half a gram is not reached
    assert identify("]C1010880123456789317280229").expiry == "2028-02-29"
    assert identify("]C1010880123456789317270229").kind is Kind.REFUSED
    assert identify("]C1010880123456789370032701312359").expiry == "2027-01-31"
    money = identify("]C101988012345678963103001250" + "3932410123456")
    assert (money.price, money.currency) == ("1234.56", "410")


@pytest.mark.parametrize(("year", "expiry"), [(2026, "2076-01-01"), (2024, "1976-01-01"), (1999, "1976-01-01")])
def test_the_century_depends_on_the_year_of_reading(year: int, expiry: str) -> None:
    # General Specifications 7.12: 51 and more ahead is the century before.
    assert identify("]C1010880123456789317760101", year=year).expiry == expiry


def test_a_missing_companion_is_told() -> None:
    found = identify("]C1019880123456789639221999")
    assert (found.kind, found.reason) == (Kind.TRADE_ITEM, "ai_requires")
    assert "3922" in str(found.hint)


def test_brackets_typed_by_hand() -> None:
    found = identify("(01)08801234567893(10)A\\(1)")
    assert (found.gtin, found.lot) == ("08801234567893", "A(1)")
    assert identify("(hello)").kind is Kind.RAW
    assert identify("]C0(01)08801234567893").kind is Kind.RAW  # its identifier says that it is not GS1


def test_text_that_only_looks_like_elements() -> None:
    assert identify("0112345678901234567890").kind is Kind.RAW  # no check digit fits
    assert identify("01088012345678939").reason == "ai_unknown"  # this GTIN fits, so what follows is broken
    assert identify("1012345678901234567").kind is Kind.RAW  # a lot without a key
    assert identify("00388012345000000013").sscc == "388012345000000013"


def test_composite_symbols() -> None:
    found = identify("]E08801234567893|]e017270131" + "10L7")
    assert (found.gtin, found.expiry, found.lot) == ("08801234567893", "2027-01-31", "L7")
    assert identify("]E02112345678900|]e010L7").kind is Kind.IN_STORE


def test_bytes_that_are_no_text() -> None:
    found = identify(b"88\xff\xfe")
    assert (found.kind, found.reason, found.input) == (Kind.REFUSED, "charset", "88\ufffd\ufffd")


def test_the_aim_identifier_may_come_apart() -> None:
    assert identify(b"88012346", aim="E4").gtin == "00000088012346"
    assert identify(b"88012346", aim="]E4").symbology == "EAN-8"
    assert identify(b"88012346", aim="?").reason == "bad_identifier"


def test_description() -> None:
    found = describe(identify("]C1010880123456789310L7", lookup=catalogue(gtin_08801234567893="S")))
    assert list(found)[: len(FIELDS)] == list(FIELDS)
    assert json.loads(json.dumps(found)) == found
    assert found["ais"] == [["01", "08801234567893"], ["10", "L7"]]
    assert describe(identify("STK-X12-O"))["control"] == {"verb": "X", "argument": "12"}
    assert describe(identify("04252614"))["candidates"] == ["00042100005264"]
    assert line_to_input("]C110A<GS>21B\\x1d\n") == "]C110A\x1d21B\x1d"


def test_epc_uris_of_barcodes() -> None:
    assert with_epc_uri(identify("(01)08801234567893(21)S/1")).epc_uri == "urn:epc:id:sgtin:8801234.056789.S%2F1"
    assert with_epc_uri(identify("(00)388012345000000013")).epc_uri == "urn:epc:id:sscc:8801234.3500000001"
    assert with_epc_uri(identify("(01)08801234567893")).epc_uri is None  # no serial, no EPC
    assert with_epc_uri(identify("hello")).epc_uri is None


def test_epc_uris_as_text() -> None:
    found = identify("urn:epc:id:sgtin:0614141.812345.67%2F9")
    assert (found.kind, found.gtin, found.serial) == (Kind.TRADE_ITEM, "80614141123458", "67/9")
    tag = identify("]Q1urn:epc:tag:sgtin-96:3.0614141.812345.6789", lookup=catalogue(gtin_80614141123458="S"))
    assert (tag.sku, tag.epc_uri) == ("S", "urn:epc:id:sgtin:0614141.812345.6789")
    assert tag.tag_uri == "urn:epc:tag:sgtin-96:3.0614141.812345.6789"
    assert identify("urn:epc:id:sgtin:0614141.81234.1").reason == "epc_uri"
    assert identify("urn:epc:id:gid:1.2.3").kind is Kind.REFUSED


def test_price_check_digits_against_published_examples() -> None:
    # GS1 General Specifications 7.9.3 and 7.9.4.
    assert (price4_digit("2875"), price5_digit("14685")) == ("9", "6")
