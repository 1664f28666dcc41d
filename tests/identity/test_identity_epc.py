"""EPC codes and URIs against cross-checked, hand-made, epcpy's and GS1's own vectors; the PC word; the cache."""

from __future__ import annotations

from typing import Any

import pytest
from gs1_vectors import Tally, load

from identity import Kind, digital_link, identify, identify_epc
from identity.elements import Elements, bracketed
from identity.epc import EpcError, decode, elements_of, encode, encode_tag_uri, from_hex, pc_word, uri_of
from identity.epc import fixed as fixed_schemes
from identity.epc.families import FAMILIES
from identity.epc.uri import parse_id
from identity.tags import CACHE_TAGS_MAX

NO_GS1_KEY = "no GS1 key (GID, US DoD, aerospace, container, ship): such a tag stays raw"
OTHER_SCHEMES = dict.fromkeys(("GID", "USDOD", "ADI", "BIC", "IMOVN"), NO_GS1_KEY) | {
    "LGTIN": "a class URI for all items of one lot, which names no single thing"
}


def _plain(elements: Elements) -> str:
    """Bracketed as the vectors write it, without escapes."""
    return bracketed(elements).replace("\\(", "(")


def _padded(digits: str) -> str:
    """Hexadecimal digits filled up to whole words: the standard prints some codes without."""
    return digits + "0" * (-len(digits) % 4)


def test_generated_and_crosschecked() -> None:
    tally = Tally("epc_generated_crosschecked")
    for vector in load("epc_generated_crosschecked"):
        if vector["scheme"] == "GID-96":
            assert identify_epc(vector["hex"]).kind is Kind.RAW
            tally.leave_out(NO_GS1_KEY)
            continue
        epc = decode(bytes.fromhex(vector["hex"]))
        found = {
            "scheme": epc.scheme.upper(),
            "filter": epc.filter,
            "company_prefix": epc.company_prefix,
            "epc_uri": epc.uri,
            "tag_uri": epc.tag_uri,
            "element_string": _plain(epc.elements),
            "gtin14": dict(epc.elements).get("01"),
            "serial": dict(epc.elements).get("21"),
            "hex": encode_tag_uri(vector["tag_uri"]).hex().upper(),
        }
        tally.expect(found, {name: vector.get(name) for name in found}, vector)
        digits = len(vector["company_prefix"])
        assert uri_of(epc.elements, digits) == vector["epc_uri"]
        assert elements_of(vector["epc_uri"]) == epc.elements
        again = encode(epc.scheme, epc.elements, company_prefix_digits=digits, filter_value=epc.filter)
        assert again.hex().upper() == vector["hex"]
    tally.finish()


def test_negative_and_field() -> None:
    tally = Tally("epc_negative_and_field")
    for vector in load("epc_negative_and_field"):
        found = identify_epc(vector["hex"])
        expect = vector["expect"]
        if expect.startswith("urn:"):
            tally.expect(found.epc_uri, expect, vector)
        elif expect.startswith("GTIN "):
            tally.expect(found.gtin, expect.removeprefix("GTIN "), vector)
        else:
            refused = found.kind in {Kind.RAW, Kind.REFUSED} and found.gtin is None and found.sscc is None
            tally.expect_refused(found.reason if refused else None, vector)
    tally.finish()


def test_epcpy_schemes() -> None:
    tally = Tally("epcpy_schemes")
    for vector in load("epcpy_schemes"):
        if vector["scheme"] in OTHER_SCHEMES:
            tally.leave_out(OTHER_SCHEMES[vector["scheme"]])
        elif "idpat" in vector:
            tally.leave_out("a pattern for many EPCs (idpat), which no tag carries")
        elif "gtin_type" in vector.get("kwargs", {}):
            tally.leave_out("epcpy's choice among GTIN-8/12/13; every GTIN has 14 digits here")
        elif vector["valid"]:
            tally.expect(_scheme_facts(vector), _scheme_wanted(vector), vector)
        else:
            tally.expect_refused(_scheme_fault(vector), vector)
    tally.finish()


def _scheme_facts(vector: dict[str, Any]) -> dict[str, Any]:
    elements = elements_of(vector["uri"])
    facts: dict[str, Any] = {"uri": uri_of(elements, len(vector["uri"].split(":", 4)[4].partition(".")[0]))}
    if "gs1_element_string" in vector:
        facts["gs1_element_string"] = _plain(elements)
    if "hex" in vector:
        facts["hex"] = encode_tag_uri(vector["tag_uri"]).hex().upper()
        epc = decode(bytes.fromhex(vector["hex"]))
        facts["tag_uri"], facts["decoded"] = epc.tag_uri, epc.uri
    return facts


def _scheme_wanted(vector: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: vector[name] for name in ("uri", "gs1_element_string", "hex", "tag_uri") if name in vector}
    if "hex" in vector:
        wanted["decoded"] = vector["uri"]
    return wanted


def _scheme_fault(vector: dict[str, Any]) -> str | None:
    try:
        urn, parts = parse_id(vector["uri"])
    except EpcError as error:
        return error.reason.value
    if urn != vector["scheme"].lower():
        return "another scheme"
    if vector["kind"] != "TagEncodable":
        return None
    coding = vector["kwargs"]["binary_coding_scheme"].rpartition(".")[2].lower().replace("_", "-")
    try:
        fixed_schemes.encode(fixed_schemes.BY_TAG[coding], 0, parts)
    except EpcError as error:
        return error.reason.value
    return None


def test_tds113_annex() -> None:
    tally = Tally("tds113_annex_e3")
    for vector in load("tds113_annex_e3"):
        if vector["scheme"].split("-")[0] in {"GID", "USDOD", "ADI"}:
            tally.leave_out(NO_GS1_KEY)
            continue
        epc = decode(from_hex(_padded(vector["hex"])))
        found = _plain(epc.elements), epc.uri, epc.tag_uri, encode_tag_uri(vector["tag_uri"]).hex().upper()
        wanted = vector["element_string"], vector["epc_uri"], vector["tag_uri"], _padded(vector["hex"])
        tally.expect(found, wanted, vector)
    tally.finish()


def test_tds23_annex() -> None:
    tally = Tally("tds23_annex_e3")
    for vector in load("tds23_annex_e3"):
        if vector["digital_link_path"] is None:
            tally.leave_out(NO_GS1_KEY)
            continue
        epc = decode(from_hex(_padded(vector["hex"])))
        again = encode(
            epc.scheme,
            epc.elements,
            company_prefix_digits=len(epc.company_prefix or ""),
            filter_value=epc.filter,
            hostname=epc.hostname,
        )
        path = digital_link.generate(epc.elements, "")
        found = epc.scheme.upper(), path, epc.hostname, again.hex().upper()
        wanted = vector["scheme"].upper(), vector["digital_link_path"], vector.get("hostname"), _padded(vector["hex"])
        tally.expect(found, wanted, vector)
        host = vector.get("hostname", "id.gs1.org")
        assert identify_epc(_padded(vector["hex"])).digital_link == f"https://{host}{vector['digital_link_path']}"
    tally.finish()


@pytest.mark.parametrize("word", ["3000", "3400"])
@pytest.mark.parametrize("code", ["3034257BF7194E4000001A85", "3174257BF4499602D2000000", "F93952114112345678906000"])
def test_a_pc_word_in_front_is_no_header(word: str, code: str) -> None:
    found = identify_epc(word + code)
    assert found.kind is Kind.RAW
    assert found.gtin is None


def test_pc_word_beside_the_code() -> None:
    code = "3034257BF7194E4000001A85"
    assert identify_epc(code, 0x3000).gtin == "80614141123458"
    # Bytes behind the announced length belong to the next read, whatever they are.
    assert identify_epc(code + "BEEF", 0x3000).gtin == "80614141123458"
    assert identify_epc(code + "BEEF").reason == "epc_trailing_bits"
    assert identify_epc(code, 0x31A2).reason == "epc_iso_afi"
    assert identify_epc(code, 0x4000).reason == "epc_too_short"
    assert identify_epc("xyz", 0x3000).kind is Kind.REFUSED
    assert identify_epc("", 0x0000).kind is Kind.REFUSED


def test_the_pc_word_of_a_code() -> None:
    code = encode_tag_uri("urn:epc:tag:sgtin-96:1.0614141.812345.6789")
    assert pc_word(code) == 0x3000
    assert identify_epc(code, pc_word(code)).serial == "6789"
    with pytest.raises(EpcError):
        pc_word(b"")


def test_the_filter_is_told_and_names_nothing() -> None:
    box, item = identify_epc("3054257BF7194E4000001A85"), identify_epc("3034257BF7194E4000001A85")
    assert (box.filter, item.filter) == (2, 1)
    assert (box.epc_uri, box.digital_link) == (item.epc_uri, item.digital_link)


def test_raw_tags_stay_visible() -> None:
    blank = identify_epc("000000000000000000000000")
    assert (blank.kind, blank.reason) == (Kind.RAW, "epc_unprogrammed")
    assert blank.epc_uri == "urn:epc:raw:96.x000000000000000000000000"
    assert identify_epc(b"").kind is Kind.REFUSED
    assert identify_epc(bytes(200)).kind is Kind.REFUSED


def test_keys_that_stock_does_not_keep() -> None:
    piece = identify_epc("4076451FD40C0E40820000000F54")
    assert (piece.kind, piece.gtin, piece.reason) == (Kind.RAW, None, "part_of_item")
    person = identify_epc("2E76451FD4499602D2000000")
    assert (person.kind, person.reason) == (Kind.RAW, "not_stock")
    assert identify_epc("3F76451FD612640000019907").reason == "coupon"
    # A restricted number in a tag: prefix 0200000.
    restricted = encode_tag_uri("urn:epc:tag:sgtin-96:1.0200000.000001.7")
    assert (identify_epc(restricted).kind, identify_epc(restricted).gtin) == (Kind.RAW, None)


def test_a_wrong_check_digit_in_a_plus_code_is_refused() -> None:
    good = encode("sgtin+", (("01", "80614141123458"), ("21", "a1")))
    assert identify_epc(good).gtin == "80614141123458"
    bad = good.hex().upper().replace("80614141123458", "80614141123459")
    assert identify_epc(bad).reason == "check_digit"


def test_a_dated_tag() -> None:
    code = encode("dsgtin+", {"17": "270131", "01": "80614141123458", "21": "77"})
    found = identify_epc(code)
    assert (found.gtin, found.serial, found.expiry) == ("80614141123458", "77", "2027-01-31")
    assert found.digital_link == "https://id.gs1.org/01/80614141123458/21/77?17=270131"


@pytest.mark.parametrize(
    ("scheme", "elements", "digits"),
    [
        ("sgtin-96", {"01": "80614141123458", "21": "a"}, 7),  # letters
        ("sgtin-96", {"01": "80614141123458", "21": "007"}, 7),  # leading zeros would be lost
        ("sgtin-96", {"01": "80614141123458", "21": "274877906944"}, 7),  # 2^38
        ("sgtin-96", {"01": "80614141123458"}, 7),  # no serial
        ("sgtin-96", {"01": "80614141123459", "21": "1"}, 7),  # check digit
        ("sgtin-96", {"01": "80614141123458", "21": "1"}, 13),
        ("sgtin-96", {"01": "80614141123458", "21": "1", "10": "LOT"}, 7),  # a lot has no place
        ("sscc-96", {"01": "80614141123458", "21": "1"}, 7),
        ("sgtin+", {"01": "80614141123458", "21": "x" * 21}, None),
        ("sgtin++", {"01": "80614141123458", "21": "1"}, None),  # no host name
        ("gid-96", {"01": "80614141123458", "21": "1"}, 7),
        ("giai-202", {"8004": "0614141"}, 7),
    ],
)
def test_encoders_refuse_what_would_read_back_otherwise(
    scheme: str, elements: dict[str, str], digits: int | None
) -> None:
    with pytest.raises(EpcError):
        encode(scheme, elements, company_prefix_digits=digits)


def test_every_family_is_known_by_one_key() -> None:
    assert {scheme.urn for scheme in fixed_schemes.SCHEMES} == set(FAMILIES) - {"ginc", "gsin", "pgln", "upui"}
    assert {scheme.tag: scheme.bits for scheme in fixed_schemes.SCHEMES if scheme.tag.endswith("-96")} == {
        scheme.tag: 96 for scheme in fixed_schemes.SCHEMES if scheme.tag.endswith("-96")
    }
    for scheme in fixed_schemes.SCHEMES:
        size = scheme.tag.rpartition("-")[2]
        if size.isdigit():
            totals = {
                14 + prefix + reference + sum(bits for _, bits, _ in scheme.fields)
                for prefix, reference in zip(fixed_schemes.PREFIX_BITS, scheme.reference_bits, strict=True)
            }
            assert totals == {int(size)}


def test_the_cache_has_a_limit() -> None:
    assert CACHE_TAGS_MAX <= 10_000
    first = identify_epc("3034257BF7194E4000001A85")
    assert identify_epc("3034257BF7194E4000001A85") is first


def test_a_serial_that_no_element_may_have_makes_no_link() -> None:
    tag = identify_epc(encode_tag_uri("urn:epc:tag:cpi-96:1.0614141.98765.0"))
    assert (tag.kind, tag.digital_link) == (Kind.ASSET, None)
    assert identify("urn:epc:id:cpi:0614141.98765.0").digital_link is None
