"""Numbers, prefixes and in-store codes against biip's vectors; UPC-E against generated ones."""

from __future__ import annotations

from typing import Any

from gs1_vectors import Tally, load

from identity import InStoreTemplate, Kind, aim, elements, identify, in_store
from identity.check import gs1_digit, price4_digit, price5_digit
from identity.elements import ElementError
from identity.gtin import expand_upc_e, is_digits, suppress_upc_a
from identity.in_store import decimal
from identity.meaning import iso_date
from identity.prefixes import company_prefix_digits

BIIP_TREE = "biip's object tree: prefixes' users and item references, which stock does not need"


def _template(name: str, layout: str, *prefixes: str, **options: Any) -> InStoreTemplate:
    return InStoreTemplate(name, prefixes, layout, **options)


# The national rules that biip has built in, as a store would configure them.
MINOR = {"price_decimals": 2}
NORDIC = (
    _template("price", "IIIIIIPPPPC", "20", **MINOR),
    _template("price, one decimal", "IIIIIIPPPPC", "21", price_decimals=1),
    _template("whole price", "IIIIIIPPPPC", "22"),
    _template("kg, three decimals", "IIIIIIWWWWC", "23"),
    _template("kg, two decimals", "IIIIIIWWWWC", "24", weight_unit_g=10),
    _template("kg, one decimal", "IIIIIIWWWWC", "25", weight_unit_g=100),
)
REGIONS: dict[str, tuple[InStoreTemplate, ...]] = {
    "BALTICS": (_template("weight", "IIIIIIWWWWC", "23"),),
    "DENMARK": (
        _template("price", "IIIIIPPPPPC", "21", "22", "23", "24", currency="DKK", **MINOR),
        _template("weight", "IIIIIWWWWWC", "26", "27", "28"),
    ),
    "FINLAND": NORDIC[3:],
    "GERMANY": (
        _template("price", "IIIIKPPPPPC", "22", "23", currency="EUR", **MINOR),
        _template("count", "IIIIKNNNNNC", "25", "26"),
        _template("weight", "IIIIKWWWWWC", "28", "29"),
    ),
    "NORWAY": NORDIC,
    "SWEDEN": tuple(
        InStoreTemplate(
            t.name, t.prefixes, t.layout, t.weight_unit_g, t.price_decimals, "SEK" if "P" in t.layout else None
        )
        for t in NORDIC
    ),
}
REGIONS |= dict.fromkeys(("ESTONIA", "LATVIA", "LITHUANIA"), REGIONS["BALTICS"])


def _region(vector: dict[str, Any]) -> tuple[InStoreTemplate, ...]:
    name = vector.get("rcn_region") or vector["test"].removeprefix("test_region_").partition("_")[0]
    return REGIONS[name.removeprefix("RcnRegion.").upper()]


def test_rcn_rules() -> None:
    tally = Tally("biip_rcn_rules")
    for vector in load("biip_rcn_rules"):
        found = identify(vector["value"], templates=_region(vector))
        if vector.get("expect"):
            tally.expect_refused(found.reason if found.kind is Kind.REFUSED else None, vector)
            continue
        weight = None if vector.get("weight") is None else round(float(vector["weight"]) * 1000)
        money = vector.get("money") or {}
        wanted = Kind.IN_STORE, weight, vector.get("price"), vector.get("count"), money.get("currency")
        tally.expect((found.kind, found.weight_g, found.price, found.quantity, found.currency), wanted, vector)
    tally.finish()


def test_rcn_without_measure() -> None:
    tally = Tally("biip_rcn_without_measure")
    for vector in load("biip_rcn_without_measure"):
        if "nonvariable_prefixes" in vector:
            tally.leave_out("says which prefixes a country leaves alone; here the templates say it")
        elif "expected" in vector:
            digits = vector["value"][-13:]
            found = (in_store.without_measure(template, digits) for template in _region(vector))
            tally.expect(next(filter(None, found)), vector["expected"], vector)
        else:
            digits = vector["value"].rjust(13, "0")
            templates = NORDIC + REGIONS["GERMANY"]
            tally.expect([in_store.without_measure(template, digits) for template in templates].count(None), 9, vector)
    tally.finish()


def test_rcn_general() -> None:
    tally = Tally("biip_rcn_general")
    for vector in load("biip_rcn_general"):
        if vector["test"] != "test_parse_rcn":
            tally.leave_out("biip's names of regions; layouts are configured here")
            continue
        expected = vector["expected"]
        # An RCN-8 from 0 may be a UPC-E as well: with its AIM identifier it is an EAN-8.
        found = identify(vector["value"], aim="]E4" if len(vector["value"]) == 8 else None)
        measures = found.weight_g, found.quantity, found.price
        wanted = Kind.IN_STORE, (expected["weight"], expected["count"], expected["price"])
        tally.expect((found.kind, measures), wanted, vector)
    tally.finish()


def test_checksums() -> None:
    tally = Tally("biip_checksums")
    for vector in load("biip_checksums"):
        value = vector["value"]
        if "expected" not in vector:
            # Callers make sure of digits and length: is_digits refuses what str.isdigit takes.
            tally.expect_refused(None if is_digits(value) and len(value) in {4, 5} else "not digits or length", vector)
        elif "price" in vector["test"]:
            tally.expect(int((price4_digit if len(value) == 4 else price5_digit)(value)), vector["expected"], vector)
        else:
            tally.expect(int(gs1_digit(value)), vector["expected"], vector)
    tally.finish()


def test_gtin_parse() -> None:
    tally = Tally("biip_gtin_parse")
    for vector in load("biip_gtin_parse"):
        value = vector["value"]
        if vector["test"] in {"test_parse_value_with_invalid_length", "test_parse_nonnumeric_value"}:
            found = identify(value)
            tally.expect_refused(None if found.gtin else found.reason, vector)
        elif len(value) == 8 and value[0] == "0":
            # RCN-8 in truth, and perhaps a UPC-E: no GTIN without an AIM identifier, and none with it.
            assert identify(value).gtin is None
            tally.expect(identify(value, aim="]E4").kind, Kind.IN_STORE, vector)
        else:
            tally.expect(identify(value).gtin, value.rjust(14, "0"), vector)
    tally.finish()


def test_gtin_encode() -> None:
    tally = Tally("biip_gtin_encode")
    for vector in load("biip_gtin_encode"):
        gtin = identify(vector["value"]).gtin
        assert gtin is not None
        digits = int(vector["test"].split("_")[3])
        if "fails" in vector["test"]:
            tally.expect_refused("longer than eight digits" if gtin[: 14 - digits].strip("0") else None, vector)
        else:
            tally.expect(gtin[14 - digits :], vector["expected"], vector)
    tally.finish()


def test_upc_parse() -> None:
    tally = Tally("biip_upc_parse")
    for vector in load("biip_upc_parse"):
        if "number_system" in vector:
            # The recorded text is the name of the original test's variable; any number system but 0 and 1 is refused.
            taken = [digit for digit in "23456789" if expand_upc_e(digit + "425261") is not None]
            tally.expect_refused("number system" if not taken else None, vector)
        elif vector["test"] == "test_parse_upc_e":
            upc_a = expand_upc_e(vector["value"])
            tally.expect(suppress_upc_a(upc_a or ""), vector["value"], vector)
        else:
            tally.expect_refused("no UPC-E" if expand_upc_e(vector["value"]) is None else None, vector)
    tally.finish()


def test_upc_encode() -> None:
    tally = Tally("biip_upc_encode")
    for vector in load("biip_upc_encode"):
        upc_a = expand_upc_e(vector["value"]) or vector["value"]
        kind = vector["test"].removeprefix("test_as_")
        digits = {"upc_a": 12, "gtin_12": 12, "gtin_13": 13, "gtin_14": 14}
        found = suppress_upc_a(upc_a) if kind == "upc_e" else upc_a.rjust(digits[kind], "0")
        tally.expect(found, vector["expected"], vector)
    tally.finish()


def test_upc_e_expansion() -> None:
    tally = Tally("upc_e_expansion")
    for vector in load("upc_e_expansion"):
        known = f"gtin:{vector['gtin14']}"
        found = (
            expand_upc_e(vector["upc_e"]),
            expand_upc_e(vector["number_system"] + vector["upc_e_6"]),
            identify(vector["upc_e"], lookup=lambda key, known=known: "SKU" if key == known else None).gtin,
            identify(vector["upc_e"]).kind,
        )
        tally.expect(found, (vector["upc_a"], vector["upc_a"], vector["gtin14"], Kind.AMBIGUOUS), vector)
        # Several UPC-E stand for one UPC-A; the canonical one leads back.
        assert expand_upc_e(suppress_upc_a(vector["upc_a"]) or "") == vector["upc_a"]
    tally.finish()


def test_sscc() -> None:
    tally = Tally("biip_sscc")
    for vector in load("biip_sscc"):
        if "expected" in vector:
            assert identify("00" + vector["value"]).sscc == vector["value"]
            tally.leave_out("spacing for print")
        else:
            found = identify(vector["value"])
            tally.expect_refused(None if found.sscc else found.reason, vector)
    tally.finish()


def test_gln() -> None:
    tally = Tally("biip_gln")
    for vector in load("biip_gln"):
        found = identify("]C1414" + vector["value"])
        tally.expect_refused(None if found.gln else found.reason, vector)
    tally.finish()


def test_prefixes() -> None:
    tally = Tally("biip_prefixes")
    for vector in load("biip_prefixes"):
        if vector["test"] == "test_gs1_company_prefix":
            wanted = len(vector["expected"]["value"]) if vector["expected"] else None
            tally.expect(company_prefix_digits(vector["value"]), wanted, vector)
        else:
            tally.leave_out(BIIP_TREE)
    tally.finish()


def test_symbology() -> None:
    tally = Tally("biip_symbology")
    for vector in load("biip_symbology"):
        value = vector["value"]
        if value.startswith("]Y"):
            tally.leave_out("system expansion: identifiers of several characters, which no scanner of ours sends")
        elif vector.get("expect") and value == "E0":
            # Without the bracket it is data: a text that happens to be E0.
            found = identify(value)
            tally.expect_refused(found.reason if found.symbology is None else None, vector)
        elif vector.get("expect"):
            assert aim.parse(value) is not None
            tally.leave_out("biip does not know DotCode (J); ISO/IEC 15424 does")
        else:
            symbology = aim.parse(value[:3])
            tally.expect(symbology and symbology.identifier, value[:3], vector)
    tally.finish()


def test_top_level_parse() -> None:
    tally = Tally("biip_top_level_parse")
    for vector in load("biip_top_level_parse"):
        expected = vector["expected"]
        found = identify(vector["value"])
        if "gtin" in expected:
            tally.expect(found.gtin, expected["gtin"]["value"].rjust(14, "0"), vector)
        elif "sscc" in expected:
            tally.expect(found.sscc, expected["sscc"]["value"], vector)
        else:
            # biip gives a message whose key has a wrong check digit; a wrong key is worse than none.
            tally.expect_refused(None if found.gtin or found.sscc else found.reason, vector)
    tally.finish()


def test_messages() -> None:
    tally = Tally("biip_messages")
    for vector in load("biip_messages"):
        test, value = vector["test"], vector["value"]
        try:
            if test == "test_from_element_strings":
                pairs = [(one["ai"]["args"][0], one["value"]) for one in value["args"][0]]
                tally.expect(elements.unparse(pairs), vector["expected"]["value"], vector)
            elif "hri" in test:
                found = elements.unparse(elements.parse_bracketed(value))
                tally.expect(found, vector.get("expected", {}).get("value"), vector)
            else:
                for separator in vector.get("separator_chars", ()):
                    value = value.replace(separator, elements.GS)
                tally.expect(elements.bracketed(elements.parse(value)), vector.get("expected_hri"), vector)
        except ElementError as error:
            # Month 00 is refused although the vector switches biip's date check off.
            if "fails" in test or "invalid" in test:
                tally.expect_refused(error.reason, vector)
            else:
                tally.fail(vector, str(error))
    tally.finish()


def test_element_strings() -> None:
    tally = Tally("biip_element_strings")
    for vector in load("biip_element_strings"):
        test = vector["test"]
        if test.endswith("by_data_title"):
            tally.leave_out("biip's search by data title; ours are pairs of AI and value")
        elif test.endswith("by_ai"):
            tally.expect(*_by_ai(vector), vector)
        elif "nested_error" in test or "fails" in test:
            text = vector.get("value") or vector["ai_code"] + vector["bad_value"].removeprefix(vector["ai_code"])
            tally.expect_refused(_refusal(text), vector)
        else:
            tally.expect(*_element(vector), vector)
    tally.finish()


def _refusal(text: str) -> str | None:
    try:
        elements.parse(text)
    except ElementError as error:
        return error.reason
    return None


def _by_ai(vector: dict[str, Any]) -> tuple[Any, Any]:
    pairs = [elements.parse(string["args"][0])[0] for string in vector["value"]]
    ai = vector["ai"] if isinstance(vector["ai"], str) else vector["ai"]["args"][0]
    expected = vector["expected"]
    found = [value for other, value in pairs if other == ai]
    return found, expected if isinstance(expected, list) else [expected] if expected else []


def _element(vector: dict[str, Any]) -> tuple[Any, Any]:
    ((ai, value),) = elements.parse(vector["value"])
    test = vector["test"]
    if test == "test_extract":
        return (ai, value), (vector["expected"]["ai"]["args"][0], vector["expected"]["value"])
    if "date" in test:
        return iso_date(value[:6], 2026), "{:04}-{:02}-{:02}".format(*vector["expected_date"]["args"])
    if "zero_day" in test:
        return iso_date(value, 2026), "{:04}-{:02}-{:02}".format(*vector["expected"]["args"])
    if "currency" in test:
        # 978 is EUR: the label's three digits are kept, and with AI 391n no stock is valued.
        return (value[:3], int(decimal(value[3:], int(ai[3])))), ("978", vector["expected_decimal"])
    return decimal(value, int(ai[3])), vector["expected"]
